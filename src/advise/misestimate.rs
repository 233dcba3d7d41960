//! Where the planner expects a hundred times more or fewer rows than come, as it takes columns for independent that are not.

use std::collections::{BTreeMap, BTreeSet};

use super::{ColumnUse, TableFacts, Term, expression::operand_of, terms};
use crate::{
    catalog::{QualifiedName, quote_identifier},
    explain::{Node, QueryPlan},
};

/// How far off an estimate must be.
const FAR: f64 = 100.0;
/// CREATE STATISTICS takes no more columns.
const MOST_COLUMNS: usize = 8;

/// What can be learned. With a list of the commonest combinations the server no longer asks which column tells which
/// (`statext_clauselist_selectivity` in extended_stats.c): of values that are all as common, that is worse than none.
pub const KINDS: [&str; 2] = ["ndistinct, dependencies", "ndistinct, dependencies, mcv"];

/// Columns of a table that tell of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Correlated {
    pub table: QualifiedName,
    pub columns: BTreeSet<String>,
}

/// An estimate, and what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Misestimate {
    pub of: Correlated,
    pub estimated: f64,
    pub actual: f64,
}

impl Misestimate {
    /// By how much it is off, as a multiple.
    pub fn factor(&self) -> f64 {
        let (a, b) = (self.estimated.max(1.0), self.actual.max(1.0));
        (a / b).max(b / a)
    }
}

impl Correlated {
    /// The statement that lets the server learn how they hang together, at the next ANALYZE. `kinds`: one of [`KINDS`].
    pub fn statement(&self, name: &str, kinds: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|c| quote_identifier(c)).collect();
        format!(
            "CREATE STATISTICS {} ({kinds}) ON {} FROM {}",
            QualifiedName::new(&self.table.schema, name).quoted(),
            columns.join(", "),
            self.table.quoted()
        )
    }
}

/// The estimates of rows and of groups that two columns or more decide, of a plan that was run.
pub fn estimates(
    plan: &QueryPlan,
    tables: &BTreeMap<QualifiedName, TableFacts>,
) -> Vec<Misestimate> {
    let mut aliases: BTreeMap<&str, &QualifiedName> = BTreeMap::new();
    for node in plan.root.walk() {
        if let (Some(alias), Some(relation)) = (&node.alias, &node.relation) {
            aliases.insert(alias, relation);
        }
    }
    let found = plan.root.walk().filter_map(|node| {
        let columns = match node.kind.as_str() {
            "Aggregate" | "Group" => grouped(node),
            _ => fixed(node),
        };
        let first = columns.first()?;
        let relation = match node.relation.as_ref() {
            Some(relation) => relation,
            None => aliases.get(first.alias.as_str()).copied()?,
        };
        if columns.iter().any(|column| column.alias != first.alias) {
            return None;
        }
        let facts = tables.get(relation)?;
        let columns: BTreeSet<String> = columns.into_iter().map(|column| column.column).collect();
        let fits = (2..=MOST_COLUMNS).contains(&columns.len())
            && columns
                .iter()
                .all(|column| facts.columns.contains_key(column));
        fits.then_some(Misestimate {
            of: Correlated {
                table: facts.name(),
                columns,
            },
            estimated: node.estimated_rows,
            actual: node.actual_rows.filter(|_| node.loops > 0.0)?,
        })
    });
    found.collect()
}

/// Of estimates, those that are far off.
pub fn is_far_off(one: &Misestimate) -> bool {
    one.factor() >= FAR
}

/// The columns that a scan compares with what is known.
fn fixed(node: &Node) -> Vec<ColumnUse> {
    if node.relation.is_none() {
        return Vec::new();
    }
    let all = node.conditions.iter().flat_map(|(_, text)| terms(text));
    let columns = all.filter_map(|term| match term {
        Term::Compare {
            left,
            operator,
            right,
            ..
        } if matches!(operator.as_str(), "=" | "= ANY") => {
            let side = match (left.columns.len(), right.columns.len()) {
                (1, 0) => left,
                (0, 1) => right,
                _ => return None,
            };
            let bare = side.bare.is_some();
            side.columns.into_iter().next().filter(|_| bare)
        }
        _ => None,
    });
    columns.collect()
}

fn grouped(node: &Node) -> Vec<ColumnUse> {
    let keys = node.group_key.iter().map(|text| operand_of(text));
    let bare = keys.filter(|operand| operand.bare.is_some());
    bare.filter_map(|operand| operand.columns.into_iter().next())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::advise::ColumnFacts;

    #[test]
    fn a_scan_that_two_columns_decide_is_far_off_from_a_hundred_times_on() {
        let column = ColumnFacts {
            type_name: "int4".into(),
            length: 4,
            align: 4,
            width: 4.0,
            null_fraction: 0.0,
            distinct: None,
            correlation: 0.0,
            not_null: false,
            deduplicates: true,
            collated: false,
            relabels: Vec::new(),
            classes: Vec::new(),
        };
        let facts = TableFacts {
            table: Some(QualifiedName::new("public", "t")),
            columns: ["city", "zip"]
                .map(|name| (name.to_owned(), column.clone()))
                .into(),
            ..TableFacts::default()
        };
        let tables = BTreeMap::from([(facts.name(), facts)]);
        let found = |filter: &str, rows: f64| {
            let plan = json!([{"Plan": {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "t", "Alias": "t",
                "Filter": filter, "Plan Rows": 2.0, "Actual Rows": rows, "Actual Loops": 1.0}}]);
            let all = estimates(&QueryPlan::parse(&plan).unwrap(), &tables);
            all.into_iter()
                .filter(is_far_off)
                .map(|one| one.of.statement("s", KINDS[0]))
                .collect::<Vec<_>>()
        };
        let both = "((t.city = 7) AND (t.zip = 700))";
        assert_eq!(
            found(both, 200.0),
            ["CREATE STATISTICS public.s (ndistinct, dependencies) ON city, zip FROM public.t"]
        );
        assert_eq!(found(both, 199.0), [""; 0]);
        assert_eq!(found("((t.city = 7) AND (t.zip > 700))", 200.0), [""; 0]);
        assert_eq!(found("(t.city = t.zip)", 200.0), [""; 0]);
    }
}
