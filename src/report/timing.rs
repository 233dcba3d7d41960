//! What `time-queries` found out: the value that every output format receives. Its serialisation is the
//! JSON contract.

mod case;
mod comparison;
mod experiment;
mod load;

use std::time::Duration;

use serde::Serialize;

pub use self::{
    case::{CaseResult, CpuWait, Explanation, Histogram, shown_parameters},
    comparison::{Comparison, Gates, SavedRun, compare},
    experiment::AbResult,
    load::{LoadLevel, LoadResult},
};
pub use super::Server;
use crate::{Outcome, catalog::TableIndex, duration::in_ms, stats::Percentile};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Within,
    Over,
    /// The limits were reached, or the machine is too noisy, before it could be told.
    Inconclusive,
    /// The query could not be run, or returned what it should not.
    Error,
    /// Its file says not to time it.
    Skipped,
    /// Only planned, without a clock (`--plans-only`).
    Planned,
    /// The same, and by its cost it takes longer than its budget: nine of ten statements of about that cost do.
    #[serde(rename = "predicted-over")]
    PredictedOver,
}

impl Verdict {
    /// The verdict on a whole: over if any part is, else an error, else inconclusive.
    pub fn of_all(parts: impl IntoIterator<Item = Verdict>) -> Verdict {
        let weight = |verdict: &Verdict| match verdict {
            Verdict::Skipped => 0,
            Verdict::Planned => 1,
            Verdict::Within => 2,
            Verdict::Inconclusive => 3,
            Verdict::Error => 4,
            Verdict::PredictedOver => 5,
            Verdict::Over => 6,
        };
        parts
            .into_iter()
            .max_by_key(weight)
            .unwrap_or(Verdict::Within)
    }

    /// As in the JSON contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Within => "within",
            Verdict::Over => "over",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Error => "error",
            Verdict::Skipped => "skipped",
            Verdict::Planned => "planned",
            Verdict::PredictedOver => "predicted-over",
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct TimingResult {
    pub schema_version: u32,
    pub command: &'static str,
    pub verdict: Verdict,
    /// Whether `inconclusive` counts as a failure (`--strict`).
    pub strict: bool,
    /// Whether `inconclusive` counts as a success (`--allow-inconclusive`).
    pub allow_inconclusive: bool,
    /// When the run began, RFC 3339 in UTC.
    pub taken_at: String,
    /// The server, where queries were timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// What a statement that does nothing takes.
    pub floor: Option<Floor>,
    pub queries: Vec<QueryResult>,
    /// Against a saved run (`--compare`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What else the user should know.
    pub notes: Vec<String>,
}

/// The self-test of machine and connection, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Floor {
    pub samples: usize,
    /// The median: no query can be faster.
    pub p50_ms: f64,
    /// The tail: what the machine adds now and then.
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Whether waits of the backend for a CPU can be seen (Linux, server on this machine).
    pub sees_backend: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct QueryResult {
    pub name: String,
    pub file: String,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub budget_ms: f64,
    pub percentile: Percentile,
    /// How many blocks it may touch.
    pub buffers_limit: Option<u64>,
    pub verdict: Verdict,
    /// The case that decided the verdict.
    pub deciding_case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What kept it from being judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What the user should know of it.
    pub notes: Vec<String>,
    /// Where the values of parameters that are drawn come from.
    pub sources: Vec<String>,
    pub cases: Vec<CaseResult>,
    /// The worst case under load (`--clients`, `--rate`, `--sweep`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadResult>,
    /// The typical case under the same load, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_typical: Option<LoadResult>,
    /// Two ways of running it, side by side (`--ab`, `--ab-without-index`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ab: Option<AbResult>,
    /// The indexes of the tables in the plans of cases that are over.
    pub indexes: Vec<TableIndex>,
    pub sql: String,
    /// Cases are missing, since the run's time was up.
    pub unfinished: bool,
}

impl TimingResult {
    /// What was timed: `query` or `endpoint`.
    pub fn subject(&self) -> &'static str {
        if self.command == "time-endpoints" {
            "endpoint"
        } else {
            "query"
        }
    }

