//! The statements that take most of the server's time, as queries to advise on.

use super::{
    WhatIfConfig,
    clock::Clock,
    examine::{self, ExaminedQuery},
};
use crate::{
    Error, Result,
    db::{Session, is_connection_loss},
    measure::{HeavyStatement, heaviest_statements, infer_parameters},
    stats::Percentile,
    workload::{Case, Label, PlanMode, QueryFile},
};

/// Understands the statements with the largest total time; the answers report those that it cannot.
pub(super) async fn examine_statements(
    session: &Session,
    settings: &WhatIfConfig,
    most: u32,
    clock: &Clock,
) -> Result<Vec<ExaminedQuery>> {
    let mut all = Vec::new();
    let budget = (settings.budget, Percentile::P95);
    for (number, heavy) in heaviest_statements(session, budget, most)
        .await?
        .into_iter()
        .enumerate()
    {
        if clock.stopped().is_some() {
            all.push(ExaminedQuery::left_out(&heavy.query));
            continue;
        }
        let mut examined = match understand(session, &heavy, number, settings).await {
            Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                return Err(Error::Server { source, doing });
            }
            Err(error) => {
                let mut examined = ExaminedQuery::new(&heavy.query, String::new());
                examined.error = Some((error.to_string(), error.hint()));
                examined
            }
            Ok(examined) => examined,
        };
        examined.weight = heavy.weight;
        examined.calls = heavy.calls;
        all.push(examined);
    }
    Ok(all)
}

async fn understand(
    session: &Session,
    heavy: &HeavyStatement,
    number: usize,
    settings: &WhatIfConfig,
) -> Result<ExaminedQuery> {
    let query = &heavy.query;
    let inferred = infer_parameters(session, query).await?;
    if let Some(at) = inferred.iter().position(|one| !one.is_known) {
        let mut examined = examine::prepare(session, query, number).await?;
        examined.cases = vec![Case {
            label: "given".into(),
            kind: Label::Given,
            parameters: vec![None; inferred.len()],
            mode: PlanMode::Auto,
        }];
        examined.bare_plan = Some(examine::bare_plan(session, &examined).await?);
        examined.generic_only = true;
        examined.known_ms = Some(heavy.mean_ms);
        examined.notes.push(format!(
            "there is no source for the values of ${}: only the generic plan was requested, and its time is the mean \
                of the statement",
            at + 1
        ));
        return Ok(examined);
    }
    let query = QueryFile {
        parameters: inferred.into_iter().map(|one| one.source).collect(),
        ..query.clone()
    };
    let mut examined = examine::examine(session, &query, number, settings).await?;
    if examined.clauses.writes || settings.plans_only {
        examined.known_ms = Some(heavy.mean_ms);
    }
    Ok(examined)
}
