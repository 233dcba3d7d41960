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
    db::connect(&config.on_own_server(&server.url(database)), "twin").await
}

pub(super) async fn run(session: &Session, doing: &str, statements: &str) -> Result<()> {
    session
        .batch_execute(statements)
        .await
        .map_err(Error::server(doing))
}
