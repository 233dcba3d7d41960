//! Against a saved run: what has no noise is a gate (plans, rows, blocks); times are shown and never gate.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CaseResult, TimingResult};
use crate::{
    Error, Result,
    error::FileProblem,
    explain::{QueryPlan, tree},
    human::human_ms,
};

/// Blocks beyond this share of the saved run's are a regression, if there are this many more at least: an
/// index that grew by a level is none.
const MORE_BLOCKS: f64 = 1.10;
const FEWEST_MORE_BLOCKS: u64 = 8;

/// What changed since a saved run.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub file: String,
    pub taken_at: Option<String>,
    pub failed: bool,
    /// Each change; the broken gates first.
    pub changes: Vec<QueryChange>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryChange {
    pub query: String,
    pub case: String,
    pub what: ChangeKind,
    pub before: String,
    pub now: String,
    /// Whether it makes the run fail.
    pub gate: bool,
    /// Of a plan that fails it: both, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plans: Option<Plans>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plans {
    pub before: String,
    pub now: String,
}

/// What makes a run fail that differs from the saved one, besides rows and blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gates {
    /// Another plan (`--fail-on-plan-change`, `--plans-only`).
    pub plan: bool,
    /// A cost above that many times the saved one.
    pub cost_factor: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Plan,
    /// Tables that were not read from end to end before.
    Scan,
    Cost,
    Rows,
    Buffers,
    /// The parameters, which are drawn anew from the statistics each time.
    Params,
    Time,
    /// The case is gone, or new.
    Case,
}

/// The part of a saved run that is compared; every other key is left alone.
#[derive(Debug, Deserialize)]
pub struct SavedRun {
    #[serde(skip)]
    file: String,
    taken_at: Option<String>,
    queries: Vec<SavedQuery>,
}

#[derive(Debug, Deserialize)]
struct SavedQuery {
    name: String,
    cases: Vec<SavedCase>,
}

#[derive(Debug, Deserialize)]
struct SavedCase {
    label: String,
    params: Vec<Option<String>>,
    rows: u64,
    /// None of a case that timed out or failed.
    p50_ms: Option<f64>,
    shared_hit: Option<u64>,
    shared_read: Option<u64>,
    plan_fingerprint: Option<String>,
    plan: Option<Value>,
    total_cost: Option<f64>,
}

impl SavedRun {
    /// Reads what `--save` or `--format json` wrote.
    ///
    /// # Errors
    /// The file cannot be read, or is not such a result.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            doing: "reading the saved run",
            path: path.to_owned(),
            source,
        })?;
        let mut saved: Self = serde_json::from_str(&text).map_err(|error| {
            Error::Query(FileProblem {
                file: path.to_owned(),
                line: Some(error.line()).filter(|line| *line > 0),
                column: Some(error.column()).filter(|column| *column > 0),
                message: format!("not the result of a time-queries run: {error}"),
                hint: "save one with `dbaudit time-queries --save FILE`".into(),
            })
        })?;
        saved.file = path.display().to_string();
        Ok(saved)
    }
}

/// Compares a run with a saved one.
pub fn compare(run: &TimingResult, saved: &SavedRun, gates: Gates) -> Comparison {
    let mut changes = Vec::new();
    for query in &run.queries {
        let Some(before) = saved.queries.iter().find(|known| known.name == query.name) else {
            changes.push(QueryChange::of_case(&query.name, "", "missing", "new"));
            continue;
        };
        for case in &query.cases {
            match before.cases.iter().find(|known| known.label == case.label) {
                Some(known) => compare_case(&query.name, case, known, gates, &mut changes),
                None => changes.push(QueryChange::of_case(
                    &query.name,
                    &case.label,
                    "missing",
                    "new",
                )),
            }
        }
        let gone = before
            .cases
            .iter()
            .filter(|known| query.cases.iter().all(|case| case.label != known.label));
        changes.extend(
            gone.map(|known| QueryChange::of_case(&query.name, &known.label, "there", "gone")),
        );
    }
    changes.sort_by_key(|change| !change.gate);
    Comparison {
        file: saved.file.clone(),
        taken_at: saved.taken_at.clone(),
        failed: changes.iter().any(|change| change.gate),
        changes,
    }
}

