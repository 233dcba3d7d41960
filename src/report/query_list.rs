//! What `time-queries --list` shows: what would be timed.

use serde::Serialize;

use crate::{
    duration::{HumanDuration, in_ms},
    stats::Percentile,
    workload::QueryFile,
};

/// The queries, without a server.
#[derive(Debug, Serialize)]
pub struct QueryList {
    schema_version: u32,
    command: &'static str,
    pub(crate) queries: Vec<ListedQuery>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ListedQuery {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) description: Option<String>,
    budget_ms: f64,
    percentile: Percentile,
    pub(crate) tags: Vec<String>,
    pub(crate) skipped: Option<String>,
    #[serde(skip)]
    pub(crate) budget: String,
}

impl QueryList {
    pub fn of(queries: &[QueryFile]) -> Self {
        let listed = queries.iter().map(|query| ListedQuery {
            name: query.name.clone(),
            file: query.file.display().to_string(),
            description: query.description.clone(),
            budget_ms: in_ms(query.budget),
            percentile: query.percentile,
            tags: query.tags.clone(),
            skipped: query.skip.clone(),
            budget: format!("{} {}", HumanDuration(query.budget), query.percentile),
        });
        Self {
            schema_version: 1,
            command: "time-queries --list",
            queries: listed.collect(),
        }
    }
}
