//! The statements that take most of the server's time, as queries to advise on.

use super::{
    clock::Clock,
    look::{self, Looked},
};
use crate::{
    Error, Result,
    config::AdviseConfig,
    db::{Session, is_connection_loss},
    measure::{HeavyStatement, heaviest_statements, infer_parameters},
    stats::Percentile,
    workload::{Case, Label, PlanMode, QueryFile},
};

/// Understands the heaviest statements; what cannot be is told in the answers.
///
/// # Errors
/// There is no pg_stat_statements, or it may not be read.
pub(super) async fn look_at_statements(
    session: &Session,
    settings: &AdviseConfig,
    most: u32,
    clock: &Clock,
) -> Result<Vec<Looked>> {
    let mut all = Vec::new();
    let budget = (settings.budget, Percentile::P95);
    for (number, heavy) in heaviest_statements(session, budget, most)
        .await?
        .into_iter()
        .enumerate()
    {
        if clock.stopped().is_some() {
            all.push(Looked::left_out(&heavy.query));
            continue;
        }
        let mut looked = match understand(session, &heavy, number, settings.max_cases).await {
            Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                return Err(Error::Server { source, doing });
            }
            Err(error) => {
                let mut looked = Looked::new(&heavy.query, String::new());
                looked.error = Some((error.to_string(), error.hint()));
                looked
            }
            Ok(looked) => looked,
        };
        looked.weight = heavy.weight;
        looked.calls = heavy.calls;
        all.push(looked);
    }
    Ok(all)
}

async fn understand(
    session: &Session,
    heavy: &HeavyStatement,
    number: usize,
    max_cases: u32,
) -> Result<Looked> {
    let query = &heavy.query;
    let inferred = infer_parameters(session, query).await?;
    if let Some(at) = inferred.iter().position(|one| !one.is_known) {
        let mut looked = look::prepare(session, query, number).await?;
        looked.cases = vec![Case {
            label: "given".into(),
            kind: Label::Given,
            parameters: vec![None; inferred.len()],
            mode: PlanMode::Auto,
        }];
        looked.bare_plan = Some(look::bare_plan(session, &looked).await?);
        looked.generic_only = true;
        looked.known_ms = Some(heavy.mean_ms);
        looked.notes.push(format!(
            "nothing tells which values ${} takes: only the plan for all values was asked for, and its time is the \
             statement's mean",
            at + 1
        ));
        return Ok(looked);
    }
    let query = QueryFile {
        parameters: inferred.into_iter().map(|one| one.source).collect(),
        ..query.clone()
    };
    let mut looked = look::look(session, &query, number, max_cases).await?;
    if looked.clauses.writes {
        looked.known_ms = Some(heavy.mean_ms);
    }
    Ok(looked)
}
