//! Talking to the throwaway server.

use crate::{
    Error, Result,
    db::{self, ConnectionConfig, Session},
    demo::Server,
};

pub(super) async fn open(
    config: &ConnectionConfig,
    server: &Server,
    database: &str,
) -> Result<Session> {
    let session = db::connect(&config.on_own_server(&server.url(database)), "twin").await?;
    // The schema's own triggers, event triggers among them, are not asked.
    run(
        &session,
        "preparing the session",
        "SET session_replication_role = replica",
    )
    .await?;
    Ok(session)
}

pub(super) async fn run(session: &Session, doing: &str, statements: &str) -> Result<()> {
    session
        .batch_execute(statements)
        .await
        .map_err(Error::server(doing))
}
