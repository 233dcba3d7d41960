//! Telling whether a plan is the same as before.

use super::Node;

/// A hash of the plan's shape: kinds of nodes, tables and indexes, in their order; neither costs nor rows,
/// nor the values compared with. The same on every machine and in every version of dbaudit.
pub fn fingerprint(root: &Node) -> String {
    let mut text = String::new();
    canonical(root, &mut text);
    // FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn canonical(node: &Node, text: &mut String) {
    text.push('(');
    text.push_str(&node.kind);
    for part in [
        Some(node.variant.clone()),
        node.relation.as_ref().map(ToString::to_string),
        node.index.clone(),
    ] {
        text.push('|');
        text.push_str(&part.unwrap_or_default());
    }
    for child in &node.children {
        canonical(child, text);
    }
    text.push(')');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::explain::QueryPlan;

    fn of(index: &str, rows: u64, cost: f64) -> String {
        let plan = json!([{"Plan": {"Node Type": "Limit", "Plan Rows": rows, "Total Cost": cost,
            "Plans": [{"Node Type": "Index Scan", "Parent Relationship": "Outer", "Schema": "s",
                       "Relation Name": "t", "Index Name": index, "Plan Rows": rows}]}}]);
        fingerprint(&QueryPlan::parse(&plan).unwrap().root)
    }

    #[test]
    fn the_fingerprint_depends_on_shape_and_indexes_only_and_stays_the_same_for_ever() {
        assert_eq!(of("a", 1, 2.0), of("a", 1_000, 9.5));
        assert_ne!(of("a", 1, 2.0), of("b", 1, 2.0));
        // Saved runs are compared with this: it must not change.
        assert_eq!(of("a", 1, 2.0), "16acd9deb52c8722");
    }
}
