//! `dbaudit report`.

use super::Context;
use crate::{
    Outcome, Result,
    catalog::{self, Limits},
    check,
    config::ReportConfig,
    db, render,
    report::DatabaseReport,
};

pub(super) async fn run(context: &Context, settings: &ReportConfig) -> Result<Outcome> {
    let report = produce(context, settings).await?;
    let output = &context.config.output;
    output.write(&render::render(&report, context.config.format, output)?)?;
    tracing::debug!(
        "the report cost {} queries in {:.0} ms",
        report.cost.queries,
        report.cost.elapsed_ms
    );
    Ok(match (report.worst(), settings.fail_on) {
        (Some(worst), Some(limit)) if worst >= limit => Outcome::Objection,
        _ => Outcome::Success,
    })
}

/// The report, without writing it anywhere.
pub(super) async fn produce(context: &Context, settings: &ReportConfig) -> Result<DatabaseReport> {
    let session = db::connect(&context.config, "report").await?;
    let limits = Limits {
        lock_timeout: settings.lock_timeout.0,
        statement_timeout: settings.statement_timeout.0,
    };
    let catalog = catalog::load(&session, &limits).await?;
    let verdicts = check::judge(&catalog, &[], &settings.policy);
    Ok(DatabaseReport::new(catalog, verdicts, settings.limit))
}
