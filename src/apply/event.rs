//! What happens while a plan is carried out, for progress bars, log lines and `json-lines`.

use serde::Serialize;

use super::watch::Watched;

/// Receives events as they happen.
pub type Listener<'a> = &'a dyn Fn(&Event);

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Another deploy holds the lock.
    WaitingForDeploy {
        /// Who.
        holder: String,
    },
    /// A second connection is waited for, as from a pooler whose pool is used up.
    WaitingForConnection,
    /// An answer of the server is waited for.
    WaitingForAnswer {
        /// What was asked.
        doing: String,
        /// Phase, blockers.
        #[serde(flatten)]
        watched: Watched,
    },
    /// A session is waited for that may be building the index, or holds the lock a build needs.
    WaitingForSession {
        /// The index.
        index: String,
        /// Who.
        holder: String,
    },
    /// A statement is sent.
    Sending {
        /// The index.
        index: String,
        /// The table's size by `relpages`.
        table_bytes: u64,
        /// The SQL.
        statement: String,
    },
    /// A signal came: the running statement is cancelled on the server.
    Cancelling {
        /// The index.
        index: String,
        /// The backend that runs it.
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
        /// The index.
        index: String,
        /// Phase, per cent, blockers.
        #[serde(flatten)]
        watched: Watched,
    },
    /// A try failed, and another follows.
    Retrying {
        /// The index.
        index: String,
        /// The failures so far.
        failures: u32,
        /// Why.
        reason: String,
        /// How long is waited.
        wait_ms: u64,
    },
    /// The control session was lost, and is being opened anew.
    Reconnecting {
        /// Why.
        reason: String,
    },
    /// A step has ended.
    Finished {
        /// The index.
        index: String,
        /// What was done.
        action: String,
        /// How long it took.
        duration_ms: f64,
        /// Why it failed, if it did.
        error: Option<String>,
    },
}
