//! What happens while a plan is carried out, for progress bars, log lines and `json-lines`.

use serde::Serialize;

use super::watch::BuildProgress;

/// Receives events as they happen.
pub type Listener<'a> = &'a dyn Fn(&Event);

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    WaitingForDeploy {
        holder: String,
    },
    /// A second connection is waited for, as from a pooler whose pool is used up.
    WaitingForConnection,
    /// An answer of the server is waited for.
    WaitingForAnswer {
        doing: String,
        #[serde(flatten)]
        watched: BuildProgress,
    },
    /// A session is waited for that may be building the index, or holds the lock a build needs.
    WaitingForSession {
        index: String,
        holder: String,
    },
    Sending {
        index: String,
        /// The table's size by `relpages`.
        table_bytes: u64,
        statement: String,
    },
    /// A signal came: the running statement is cancelled on the server.
    Cancelling {
        index: String,
        pid: i32,
    },
    /// What a failed or interrupted run left unfinished is being dropped.
    TidyingUp {
        /// The index that the run works on.
        index: String,
        /// What is being dropped: `schema.name`.
        unfinished: String,
    },
    /// How far the running statement is.
    Running {
        index: String,
        /// Phase, per cent, blockers.
        #[serde(flatten)]
        watched: BuildProgress,
    },
    /// A try failed, and another follows.
    Retrying {
        index: String,
        failures: u32,
        reason: String,
        wait_ms: u64,
    },
    /// The control session was lost, and is being opened anew.
    Reconnecting {
        reason: String,
    },
    Finished {
        index: String,
        action: String,
        duration_ms: f64,
        /// Why it failed, if it did.
        error: Option<String>,
    },
}
