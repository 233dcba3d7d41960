//! Work in a read-only transaction that is rolled back.

use std::time::Duration;

use crate::{Error, Result, db::Session};

/// Does `work`, which sends its statements over this session, in a read-only transaction under this statement timeout.
/// The session must not be in a transaction.
///
/// # Errors
/// Those of `work`; else the server's.
pub async fn read_only<T>(
    session: &Session,
    timeout: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    session
        .batch_execute(&format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
            timeout.as_millis().max(1)
        ))
        .await
        .map_err(Error::server("beginning a read-only transaction"))?;
    let done = work.await;
    let ended = session
        .batch_execute("ROLLBACK")
        .await
        .map_err(Error::server("ending a read-only transaction"));
    let done = done?;
    ended.map(|()| done)
}
