//! What queries would cost if indexes were gone: they are dropped, the queries planned, and the drop rolled back.

use std::collections::BTreeMap;

use super::{
    Advice, Queries,
    built::parts,
    clock::Clock,
    examine::ExaminedQuery,
    planner::{Planner, PlannerAnswer, PlannerQuestion, WhatIf},
    run::examine_all,
};
use crate::{
    Error, Result,
    advise::Subset,
    catalog::QualifiedName,
    db::Session,
    report::{ChangedQuery, DropImpact, NotJudged, Server},
};

/// Costs that differ by less are the same.
const SAME: f64 = 1e-3;

/// Compares the plans of the queries with and without the indexes, all of which are dropped together and come back at once. What
/// there was no time for is not judged.
///
/// # Errors
/// A name is not that of an index, or the index stands behind a constraint; the connection's; [`Error::Interrupted`].
pub async fn drop_impact(
    advice: &Advice<'_>,
    queries: &Queries,
    indexes: &[String],
) -> Result<DropImpact> {
    let clock = Clock::start(advice.settings.max_time);
    let spinner = advice.progress.spinner("planning the queries");
    let work = compare(advice, queries, indexes, &clock);
    let impact = clock.bound(&advice.session, advice.interrupt, work).await;
    spinner.finish_and_clear();
    impact
}

async fn compare(
    advice: &Advice<'_>,
    queries: &Queries,
    indexes: &[String],
    clock: &Clock,
) -> Result<DropImpact> {
    let session = &advice.session;
    let mut without = Vec::with_capacity(indexes.len());
    let mut notes = Vec::new();
    let mut dropped = BTreeMap::new();
    for (id, index) in indexes.iter().enumerate() {
        let (name, unique) = find(session, index).await?;
        if unique {
            notes.push(format!(
                "{name} is unique: without it, duplicates could be written"
            ));
        }
        dropped.insert(id, parts(session, &name).await?);
        without.push(name);
    }
    let examined = examine_all(session, advice.settings, queries, clock).await?;
    let tables = BTreeMap::new();
    let planner = Planner::new(session, WhatIf::Built(dropped), &[], &tables);
    let mut impact = DropImpact {
        schema_version: 1,
        command: "advise",
        server: Server {
            version: session.version.text.clone(),
            version_num: session.version.number,
        },
        without,
        changed: Vec::new(),
        unchanged: Vec::new(),
        not_judged: Vec::new(),
        notes,
    };
    let all: Subset = (0..indexes.len()).collect();
    for one in &examined {
        let name = one.query.name.clone();
        if let Some((error, _)) = &one.error {
            let error = error.clone();
            impact.not_judged.push(NotJudged { name, error });
            continue;
        }
        let ask = |set: &Subset| PlannerQuestion {
            examined: one,
            set: set.clone(),
        };
        let asks = [ask(&all), ask(&Subset::new())];
        let mut answers = planner.ask(&asks, clock).await?.into_iter().flatten();
        let (Some(with), Some(gone)) = (answers.next(), answers.next()) else {
            let (error, _) = ExaminedQuery::no_time();
            impact.not_judged.push(NotJudged { name, error });
            continue;
        };
        if with.shapes.is_empty() || gone.shapes.is_empty() {
            let error = "the server did not plan it with and without the index within 10 s, and 2 s for the table's lock"
                .to_owned();
            impact.not_judged.push(NotJudged { name, error });
            continue;
        }
        match changed(one, &with, &gone, &impact.without) {
            Some(changed) => impact.changed.push(changed),
            None => impact.unchanged.push(name),
        }
    }
    impact
        .changed
        .sort_by(|a, b| b.factor().total_cmp(&a.factor()).then(a.name.cmp(&b.name)));
    Ok(impact)
}

/// The index of this name, as SQL writes it, and whether it keeps duplicates out.
async fn find(session: &Session, index: &str) -> Result<(QualifiedName, bool)> {
    let row = session
        .query_opt(
            "SELECT n.nspname::text, x.relname::text, i.indisunique,
                    (SELECT format('%s of %s', conname, conrelid::regclass) FROM pg_catalog.pg_constraint
                     WHERE conindid = x.oid AND contype IN ('p', 'u', 'x') LIMIT 1)
               FROM pg_catalog.pg_class x
               JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
               JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid
              WHERE x.oid = pg_catalog.to_regclass($1)::oid",
            &[&index],
        )
        .await
        .map_err(Error::server("looking for the index"))?;
    let Some(row) = row else {
        return Err(Error::CannotJudge {
            message: format!("`{index}` is not an index of this database"),
            hint: "write its name as SQL does, with its schema where that is not on the search path: --without shop.orders_at"
                .into(),
        });
    };
    let name = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    if let Some(constraint) = row.get::<_, Option<String>>(3) {
        return Err(Error::CannotJudge {
            message: format!("{name} stands behind the constraint {constraint}"),
            hint: "such an index goes only with its constraint: ALTER TABLE … DROP CONSTRAINT"
                .into(),
        });
    }
    Ok((name, row.get(2)))
}

fn changed(
    examined: &ExaminedQuery,
    with: &PlannerAnswer,
    gone: &PlannerAnswer,
    without: &[QualifiedName],
) -> Option<ChangedQuery> {
    let cases = examined.cases.iter().map(|case| case.label.as_str());
    let labels = cases.clone().filter(|_| !examined.generic_only);
    let labels = labels
        .map(str::to_owned)
        .chain(cases.map(|label| format!("{label}, generic plan")));
    let costs = with.costs.iter().zip(&gone.costs);
    let (case, cost, cost_without) = labels
        .zip(costs)
        .map(|(label, (with, gone))| (label, with.units, gone.units))
        .max_by(|a, b| (a.2 / a.1).total_cmp(&(b.2 / b.1)))?;
    let is_same = with.shapes == gone.shapes
        && with.costs.iter().zip(&gone.costs).all(|(with, gone)| {
            (gone.units / with.units.max(f64::MIN_POSITIVE) - 1.0).abs() < SAME
        });
    (!is_same).then(|| ChangedQuery {
        name: examined.query.name.clone(),
        sql: examined.query.sql.clone(),
        case,
        cost,
        cost_without,
        calls: examined.calls,
        mean_ms: examined.known_ms,
        uses: with
            .used
            .iter()
            .filter_map(|id| without.get(*id).cloned())
            .collect(),
    })
}
