//! Settings of `report`.

use serde::Deserialize;

use super::Resolver;
use crate::cli::ReportArgs;

/// `[report]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ReportFile {
    /// `limit`
    pub limit: Option<usize>,
}

/// What `report` works with.
#[derive(Debug, Clone)]
pub struct ReportConfig {
    /// Rows shown per table.
    pub limit: usize,
}

impl ReportConfig {
    pub(super) fn resolve(args: ReportArgs, file: ReportFile, resolver: &mut Resolver<'_>) -> Self {
        Self {
            limit: resolver.pick("report.limit", args.limit, file.limit, 20),
        }
    }
}
