//! What a failed statement means: try again, or give up, and why.

use crate::db;

/// Why a statement was cancelled by dbaudit itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CancelReason {
    /// The wait for the table's lock took longer than `--lock-timeout`. Holds the blockers' description.
    LockTimeout(String),
    /// The wait for older transactions took longer than `--drain-timeout`. Holds the blockers' description.
    DrainTimeout(String),
    /// `--deadline` is over.
    Deadline,
    Interrupted,
}

/// What to do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Look again and try again, within the attempts.
    Passing(String),
    /// The connection was lost; the statement may still run.
    ConnectionLost(String),
    /// A unique index met a duplicate: the server's detail names the key.
    Duplicate(String),
    /// No use in trying again.
    Final(String),
    /// A signal; what may still be going on on the server, if anything, as the end of a sentence.
    Interrupted(String),
}

/// Judges a failed statement. `cancelled`: why dbaudit cancelled it, where it did.
pub(super) fn judge(error: &tokio_postgres::Error, cancelled: Option<CancelReason>) -> Failure {
    let said = db::describe_error(error);
    if db::is_connection_loss(error) {
        return match cancelled {
            Some(CancelReason::Interrupted) => Failure::Interrupted(String::new()),
            _ => Failure::ConnectionLost(said),
        };
    }
    match db::sqlstate(error) {
        Some("57014") => match cancelled {
            Some(CancelReason::Interrupted) => Failure::Interrupted(String::new()),
            Some(CancelReason::LockTimeout(blockers)) => Failure::Passing(format!(
                "the table lock was not granted within --lock-timeout; {blockers}"
            )),
            Some(CancelReason::DrainTimeout(blockers)) => Failure::Final(format!(
                "older transactions did not finish within --drain-timeout; {blockers}"
            )),
            Some(CancelReason::Deadline) => Failure::Final("--deadline expired".into()),
            None => Failure::Passing(format!("cancelled by another session: {said}")),
        },
        // lock_not_available, deadlock_detected, serialization_failure, too_many_connections
        Some("55P03" | "40P01" | "40001" | "53300") => Failure::Passing(said),
        // duplicate_table, undefined_object, undefined_table, object_in_use: it changed since it was looked at.
        Some("42P07" | "42704" | "42P01" | "55006") => Failure::Passing(said),
        Some("23505") => Failure::Duplicate(said),
        Some("53100") => Failure::Final(format!(
            "{said}; the disk is full: free some space, or put the index (TABLESPACE in the migration) or the \
             sort files (temp_tablespaces) on another disk, and run again"
        )),
        Some("53400") => Failure::Final(format!(
            "{said}; raise --maintenance-work-mem, or the role's temp_file_limit, and run again"
        )),
        _ => Failure::Final(said),
    }
}
