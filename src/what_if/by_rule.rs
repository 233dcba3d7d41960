//! Indexes that no planner can be asked about unless they are built: HypoPG knows neither GIN nor GiST.

use std::collections::BTreeMap;

use super::{
    WhatIfConfig,
    examine::ExaminedQuery,
    search::{SearchInput, SearchResult},
};
use crate::{
    Error, Result,
    advise::{IndexSpec, Subset, TableFacts},
    catalog::QualifiedName,
    db::{self, Session, is_connection_loss},
};

pub(super) fn is_by_rule(all: &[IndexSpec], id: usize) -> bool {
    all.get(id).is_some_and(|spec| !spec.method.is_plannable())
}

/// Why the server would not build this index; `None`: it would, or does not let us try. It is tried on an empty table of
/// the same columns, in a transaction that is rolled back.
pub(super) async fn refusal(session: &Session, spec: &IndexSpec) -> Result<Option<String>> {
    let shadow = QualifiedName::new("pg_temp", "dbaudit_advise_shadow");
    let begin = format!(
        "BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'; \
         CREATE TEMPORARY TABLE dbaudit_advise_shadow (LIKE {}) ON COMMIT DROP",
        spec.table.quoted()
    );
    let outcome = match session.batch_execute(&begin).await {
        Ok(()) => {
            let build = spec.plain_statement(None, &shadow);
            session.batch_execute(&build).await.map_err(Some)
        }
        Err(error) if is_connection_loss(&error) => Err(Some(error)),
        Err(_) => Err(None),
    };
    session
        .batch_execute("ROLLBACK")
        .await
        .map_err(Error::server("trying an index out"))?;
    Ok(match outcome {
        Err(Some(error)) => Some(db::describe_error(&error)),
        Ok(()) | Err(None) => None,
    })
}

/// What no planner can be asked about without building it joins the best set where a query needs it.
pub(super) fn add_by_rule(
    input: &SearchInput<'_>,
    found: &mut SearchResult,
    by_rule: &Subset,
    settings: &WhatIfConfig,
) -> Subset {
    let mut added = Subset::new();
    let Some(best) = found.effects.first() else {
        return added;
    };
    for (at, examined) in input.examined.iter().enumerate() {
        if examined.is_over() && examined.model.excess(best.costs(at)) > 0.0 {
            let ids = by_rule.iter().filter(|id| {
                input
                    .planner
                    .candidates
                    .get(**id)
                    .is_some_and(|spec| serves_by_rule(examined, spec))
            });
            added.extend(ids.take(1));
        }
    }
    if let Some(most) = settings.max_indexes {
        added = added
            .into_iter()
            .take(most.saturating_sub(best.set.len()))
            .collect();
    }
    if !added.is_empty() {
        let with: Subset = best.set.union(&added).copied().collect();
        found.sets.insert(0, with);
    }
    added
}

/// Whether an index that cannot be planned with is of the kind that the query asks for.
pub(super) fn serves_by_rule(examined: &ExaminedQuery, spec: &IndexSpec) -> bool {
    examined
        .needs
        .iter()
        .filter(|need| need.table.as_ref() == Some(&spec.table))
        .any(|need| {
            need.within
                .iter()
                .chain(&need.nearest)
                .any(|(key, _)| spec.keys.first().is_some_and(|first| first.sql == key.sql))
        })
}

/// Of the rows read now, the share that an index that finds them would leave; four times the estimate, since
/// such an index finds some rows too many.
pub(super) fn rows_share(
    examined: &ExaminedQuery,
    tables: &BTreeMap<QualifiedName, TableFacts>,
) -> f64 {
    let nodes = examined.bare_plan.iter().flat_map(|plan| plan.root.walk());
    let largest = nodes
        .filter_map(|node| {
            Some((
                tables.get(node.relation.as_ref()?)?.rows,
                node.estimated_rows,
            ))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0));
    largest.map_or(1.0, |(rows, found)| {
        (4.0 * found / rows.max(1.0)).clamp(0.01, 1.0)
    })
}
