//! The statements that take most of the server's time, as queries to advise on.

use super::{
    clock::Clock,
    look::{self, Looked},
};
use crate::{
    Error, Result,
    command::{
        statements::{Heavy, heaviest},
        time_queries::infer::infer,
    },
    config::AdviseConfig,
    db::{Session, is_connection_loss},
    stats::Percentile,
    workload::{Case, Label, PlanMode, QueryFile},
};

/// Understands the statements with the largest total time; the answers report those that it cannot.
///
/// # Errors
/// There is no pg_stat_statements, or the role cannot read it.
pub(super) async fn look_at_statements(
    session: &Session,
    settings: &AdviseConfig,
    most: u32,
    clock: &Clock,
) -> Result<Vec<Looked>> {
    let mut all = Vec::new();
    let budget = (settings.budget, Percentile::P95);
    for (number, heavy) in heaviest(session, budget, most)
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
        all.push(looked);
    }
    Ok(all)
}

async fn understand(
    session: &Session,
    heavy: &Heavy,
    number: usize,
    max_cases: u32,
) -> Result<Looked> {
    let query = &heavy.query;
    let inferred = infer(session, query).await?;
    if let Some(at) = inferred.iter().position(|one| !one.is_known) {
        let mut looked = look::prepare(session, query, number).await?;
        looked.cases = vec![Case {
            label: "given".into(),
            kind: Label::Given,
            parameters: vec![None; inferred.len()],
            mode: PlanMode::Auto,
        }];
        looked.bare_plan = look::bare_plan(session, &looked).await?;
        looked.generic_only = true;
        looked.known_ms = Some(heavy.mean_ms);
        looked.notes.push(format!(
            "there is no source for the values of ${}: only the generic plan was requested, and its time is \
             the mean of the statement",
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
