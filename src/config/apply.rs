//! Settings of `apply-indexes`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Resolver;
use crate::cli::ApplyArgs;

/// `[apply-indexes]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ApplyFile {
    /// `migrations`
    pub migrations: Option<PathBuf>,
}

/// What `apply-indexes` works with.
#[derive(Debug, Clone)]
pub struct ApplyConfig {
    /// Folder of migrations; `None`: the embedded ones.
    pub migrations: Option<PathBuf>,
}

impl ApplyConfig {
    pub(super) fn resolve(args: ApplyArgs, file: ApplyFile, resolver: &mut Resolver<'_>) -> Self {
        Self {
            migrations: resolver.pick_optional(
                "apply-indexes.migrations",
                args.migrations,
                file.migrations,
                |path| path.display().to_string(),
            ),
        }
    }
}
