//! Work that blocks, beside the thread that talks to servers and notices signals.

use crate::{Error, Result};

/// Runs it on a thread of its own.
///
/// # Errors
/// Those of the work; [`Error::CannotJudge`] where it panicked.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| {
            Err(Error::CannotJudge {
                message: stopped.to_string(),
                hint: String::new(),
            })
        })
}
