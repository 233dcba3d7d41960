//! The session used for timing: its own limits, whatever those of the role, and no pooler that switches sessions.

use tokio_postgres::Client;

use crate::{
    Error, Result,
    db::{self, ConnectionConfig, Session},
};

/// Connects, and sets what a role or database may have set otherwise.
///
/// # Errors
/// No connection, or a connection pooler in transaction mode.
pub async fn connect(config: &ConnectionConfig) -> Result<Session> {
    let session = db::connect(config, "time-queries").await?;
    refuse_transaction_pooling(config, &session).await?;
    settle(&session).await?;
    Ok(session)
}

/// Lifts the role's own timeouts: a statement's comes from its budget, and a transaction is as long as its samples.
pub(super) async fn settle(client: &Client) -> Result<()> {
    client
        .batch_execute(include_str!("session.sql"))
        .await
        .map_err(Error::server("setting the session's timeouts"))
}

/// Such a pool may run a statement on another server session than the one it was prepared on, and what is prepared
/// there would be left behind for others to stumble over.
async fn refuse_transaction_pooling(config: &ConnectionConfig, session: &Session) -> Result<()> {
    let other = db::connect(config, "time-queries").await?;
    if !db::is_transaction_pool(session, &other).await? {
        return Ok(());
    }
    Err(Error::CannotJudge {
        message: "a connection pooler in transaction mode stands between dbaudit and the server: it does not \
             keep prepared statements, which are what is timed"
            .into(),
        hint: "connect directly to the server, or through a pool in session mode".into(),
    })
}
