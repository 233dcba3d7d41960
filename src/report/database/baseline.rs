//! A report written earlier: its findings are known.

use std::collections::HashSet;

use serde::Deserialize;

use crate::check::Finding;

/// The findings of a report written with `--format json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: HashSet<(String, String, KnownSubject)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
struct KnownSubject {
    kind: String,
    schema: Option<String>,
    name: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Many { databases: Vec<Report> },
    One(Report),
}

#[derive(Deserialize)]
struct Report {
    database: Database,
    findings: Vec<Known>,
}

#[derive(Deserialize)]
struct Database {
    name: String,
}

#[derive(Deserialize)]
struct Known {
    check: String,
    subject: KnownSubject,
}

impl Baseline {
    /// From a report's JSON.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text)
            .map_err(|_| "it is not a report written with --format json".to_owned())?;
        let reports = match file {
            File::Many { databases } => databases,
            File::One(report) => vec![report],
        };
        let mut known = HashSet::new();
        for report in reports {
            for finding in report.findings {
                known.insert((report.database.name.clone(), finding.check, finding.subject));
            }
        }
        Ok(Self { known })
    }

    /// Whether the finding was there already.
    pub fn knows(&self, database: &str, finding: &Finding) -> bool {
        self.known.contains(&(
            database.to_owned(),
            finding.check.to_owned(),
            KnownSubject {
                kind: finding.subject.kind.to_owned(),
                schema: finding.subject.schema.clone(),
                name: finding.subject.name.clone(),
            },
        ))
    }
}
