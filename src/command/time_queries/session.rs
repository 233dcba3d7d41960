//! The session that times: its own limits, whatever its role's are, and no pooler that hands it about.

use crate::{
    Error, Result,
    config::Config,
    db::{self, Session},
};

/// Connects, and sets what a role or database may have set otherwise.
///
/// # Errors
/// No connection, or a connection pooler in transaction mode.
pub(super) async fn connect(config: &Config) -> Result<Session> {
    let session = db::connect(config, "time-queries").await?;
    refuse_transaction_pooling(config, &session).await?;
    settle(&session).await?;
    Ok(session)
}

/// Lifts the role's own timeouts: a statement's comes from its budget, and a transaction is as long as its samples.
pub(super) async fn settle(session: &Session) -> Result<()> {
    session
        .batch_execute(include_str!("session.sql"))
        .await
        .map_err(Error::server("setting the session's timeouts"))
}

/// Such a pool may run a statement on another server session than the one it was prepared on, and what is prepared
/// there would be left behind for others to stumble over. Two client sessions that are idle tell: they are handed the
/// same server session, or one of them changes its own.
async fn refuse_transaction_pooling(config: &Config, session: &Session) -> Result<()> {
    let first = backend(session).await?;
    if first == session.backend_pid {
        return Ok(());
    }
    let other = db::connect(config, "time-queries").await?;
    let mut stays = true;
    for _ in 0..4 {
        let theirs = backend(&other).await?;
        stays &= theirs != first && backend(session).await? == first;
    }
    if stays {
        return Ok(());
    }
    Err(Error::CannotJudge {
        message: "between here and the server is a connection pooler in transaction mode: prepared statements, which \
                  are what is timed, do not survive there"
            .into(),
        hint: "connect to the server itself, or to a pool in session mode".into(),
    })
}

async fn backend(session: &Session) -> Result<i32> {
    let row = session
        .query_typed_one("SELECT pg_catalog.pg_backend_pid()", &[])
        .await
        .map_err(Error::server("asking for the session's process"))?;
    Ok(row.get(0))
}
