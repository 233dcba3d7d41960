//! What `advise --without` shows: the queries that would be planned otherwise if indexes were gone.

use serde::Serialize;

use super::Server;
use crate::{Outcome, catalog::QualifiedName};

#[derive(Debug, Clone, Serialize)]
pub struct DropImpact {
    pub schema_version: u32,
    pub command: &'static str,
    pub server: Server,
    /// The indexes that are looked at as gone, all of them together.
    pub without: Vec<QualifiedName>,
    /// Those first whose cost grows most.
    pub changed: Vec<ChangedQuery>,
    /// The names of the queries that are planned as before.
    pub unchanged: Vec<String>,
    pub not_judged: Vec<NotJudged>,
    pub notes: Vec<String>,
}

/// A query whose plan, or its cost, is another one without the indexes.
#[derive(Debug, Clone, Serialize)]
pub struct ChangedQuery {
    pub name: String,
    pub sql: String,
    /// The case whose cost grows most.
    pub case: String,
    /// Of that case, in the planner's units.
    pub cost: f64,
    pub cost_without: f64,
    pub calls: f64,
    /// What a call takes on average, where the server counted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_ms: Option<f64>,
    /// Which of the indexes its plans use.
    pub uses: Vec<QualifiedName>,
}

impl ChangedQuery {
    pub fn factor(&self) -> f64 {
        self.cost_without / self.cost.max(f64::MIN_POSITIVE)
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct NotJudged {
    pub name: String,
    pub error: String,
}

impl DropImpact {
    pub fn outcome(&self) -> Outcome {
        if !self.changed.is_empty() {
            Outcome::Objection
        } else if !self.not_judged.is_empty() {
            Outcome::CannotJudge
        } else {
            Outcome::Success
        }
    }
}
