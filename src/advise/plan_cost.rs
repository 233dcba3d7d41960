//! What a plan costs, and which indexes it uses.

use std::collections::BTreeSet;

use crate::explain::{Node, QueryPlan};

/// What a plan is about to cost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlanCost {
    /// In the planner's units.
    pub cost: f64,
    /// That includes reading on to the end where the plan hopes to stop early.
    pub hopeful: bool,
    /// The names of the indexes in it.
    pub indexes: BTreeSet<String>,
}

/// How far a plan's hopes are believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Caution {
    /// As the planner says: it knows how many rows there are of the value that the plan is made for.
    None,
    /// The value does not occur, which the planner does not know.
    Absent,
    /// A plan for all values alike. `wanted`: the rows that LIMIT and OFFSET really ask for, where a parameter says
    /// so; the planner takes them for a tenth of all.
    Generic { wanted: Option<f64> },
}

/// What a plan costs.
///
/// A LIMIT over a scan that filters is planned in the hope that the rows wanted lie evenly spread. Of a value that
/// is rare, or not there, the scan reads on to its end. So where that may be, the whole scan counts.
pub fn plan_cost(plan: &QueryPlan, caution: Caution) -> PlanCost {
    let root = &plan.root;
    let (cost, more) = match caution {
        Caution::None => (root.total_cost, 0.0),
        Caution::Absent => (root.total_cost, hoped_for(root)),
        Caution::Generic { wanted } => (limited(root, wanted), hoped_for(root)),
    };
    PlanCost {
        cost: cost + more,
        hopeful: more > 0.0,
        indexes: root.walk().filter_map(|node| node.index.clone()).collect(),
    }
}

/// What all scans that stop at a LIMIT in the hope of enough hits cost beyond that, if they read on to the end.
fn hoped_for(root: &Node) -> f64 {
    let limits = root.walk().filter(|node| node.kind == "Limit");
    let hopes = limits.filter_map(|limit| {
        let child = limit
            .children
            .first()
            .filter(|child| filters_on_the_way(child))?;
        Some((child.total_cost - limit.total_cost).max(0.0))
    });
    hopes.sum()
}

/// The plan's cost, with as many rows as the outermost LIMIT wants.
fn limited(root: &Node, wanted: Option<f64>) -> f64 {
    let child = root.children.first().filter(|_| root.kind == "Limit");
    match (child, wanted) {
        (Some(child), Some(wanted)) if !filters_on_the_way(child) => {
            let share = (wanted / child.estimated_rows.max(1.0)).min(1.0);
            child.startup_cost + (child.total_cost - child.startup_cost) * share
        }
        _ => root.total_cost,
    }
}

/// Whether rows are thrown away between the scan and here, with nothing between that reads everything first.
fn filters_on_the_way(node: &Node) -> bool {
    let filters = || {
        ["Filter", "Join Filter"]
            .iter()
            .any(|key| node.condition(key).is_some())
    };
    match node.kind.as_str() {
        "Sort" | "Hash Join" | "Aggregate" | "Bitmap Heap Scan" | "Merge Join" | "Group" => false,
        "Append" | "Merge Append" => node.children.iter().any(filters_on_the_way),
        _ if filters() => true,
        _ => node.children.first().is_some_and(filters_on_the_way),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(json: &Value, caution: Caution) -> PlanCost {
        plan_cost(&QueryPlan::parse(json).unwrap(), caution)
    }

    #[test]
    fn a_generic_plan_that_hopes_for_a_hit_is_counted_to_its_end_and_a_sorted_one_is_not() {
        let scan = |filter: bool| {
            let mut scan =
                json!({"Node Type": "Index Scan", "Index Name": "i", "Total Cost": 900.0});
            if filter {
                scan["Filter"] = "(a = $1)".into();
            }
            json!([{"Plan": {"Node Type": "Limit", "Total Cost": 3.0, "Plans": [scan]}}])
        };
        let cost = |json: &Value, caution| of(json, caution).cost;
        let generic = Caution::Generic { wanted: None };
        assert!((cost(&scan(true), generic) - 900.0).abs() < 1e-9);
        assert!((cost(&scan(true), Caution::Absent) - 900.0).abs() < 1e-9);
        assert!((cost(&scan(true), Caution::None) - 3.0).abs() < 1e-9);
        assert!((cost(&scan(false), generic) - 3.0).abs() < 1e-9);
        // The LIMIT that the planner puts below a max().
        let nested = json!([{"Plan": {"Node Type": "Result", "Total Cost": 4.0, "Plans": [scan(true)[0]["Plan"]]}}]);
        assert!((cost(&nested, generic) - 901.0).abs() < 1e-9);
        assert!(of(&scan(false), generic).indexes.contains("i"));
    }

    #[test]
    fn a_limit_that_is_a_parameter_counts_with_its_value() {
        let plan = json!([{"Plan": {"Node Type": "Limit", "Total Cost": 110.0, "Plans": [
            {"Node Type": "Nested Loop", "Startup Cost": 10.0, "Total Cost": 1010.0, "Plan Rows": 1000.0}
        ]}}]);
        let cost = |wanted| of(&plan, Caution::Generic { wanted }).cost;
        assert!((cost(Some(20.0)) - 30.0).abs() < 1e-9);
        assert!((cost(Some(5_000.0)) - 1_010.0).abs() < 1e-9);
        assert!((cost(None) - 110.0).abs() < 1e-9);
    }
}
