//! Why a query costs what it costs, in sentences.

use super::{Node, QueryPlan, tree::count, tree::title};
use crate::catalog::{QualifiedName, TableIndex};

/// A node counts as a reason from this share of the whole on.
const NOTABLE_SHARE: f64 = 0.05;
/// Where none does, one from this share of the whole on is worth telling beside the costliest node.
const MINOR_SHARE: f64 = 0.01;
/// With fewer rows, reading or sorting them all is not a reason.
const NOTABLE_ROWS: f64 = 1_000.0;
/// An estimate this many times off is worth telling.
const MISESTIMATE: f64 = 10.0;

/// The reasons, weightiest first; never empty: where no known pattern fits, the costliest node is named.
pub fn reasons(plan: &QueryPlan, indexes: &[TableIndex]) -> Vec<String> {
    let mut found: Vec<(f64, String)> = Vec::new();
    visit(plan, &plan.root, None, None, indexes, &mut found);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let least = match found.first() {
        Some((share, _)) if *share < NOTABLE_SHARE => MINOR_SHARE,
        _ => NOTABLE_SHARE,
    };
    found.retain(|(share, _)| *share >= least);
    let mut sentences = Vec::new();
    if least < NOTABLE_SHARE || found.is_empty() {
        let costliest = plan.costliest();
        let (share, of) = (plan.share(costliest) * 100.0, title(costliest));
        let unknown = if found.is_empty() {
            "; no pattern was recognised that an index would improve"
        } else {
            ""
        };
        sentences.push(format!(
            "most of the time is spent in the {of} ({share:.0} %){unknown}"
        ));
    }
    sentences.extend(found.into_iter().map(|(_, sentence)| sentence));
    sentences.extend(misestimate(plan));
    sentences
}

fn visit(
    plan: &QueryPlan,
    node: &Node,
    parent: Option<&Node>,
    join: Option<&Node>,
    indexes: &[TableIndex],
    found: &mut Vec<(f64, String)>,
) {
    let mut share = plan.share(node);
    // A hash holds what the scan below it read, and takes the longer for it.
    if let Some(hash) = parent.filter(|parent| node.kind == "Seq Scan" && parent.kind == "Hash") {
        share += plan.share(hash);
    }
    let sentence = match node.kind.as_str() {
        "Seq Scan" => sequential_scan(node, parent, join, indexes),
        "Sort" | "Incremental Sort" => sort(node),
        "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan" => filtered_index_scan(node),
        _ => None,
    };
    found.extend(sentence.map(|text| (share, text)));
    // Of any share: what goes to disk is never meant to.
    found.extend(spill(node).map(|text| (share.max(NOTABLE_SHARE), text)));
    let joins = node.kind.ends_with("Join") || node.kind == "Nested Loop";
    let join = if joins { Some(node) } else { join };
    for child in &node.children {
        visit(plan, child, Some(node), join, indexes, found);
    }
}

fn sequential_scan(
    node: &Node,
    parent: Option<&Node>,
    join: Option<&Node>,
    indexes: &[TableIndex],
) -> Option<String> {
    let table = node.relation.as_ref()?;
    let kept = node.rows().unwrap_or(node.estimated_rows);
    let read = kept + node.removed();
    let estimated_only = node.actual_rows.is_none();
    if read < NOTABLE_ROWS && !(estimated_only && node.condition("Filter").is_some()) {
        return None;
    }
    let present = present_indexes(table, indexes);
    let inner = parent.is_some_and(|p| p.kind == "Nested Loop") && node.variant.contains("Inner");
    let repeated = inner && node.loops > 1.0;
    if repeated {
        return Some(format!(
            "the inner side of a join scans all of {table} {} times ({} rows in all): no index on the join \
             key is used; {present}",
            count(node.loops),
            count(read)
        ));
    }
    if let Some(filter) = node.condition("Filter") {
        return Some(if estimated_only {
            format!("a sequential scan of {table} filters all its rows by {filter}; {present}")
        } else {
            format!(
                "a sequential scan of {table} reads {} rows and its filter {filter} keeps {}; {present}",
                count(read),
                count(kept)
            )
        });
    }
    let key = join_key(node, join);
    let missing = key.map(|key| {
        let leads = |index: &&TableIndex| {
            index.valid && index.table == *table && index.leading_column.as_deref() == Some(&key)
        };
        match indexes.iter().find(leads) {
            Some(index) => format!(
                "; index {} begins with the join key {key}, but the planner does not use it",
                index.name
            ),
            None => format!("; no index begins with the join key {key}"),
        }
    });
    Some(format!(
        "a sequential scan of {table} reads all its {} rows{}; {present}",
        count(read),
        missing.unwrap_or_default()
    ))
}

