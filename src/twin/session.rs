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

pub(super) async fn off_thread<T: Send + 'static>(
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

pub(super) async fn run(session: &Session, doing: &str, statements: &str) -> Result<()> {
    session
        .batch_execute(statements)
        .await
        .map_err(Error::server(doing))
}
