//! Settings of `snapshot` and `twin`.

use std::{ffi::OsString, path::PathBuf};

use crate::cli::{SnapshotArgs, TwinArgs};
pub use crate::twin::SnapshotConfig;

impl From<SnapshotArgs> for SnapshotConfig {
    fn from(args: SnapshotArgs) -> Self {
        Self {
            keep_values: args.keep_values,
            statements: args.statements,
            calibrate: args.calibrate,
        }
    }
}

/// What `twin` works with.
#[derive(Debug, Clone)]
pub struct TwinConfig {
    pub snapshot: PathBuf,
    /// Folder of the server binaries; `None`: looked for.
    pub server_bin: Option<PathBuf>,
    /// Shell commands that migrate the schema.
    pub migrate: Vec<OsString>,
    pub keep: bool,
    /// The program and its arguments; a command of dbaudit's where the first is one.
    pub command: Vec<OsString>,
}

impl From<TwinArgs> for TwinConfig {
    fn from(args: TwinArgs) -> Self {
        Self {
            snapshot: args.snapshot,
            server_bin: args.server_bin,
            migrate: args.migrate,
            keep: args.keep,
            command: args.command,
        }
    }
}