fn compare_case(
    query: &str,
    case: &CaseResult,
    before: &SavedCase,
    gates: Gates,
    changes: &mut Vec<QueryChange>,
) {
    let mut add = |what, before: String, now: String, gate| {
        changes.push(QueryChange {
            query: query.to_owned(),
            case: case.label.clone(),
            what,
            before,
            now,
            gate,
            plans: None,
        });
    };
    let mut side_by_side = None;
    let list = |params: &[Option<String>]| -> String {
        let texts: Vec<&str> = params
            .iter()
            .map(|p| p.as_deref().unwrap_or("NULL"))
            .collect();
        texts.join(", ")
    };
    if let (Some(old), Some(new), Some(factor)) =
        (before.total_cost, case.total_cost, gates.cost_factor)
        && new > old * factor
    {
        add(
            ChangeKind::Cost,
            format!("{old:.2}"),
            format!("{new:.2}"),
            true,
        );
    }
    let same_params = case.params == before.params;
    if !same_params {
        add(
            ChangeKind::Params,
            list(&before.params),
            list(&case.params),
            false,
        );
    }
    if let (Some(old), Some(new)) = (&before.plan_fingerprint, &case.plan_fingerprint)
        && old != new
    {
        add(ChangeKind::Plan, old.clone(), new.clone(), gates.plan);
        let plans = (
            before.plan.as_ref().and_then(QueryPlan::parse),
            case.plan.as_ref().and_then(QueryPlan::parse),
        );
        if let (Some(old), Some(new)) = plans {
            let scanned = scanned_anew(&old, &new);
            if !scanned.is_empty() {
                add(ChangeKind::Scan, String::new(), scanned, gates.plan);
            }
            side_by_side = gates.plan.then(|| Plans {
                before: tree(&old),
                now: tree(&new),
            });
        }
    }
    // Other parameters may well return other rows from other blocks.
    if same_params && before.rows != case.rows {
        add(
            ChangeKind::Rows,
            before.rows.to_string(),
            case.rows.to_string(),
            true,
        );
    }
    let blocks = |hit: Option<u64>, read: Option<u64>| Some(hit? + read?);
    if let (Some(old), Some(new)) = (
        blocks(before.shared_hit, before.shared_read),
        blocks(case.shared_hit, case.shared_read),
    ) && same_params
        && old != new
    {
        #[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
        let more = new as f64 > old as f64 * MORE_BLOCKS;
        let gate = more && new >= old + FEWEST_MORE_BLOCKS;
        add(ChangeKind::Buffers, old.to_string(), new.to_string(), gate);
    }
    // Another night, another machine: worth a look from a factor of two on, and never a gate.
    let old = before.p50_ms.unwrap_or(f64::INFINITY).max(1e-6);
    let new = case.p50_ms.max(1e-6);
    if new > old * 2.0 || old > new * 2.0 {
        let show = |ms| case.shown(ms, human_ms);
        add(ChangeKind::Time, show(old), show(new), false);
    }
    let is_plan =
        |change: &&mut QueryChange| change.what == ChangeKind::Plan && change.case == case.label;
    if let Some(change) = changes.iter_mut().rfind(is_plan) {
        change.plans = side_by_side;
    }
}

/// The tables that the new plan reads from end to end and the old one does not.
fn scanned_anew(old: &QueryPlan, new: &QueryPlan) -> String {
    let scanned = |plan: &QueryPlan| -> BTreeSet<String> {
        let scans = plan
            .root
            .walk()
            .filter(|node| node.kind.ends_with("Seq Scan"));
        scans
            .filter_map(|node| Some(node.relation.as_ref()?.to_string()))
            .collect()
    };
    let before = scanned(old);
    let anew: Vec<String> = scanned(new).difference(&before).cloned().collect();
    anew.join(", ")
}

impl QueryChange {
    fn of_case(query: &str, case: &str, before: &str, now: &str) -> Self {
        Self {
            query: query.to_owned(),
            case: case.to_owned(),
            what: ChangeKind::Case,
            before: before.to_owned(),
            now: now.to_owned(),
            gate: false,
            plans: None,
        }
    }
}

impl ChangeKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Plan => "plan",
            ChangeKind::Scan => "sequential scan",
            ChangeKind::Cost => "cost",
            ChangeKind::Rows => "rows",
            ChangeKind::Buffers => "blocks",
            ChangeKind::Params => "parameters",
            ChangeKind::Time => "median",
            ChangeKind::Case => "case",
        }
    }
}
