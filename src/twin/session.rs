//! Talking to the servers: production's, and the throwaway one.

use serde::{Deserialize, de::DeserializeOwned};

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
    // The schema's own triggers, event triggers among them, are not asked; and values are read as the snapshot writes them.
    let prepare = format!("SET session_replication_role = replica; {FORMS}");
    run(&session, "preparing the session", &prepare).await?;
    Ok(session)
}

pub(super) async fn run(session: &Session, doing: &str, statements: &str) -> Result<()> {
    session
        .batch_execute(statements)
        .await
        .map_err(Error::server(doing))
}

/// In which the values and the names of a snapshot are written. An extension's operators, such as intarray's, are not mistaken
/// for the server's.
pub(super) const FORMS: &str =
    "SET search_path = pg_catalog; SET extra_float_digits = 3; SET datestyle = 'ISO'; SET timezone = 'UTC'; SET intervalstyle = 'postgres';
     SET bytea_output = 'hex'; SET xmloption = 'content'";

/// Questions on their way at the same time.
pub(super) const AT_ONCE: usize = 16;

/// A question about one table or index, made by the server.
#[derive(Clone, Deserialize)]
pub(super) struct Question {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) query: String,
}

/// The rows of a query, by the names of its columns.
pub(super) async fn read<T: DeserializeOwned>(
    session: &Session,
    what: &str,
    query: &str,
) -> Result<Vec<T>> {
    let all = format!(
        "SELECT /* dbaudit */ coalesce(json_agg(all_of_it), '[]')::text FROM ({query}) AS all_of_it"
    );
    let row = session
        .query_one(&all, &[])
        .await
        .map_err(Error::server(format!("reading the {what}")))?;
    serde_json::from_str(row.get(0)).map_err(|error| Error::CannotJudge {
        message: format!("reading the {what}: the server's answer is not as expected: {error}"),
        hint: "please report it, with the server's version".into(),
    })
}

/// Of a query about columns `a`, and where they are an index's, their classes of operators `k`.
pub(super) fn with_column_type(query: &str) -> String {
    query.replace("{column_type}", include_str!("column_type.sql"))
}
