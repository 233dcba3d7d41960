//! What a timing command begins and ends with.

use std::path::Path;

use super::Context;
use crate::{
    Outcome, Result,
    db::ServerVersion,
    render::{self, Format},
    report::{
        Server, TimingResult,
        timing::{Gates, SavedRun, Verdict, compare},
    },
};

/// A result of a run that begins now.
pub(super) fn begin(command: &'static str, strict: bool, allow_inconclusive: bool) -> TimingResult {
    TimingResult {
        schema_version: 1,
        command,
        verdict: Verdict::Within,
        strict,
        allow_inconclusive,
        taken_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        server: None,
        floor: None,
        queries: Vec::new(),
        comparison: None,
        notes: Vec::new(),
    }
}

/// The server as results name it.
pub(super) fn server(version: &ServerVersion) -> Server {
    Server {
        version: version.text.clone(),
        version_num: version.number,
    }
}

/// Draws the verdict, compares it with the saved run, and saves it.
pub(super) fn conclude(
    context: &Context,
    result: &mut TimingResult,
    (saved, gates): (Option<SavedRun>, Gates),
    save: Option<&Path>,
) -> Result<()> {
    result.verdict = Verdict::of_all(result.queries.iter().map(|query| query.verdict));
    result.comparison = saved.map(|saved| compare(result, &saved, gates));
    if let Some(path) = save {
        let json = render::render(result, Format::Json, &context.config.output)?;
        context.config.output.to_file(path).write(&json)?;
    }
    Ok(())
}

/// Writes it, and says on stderr what could not be judged.
pub(super) fn write(context: &Context, result: &TimingResult) -> Result<Outcome> {
    result.warn_of_inconclusive();
    context.write(result)?;
    Ok(result.outcome())
}
