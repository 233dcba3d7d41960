//! Settings of `demo`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Resolver;
use crate::cli::DemoArgs;

/// `[demo]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DemoFile {
    pub rows: Option<u64>,
    pub server_bin: Option<PathBuf>,
    pub keep: Option<bool>,
}

/// What `demo` works with.
#[derive(Debug, Clone)]
pub struct DemoConfig {
    /// Rows of `content`.
    pub rows: u64,
    /// Folder of the server binaries; `None`: looked for.
    pub server_bin: Option<PathBuf>,
    pub keep: bool,
}

impl DemoConfig {
    pub(super) fn resolve(args: DemoArgs, file: DemoFile, resolver: &mut Resolver<'_>) -> Self {
        Self {
            rows: resolver.pick("demo.rows", args.rows, file.rows, 200_000),
            server_bin: resolver.pick_optional(
                "demo.server-bin",
                args.server_bin,
                file.server_bin,
                |path| path.display().to_string(),
            ),
            keep: resolver.switch("demo.keep", args.keep, file.keep),
        }
    }
}
