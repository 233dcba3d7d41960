//! The cases of a run without a clock (`--plans-only`).

use super::verdict::{tone, words};
use crate::{
    explain::QueryPlan,
    render::{Cell, Column, Table, Tone},
    report::timing::{TimingResult, Verdict},
};

/// Whether nothing was timed (`--plans-only`).
pub(super) fn is_planned(result: &TimingResult) -> bool {
    let mut cases = result.queries.iter().flat_map(|query| &query.cases);
    cases.any(|case| matches!(case.verdict, Verdict::Planned | Verdict::PredictedOver))
}

/// Each case's plan and cost, and what is predicted from it.
pub(super) fn planned(result: &TimingResult) -> Table {
    let mut rows = Vec::new();
    let mut cases = result.queries.iter().flat_map(|query| &query.cases);
    let is_predicted = cases.any(|case| case.predicted_ms.is_some());
    for query in &result.queries {
        let mut name = Cell::new(&query.name, Tone::Strong);
        if query.cases.is_empty() {
            let verdict = Cell::new(words(query.verdict), tone(query.verdict));
            let mut row = vec![name, Cell::from(""), verdict];
            row.resize(if is_predicted { 7 } else { 6 }, Cell::from(""));
            rows.push(row);
            continue;
        }
        for case in query
            .cases
            .iter()
            .filter(|case| case.same_plan_as.is_none())
        {
            let plan = case.plan.as_ref().and_then(QueryPlan::parse);
            let figure =
                |figure: Option<f64>| figure.map_or(String::new(), |figure| format!("{figure:.2}"));
            let mut row = vec![
                std::mem::replace(&mut name, Cell::from("")),
                Cell::from(&case.label),
                Cell::new(words(case.verdict), tone(case.verdict)),
                figure(case.total_cost).into(),
                case.estimated_rows
                    .map_or(String::new(), |rows| format!("{rows:.0}"))
                    .into(),
                plan.map_or(String::new(), |plan| outline(&plan)).into(),
            ];
            if is_predicted {
                row.insert(4, case.predicted_words().into());
            }
            rows.push(row);
        }
    }
    let mut columns = vec![
        Column::left(result.subject()),
        Column::left("case"),
        Column::left("verdict"),
        Column::right("cost"),
        Column::right("rows"),
        Column::left("plan"),
    ];
    if is_predicted {
        columns.insert(4, Column::right("predicted"));
    }
    Table { columns, rows }
}

/// How each table is read: `content using idx_content_user_date, users (Seq Scan)`.
fn outline(plan: &QueryPlan) -> String {
    let read = plan
        .root
        .walk()
        .filter_map(|node| match (&node.index, &node.relation) {
            (Some(index), Some(relation)) => Some(format!("{} using {index}", relation.name)),
            (Some(index), None) => Some(index.clone()),
            (None, Some(relation)) => Some(format!("{} ({})", relation.name, node.kind)),
            (None, None) => None,
        });
    read.collect::<Vec<_>>().join(", ")
}
