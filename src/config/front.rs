//! Settings of `init` and `import`.

use std::path::PathBuf;

use super::apply::ApplyFile;
use crate::{
    apply::{HISTORY_TABLE, quoted_table},
    cli::{ImportArgs, InitArgs},
};

/// What `init` works with.
#[derive(Debug, Clone)]
pub struct InitConfig {
    pub from_database: bool,
    /// What deploys record themselves in, as SQL.
    pub history_table: String,
}

impl InitConfig {
    pub(super) fn resolve(args: &InitArgs, file: &ApplyFile) -> Self {
        let table = file.history_table.as_deref().unwrap_or(HISTORY_TABLE);
        Self {
            from_database: args.from_database,
            history_table: quoted_table(table),
        }
    }
}

/// What `import` works with.
#[derive(Debug, Clone)]
pub struct ImportConfig {
    pub from: PathBuf,
    pub to: PathBuf,
    pub dry_run: bool,
}

impl ImportConfig {
    /// `migrations`: the folder of `apply-indexes`, where the configuration file names one.
    pub(super) fn resolve(args: ImportArgs, migrations: Option<PathBuf>) -> Self {
        Self {
            from: args.from,
            to: args
                .to
                .or(migrations)
                .unwrap_or_else(|| PathBuf::from("migrations")),
            dry_run: args.dry_run,
        }
    }
}
