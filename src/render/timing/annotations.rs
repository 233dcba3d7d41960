//! GitHub's workflow commands: an annotation at the query file of everything that is not within.

use crate::{
    human::human_ms,
    report::timing::{QueryResult, TimingResult, Verdict},
};

impl TimingResult {
    /// One line per query that is not within its budget, as a runner of GitHub Actions reads it.
    pub fn github_annotations(&self) -> String {
        self.queries
            .iter()
            .filter_map(|query| annotation(self, query))
            .collect()
    }
}

fn annotation(result: &TimingResult, query: &QueryResult) -> Option<String> {
    let level = match query.verdict {
        Verdict::Within | Verdict::Planned | Verdict::Skipped => return None,
        Verdict::Inconclusive if result.allow_inconclusive && !result.strict => "warning",
        Verdict::Inconclusive | Verdict::Over | Verdict::PredictedOver | Verdict::Error => "error",
    };
    let decisive = query
        .cases
        .iter()
        .find(|case| Some(&case.label) == query.deciding_case.as_ref());
    let message = match (&query.error, decisive) {
        (Some(error), _) => error.clone(),
        (None, Some(case)) => {
            let mut message = format!(
                "{}: {} {}, budget {}.",
                case.label,
                query.percentile,
                case.shown(case.judged_ms, human_ms),
                human_ms(query.budget_ms)
            );
            let why = case.explanation.as_ref().and_then(|e| e.reasons.first());
            for part in [case.reason.as_ref(), why].into_iter().flatten() {
                message.push(' ');
                message.push_str(part);
            }
            message
        }
        (None, None) => {
            let loads = query.loads().filter(|load| load.verdict == query.verdict);
            let mut parts: Vec<&str> = loads.map(|load| load.summary.as_str()).collect();
            parts.extend(query.notes.iter().map(String::as_str));
            parts.join(" ")
        }
    };
    Some(format!(
        "::{level} file={},title={}::{}\n",
        property(&query.file),
        property(&format!("{}: {}", query.name, query.verdict.as_str())),
        escape(&message)
    ))
}

/// <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>, `escapeData`.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The same file, `escapeProperty`.
fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}