    /// Says on stderr what could not be judged, and why: whoever reads the status alone finds the reason in the log.
    pub fn warn_of_inconclusive(&self) {
        for query in &self.queries {
            if query.verdict == Verdict::Inconclusive {
                tracing::warn!(
                    "{} is inconclusive: {}",
                    query.name,
                    query.why_inconclusive()
                );
            }
        }
    }

    /// How the command ends. An inconclusive verdict makes 3, unless `--allow-inconclusive` or `--strict` says otherwise.
    /// An error of a query makes 3, unless another query is over.
    pub fn outcome(&self) -> Outcome {
        match self.verdict {
            Verdict::Within | Verdict::Planned | Verdict::Inconclusive
                if self
                    .comparison
                    .as_ref()
                    .is_some_and(|comparison| comparison.failed) =>
            {
                Outcome::Objection
            }
            Verdict::Within | Verdict::Planned | Verdict::Skipped => Outcome::Success,
            Verdict::Over | Verdict::PredictedOver => Outcome::Objection,
            Verdict::Inconclusive if self.strict => Outcome::Objection,
            Verdict::Inconclusive if self.allow_inconclusive => Outcome::Success,
            Verdict::Inconclusive | Verdict::Error => Outcome::CannotJudge,
        }
    }
}

impl QueryResult {
    /// Nothing known yet but what it is.
    pub fn untimed(
        name: &str,
        file: String,
        sql: String,
        (budget, percentile): (Duration, Percentile),
    ) -> Self {
        Self {
            name: name.to_owned(),
            file,
            description: None,
            tags: Vec::new(),
            budget_ms: in_ms(budget),
            percentile,
            buffers_limit: None,
            verdict: Verdict::Skipped,
            deciding_case: None,
            skipped: None,
            error: None,
            hint: None,
            notes: Vec::new(),
            sources: Vec::new(),
            cases: Vec::new(),
            load: None,
            load_typical: None,
            ab: None,
            indexes: Vec::new(),
            sql,
            unfinished: false,
        }
    }

    /// Why it is inconclusive: of the case that decides, of a load, or of what was not timed.
    fn why_inconclusive(&self) -> String {
        let deciding = self.cases.iter().find(|case| {
            case.verdict == Verdict::Inconclusive
                && self.deciding_case.as_ref().is_none_or(|d| *d == case.label)
        });
        if let Some(reason) = deciding.and_then(|case| case.reason.as_ref().map(|r| (case, r))) {
            return format!("{}: {}", reason.0.label, reason.1);
        }
        let loads = self
            .loads()
            .filter(|load| load.verdict == Verdict::Inconclusive);
        let mut parts: Vec<&str> = loads.map(|load| load.summary.as_str()).collect();
        parts.extend(self.notes.iter().map(String::as_str));
        parts.join("; ")
    }

    /// The cases under load, the worst first.
    pub(crate) fn loads(&self) -> impl Iterator<Item = &LoadResult> {
        self.load.iter().chain(&self.load_typical)
    }

    /// Draws the verdict from the cases.
    pub fn conclude(&mut self) {
        if self.skipped.is_some() {
            self.verdict = Verdict::Skipped;
        } else {
            let failed = self.error.is_some().then_some(Verdict::Error);
            let missing = self.unfinished.then_some(Verdict::Inconclusive).or(failed);
            let cases = self.cases.iter().map(|case| case.verdict);
            let loads = self.loads().map(|load| load.verdict);
            self.verdict = Verdict::of_all(cases.chain(missing).chain(loads));
            let verdict = self.verdict;
            // The slowest of those that have the verdict.
            self.deciding_case = self
                .cases
                .iter()
                .filter(|case| case.verdict == verdict && case.same_plan_as.is_none())
                .max_by(|a, b| a.judged_ms.total_cmp(&b.judged_ms))
                .map(|case| case.label.clone());
        }
    }
}
