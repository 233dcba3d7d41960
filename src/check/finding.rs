//! What a check found.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::change::{DropReason, IndexChange, IndexDrop};
use crate::catalog::{Catalog, Index, QualifiedName, Table};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// `table`, `index`, `sequence`, `setting`, `session`, `slot`, `statement`, `database`, …
    pub kind: &'static str,
    /// The schema, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    pub name: String,
}

impl Subject {
    /// Something without a schema.
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            kind,
            schema: None,
            name: name.into(),
        }
    }

    /// Something in a schema.
    pub fn of(kind: &'static str, name: QualifiedName) -> Self {
        Self {
            kind,
            schema: Some(name.schema),
            name: name.name,
        }
    }

    pub fn table(table: &Table) -> Self {
        Self::of("table", table.qualified())
    }

    pub fn index(index: &Index) -> Self {
        Self::of("index", index.qualified())
    }

    /// The database as a whole.
    pub fn database(catalog: &Catalog) -> Self {
        Self::new("database", &catalog.database.name)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EvidenceAge {
    /// The state at the time of the report.
    Now,
    /// Counters, since this time; `None`: unknown (a fresh cluster, or a crash since).
    Counters {
        /// RFC 3339.
        since: Option<Timestamp>,
    },
}

/// Something that a check objects to. `check`, and severity and age where the check did not set them,
/// are filled in by [`super::judge`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub severity: Severity,
    pub subject: Subject,
    pub message: String,
    /// The figures it rests on; units are in the keys.
    pub evidence: Map<String, Value>,
    pub evidence_age: EvidenceAge,
    pub remedy: Option<String>,
    /// The statement that undoes the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What would confirm it, where the evidence does not settle it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// The check whose finding has the remedy that fixes this one too: each index gets at most one remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended_by: Option<&'static str>,
    /// What else the remedy fixes: `check: finding`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// An earlier report, given as the baseline, has it already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    #[serde(skip)]
    pub(super) own_severity: bool,
    #[serde(skip)]
    pub(super) change: IndexChange,
}

impl Finding {
    /// Something about `subject`: one sentence.
    pub fn new(subject: Subject, message: impl Into<String>) -> Self {
        Self {
            check: "",
            severity: Severity::Warning,
            subject,
            message: message.into(),
            evidence: Map::new(),
            evidence_age: EvidenceAge::Now,
            remedy: None,
            undo: None,
            confirm: None,
            mended_by: None,
            reasons: Vec::new(),
            known: false,
            own_severity: false,
            change: IndexChange::None,
        }
    }

    /// Another severity than the check's own.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self.own_severity = true;
        self
    }

    /// A figure; its unit is in the key: `size_bytes`, `age_days`.
    pub fn evidence(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(key.to_owned(), value.into());
        self
    }

    pub fn remedy(mut self, statement: impl Into<String>) -> Self {
        self.remedy = Some(statement.into());
        self
    }

    /// The statement that undoes the remedy.
    pub fn undo(mut self, statement: Option<String>) -> Self {
        self.undo = statement;
        self
    }

    /// What fixes it, if that is about indexes: the statement follows once all findings are known.
    pub(super) fn change(mut self, change: IndexChange) -> Self {
        self.change = change;
        self
    }

    /// Dropping this index fixes it.
    pub(super) fn drops(self, index: &Index, why: DropReason, sure: bool) -> Self {
        self.change(IndexChange::Drop(vec![IndexDrop {
            index: index.oid,
            why,
            sure,
        }]))
    }

    pub fn confirm(mut self, how: impl Into<String>) -> Self {
        self.confirm = Some(how.into());
        self
    }
}