/// The column of the scanned table that the join above compares, found by its alias in the condition.
fn join_key(node: &Node, join: Option<&Node>) -> Option<String> {
    let prefix = format!(
        "{}.",
        crate::catalog::quote_identifier(node.alias.as_deref()?)
    );
    let rest = join?
        .conditions
        .iter()
        .find_map(|(_, text)| text.split_once(&prefix).map(|(_, rest)| rest))?;
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    Some(rest[..end].to_owned()).filter(|key| !key.is_empty())
}

fn sort(node: &Node) -> Option<String> {
    let input: f64 = node
        .children
        .iter()
        .map(|child| child.rows().unwrap_or(child.estimated_rows))
        .sum();
    if input < NOTABLE_ROWS {
        return None;
    }
    let table = node
        .children
        .iter()
        .flat_map(Node::walk)
        .find_map(|n| n.relation.as_ref());
    let of = table
        .map(|table| format!(" of {table}"))
        .unwrap_or_default();
    Some(format!(
        "a sort of {} rows{of} by {}, an order that no index in use provides",
        count(input),
        node.sort_key.join(", ")
    ))
}

fn filtered_index_scan(node: &Node) -> Option<String> {
    let kept = node.rows()?;
    let removed = node.removed();
    if removed < NOTABLE_ROWS || removed < 10.0 * kept {
        return None;
    }
    let filter = node.condition("Filter")?;
    let index = node
        .index
        .as_ref()
        .map(|name| format!(" by {name}"))
        .unwrap_or_default();
    Some(format!(
        "a scan of {}{index} reads {} rows and its filter {filter} keeps {}: the index does not cover the \
         condition",
        node.relation.as_ref()?,
        count(kept + removed),
        count(kept)
    ))
}

fn spill(node: &Node) -> Option<String> {
    if let Some(kilobytes) = node.sort_disk_kb.filter(|kb| *kb > 0.0) {
        return Some(format!(
            "the sort did not fit in work_mem and spilled {} kB to disk",
            count(kilobytes)
        ));
    }
    let batches = node.hash_batches.filter(|batches| *batches > 1.0)?;
    Some(format!(
        "the hash did not fit in work_mem and was split into {} batches on disk",
        count(batches)
    ))
}

/// The deepest node whose estimate is far off. Below a LIMIT a node may end early, so fewer rows than
/// estimated mean nothing there.
fn misestimate(plan: &QueryPlan) -> Option<String> {
    fn worst<'a>(node: &'a Node, limited: bool, best: &mut Option<(f64, &'a Node)>) {
        let limited = limited || node.kind == "Limit" || node.kind == "Nested Loop";
        for child in &node.children {
            worst(child, limited, best);
        }
        let Some(actual) = node.actual_rows.filter(|_| node.loops > 0.0) else {
            return;
        };
        let (estimated, actual) = (node.estimated_rows.max(1.0), actual.max(1.0));
        let factor = if actual > estimated {
            actual / estimated
        } else if limited {
            1.0
        } else {
            estimated / actual
        };
        // Strictly more: the deeper node, visited first, is nearer to the cause.
        if factor >= MISESTIMATE && best.is_none_or(|(known, _)| factor > known) {
            *best = Some((factor, node));
        }
    }
    let mut best = None;
    worst(&plan.root, false, &mut best);
    let (_, node) = best?;
    Some(format!(
        "the planner expected {} rows from the {} and got {}: run ANALYZE if the statistics are stale, or \
         CREATE STATISTICS if columns are correlated",
        count(node.estimated_rows),
        title(node),
        count(node.actual_rows.unwrap_or(0.0))
    ))
}

