//! Settings of `time-queries`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Resolver;
use crate::cli::TimeArgs;

/// `[time-queries]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TimeFile {
    /// `queries`
    pub queries: Option<PathBuf>,
}

/// What `time-queries` works with.
#[derive(Debug, Clone)]
pub struct TimeConfig {
    /// Folder of query files; `None`: the embedded ones.
    pub queries: Option<PathBuf>,
}

impl TimeConfig {
    pub(super) fn resolve(args: TimeArgs, file: TimeFile, resolver: &mut Resolver<'_>) -> Self {
        Self {
            queries: resolver.pick_optional(
                "time-queries.queries",
                args.queries,
                file.queries,
                |path| path.display().to_string(),
            ),
        }
    }
}
