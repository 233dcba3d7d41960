//! `dbaudit advise`: which indexes bring every query within its budget, found together.

mod write;

use super::{Context, embedded};
use crate::{
    Error, Outcome, Result,
    config::AdviseConfig,
    db, demo,
    stats::Percentile,
    what_if::{self, Advice, Queries},
    workload,
};

pub(super) async fn run(context: &Context, settings: &AdviseConfig) -> Result<Outcome> {
    if let Some(message) = disturbance(settings)
        && !settings.disposable
        && context.config.connection.target()?.database() != demo::DATABASE
    {
        return Err(Error::Usage {
            message: message.into(),
            hint: "run it on a copy of the database, and confirm that with --disposable".into(),
        });
    }
    let connection = &context.config.connection;
    let session = db::connect(connection, "advise").await?;
    let queries = if let Some(most) = settings.from_statements {
        Queries::Heaviest(most)
    } else {
        let folder = settings.queries.as_deref();
        let budget = (settings.what_if.budget, Percentile::P95);
        let queries = settings
            .selection
            .choose(workload::load(folder, Some(budget))?)?;
        embedded::check_queries(&session, folder).await?;
        Queries::Files(queries)
    };
    let advice = Advice {
        session,
        connection,
        settings: &settings.what_if,
        progress: &context.progress,
        interrupt: &context.interrupt,
    };
    if !settings.without.is_empty() {
        let impact = what_if::drop_impact(&advice, &queries, &settings.without).await?;
        context.write(&impact)?;
        return Ok(impact.outcome());
    }
    let mut result = what_if::advise(advice, &queries).await?;
    if let Some(folder) = &settings.write {
        result.written = write::write(folder, &result)?;
    }
    context.write(&result)?;
    Ok(result.outcome())
}

/// What would keep others waiting.
fn disturbance(settings: &AdviseConfig) -> Option<&'static str> {
    if settings.what_if.prove {
        Some("--prove builds indexes, locks tables and runs every query many times")
    } else if !settings.without.is_empty() {
        Some("--without drops the index and rolls that back, and locks its table meanwhile")
    } else {
        None
    }
}