fn present_indexes(table: &QualifiedName, indexes: &[TableIndex]) -> String {
    let names: Vec<String> = indexes
        .iter()
        .filter(|index| index.table == *table)
        .map(|index| {
            let columns = index
                .definition
                .split_once(" USING ")
                .map_or(index.definition.as_str(), |(_, rest)| rest);
            let invalid = if index.valid { "" } else { ", INVALID" };
            format!("{} ({columns}{invalid})", index.name)
        })
        .collect();
    if names.is_empty() {
        "the table has no indexes".to_owned()
    } else {
        format!("its indexes: {}", names.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(kind: &str, ms: f64, rows: f64, more: Value) -> Value {
        let mut node = json!({"Node Type": kind, "Schema": "s", "Plan Rows": rows, "Actual Rows": rows,
            "Actual Loops": 1.0, "Actual Total Time": ms});
        let fields = node.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        node
    }

    fn said(root: Value) -> Vec<String> {
        reasons(&QueryPlan::parse(&json!([{"Plan": root}])).unwrap(), &[])
    }

    /// A search that reads its hits from disk: `scan`, `hash` and `sort` are the milliseconds each takes by itself, of 100.
    fn search(scan: f64, hash: f64, sort: f64) -> Vec<String> {
        let inner = node(
            "Seq Scan",
            scan,
            9_000.0,
            json!({"Relation Name": "m", "Alias": "m"}),
        );
        let hash = node("Hash", scan + hash, 9_000.0, json!({"Plans": [inner]}));
        let heap = 100.0 - sort - hash["Actual Total Time"].as_f64().unwrap();
        let outer = node(
            "Bitmap Heap Scan",
            heap,
            5_000.0,
            json!({"Relation Name": "c", "Alias": "c"}),
        );
        let join = json!({"Hash Cond": "(c.id = m.c_id)", "Plans": [outer, hash]});
        let join = node("Hash Join", 100.0 - sort, 5_000.0, join);
        let sorted = json!({"Sort Key": ["c.at DESC"], "Plans": [join]});
        said(node("Sort", 100.0, 20.0, sorted))
    }

    const SCAN: &str = "a sequential scan of s.m reads all its 9,000 rows; no index begins with the join key c_id; the table has no indexes";
    const SORT: &str =
        "a sort of 5,000 rows of s.c by c.at DESC, an order that no index in use provides";
    const HEAP: &str = "most of the time is spent in the Bitmap Heap Scan of s.c";

    #[test]
    fn what_a_scan_costs_includes_the_hash_made_of_it() {
        assert_eq!(search(4.0, 20.0, 4.0), [SCAN]);
        assert_eq!(search(20.0, 0.0, 30.0), [SORT, SCAN]);
    }

    #[test]
    fn where_no_reason_is_weighty_the_costliest_node_and_the_lesser_ones_are_told() {
        assert_eq!(
            search(1.0, 1.0, 4.0),
            [&format!("{HEAP} (94 %)"), SORT, SCAN].map(str::to_owned)
        );
        let nothing =
            format!("{HEAP} (99 %); no pattern was recognised that an index would improve");
        assert_eq!(search(0.2, 0.1, 0.5), [nothing]);
    }

    #[test]
    fn a_spill_is_told_whatever_its_share() {
        let heap = node("Seq Scan", 99.0, 10.0, json!({"Relation Name": "c"}));
        let sort = json!({"Sort Key": ["x"], "Sort Space Type": "Disk", "Sort Space Used": 2048.0, "Plans": [heap]});
        let said = said(node("Sort", 100.0, 10.0, sort));
        assert!(
            said[0].starts_with("the sort did not fit in work_mem"),
            "{said:?}"
        );
    }
}
