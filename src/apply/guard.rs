//! The preconditions that a server must meet before anything is built on it.

use crate::{
    Error, Result,
    catalog::{QualifiedName, index_state::IndexCatalog, quote_identifier},
    db::{self, ServerVersion, Session},
};

/// Refuses a standby, and servers whose concurrent builds can corrupt an index.
///
/// # Errors
/// [`Error::CannotJudge`] with the way out.
pub fn check_server(
    version: &ServerVersion,
    catalog: &IndexCatalog,
    allow_unsafe: bool,
) -> Result<()> {
    if catalog.in_recovery {
        return Err(Error::CannotJudge {
            message:
                "the server is a standby: indexes are built on the primary and arrive here by \
                 replication"
                    .into(),
            hint: "connect to the primary; with several hosts, add target_session_attrs=read-write"
                .into(),
        });
    }
    if is_unsafe(version.number) && !allow_unsafe {
        return Err(Error::CannotJudge {
            message: format!(
                "PostgreSQL {} has a bug: concurrent builds on 14.0 to 14.3 can miss rows and corrupt the \
                 index",
                version.text
            ),
            hint: "update the server to 14.4 or later (a minor update); --allow-unsafe-server builds anyway: \
                 check each index afterwards with bt_index_check(index, true) from amcheck"
                .into(),
        });
    }
    Ok(())
}

/// Refuses a role that may not record what it does: a build whose migration cannot be recorded would be looked at
/// as new for ever.
///
/// `table`: the history table, as SQL.
///
/// # Errors
/// [`Error::CannotJudge`] with the way out.
pub fn check_history(catalog: &IndexCatalog, table: &str) -> Result<()> {
    let user = quote_identifier(&catalog.user);
    let (lacking, hint) = match (&catalog.history, &catalog.history_schema) {
        (Some(history), _) if history.may_write => return Ok(()),
        (Some(history), _) => {
            let name = QualifiedName::new(&history.schema, &history.name).quoted();
            (
                format!("cannot read and write the history table {name}"),
                format!("GRANT SELECT, INSERT, UPDATE ON {name} TO {user}"),
            )
        }
        (None, _) if catalog.may_make_history => return Ok(()),
        (None, Some(schema)) => (
            format!("cannot create the history table {table} in schema {schema}"),
            format!(
                "GRANT CREATE ON SCHEMA {} TO {user}, or name a table in another schema with --history-table",
                quote_identifier(schema)
            ),
        ),
        (None, None) => (
            format!("has no schema to create the history table {table} in"),
            "name an existing schema with --history-table schema.name".to_owned(),
        ),
    };
    Err(Error::CannotJudge {
        message: format!(
            "role {} {lacking}, so nothing that is built could be recorded",
            catalog.user
        ),
        hint,
    })
}

/// 14.0 to 14.3. Source: release notes of 14.4, "Prevent possible corruption of indexes created or rebuilt with
/// the CONCURRENTLY option".
fn is_unsafe(version_num: u32) -> bool {
    (140_000..140_004).contains(&version_num)
}

/// Refuses a session in which settings that would break off a build are still in force, although it set them
/// otherwise.
///
/// # Errors
/// [`Error::CannotJudge`], naming the setting.
pub(super) async fn check_settings(session: &Session) -> Result<()> {
    let row = session
        .query_typed_opt(
            "SELECT name, setting || coalesce(' ' || unit, ''), current_user::text FROM pg_settings
             WHERE (name IN ('statement_timeout', 'transaction_timeout', 'idle_session_timeout', 'lock_timeout')
                    AND setting <> '0') OR (name = 'default_transaction_read_only' AND setting <> 'off') LIMIT 1",
            &[],
        )
        .await
        .map_err(Error::server("reading the session's settings"))?;
    let Some(row) = row else { return Ok(()) };
    let (name, value, user): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
    Err(Error::CannotJudge {
        message: format!(
            "{name} is {value} and this session cannot change it: it would interrupt a build"
        ),
        hint: format!("ALTER ROLE {user} RESET {name}, or connect as another role"),
    })
}

/// Refuses a transaction pooler: statements of one session would run in several, and what is set or locked would
/// stay behind in somebody else's.
///
/// # Errors
/// [`Error::CannotJudge`].
pub(super) async fn check_pooler(control: &Session, builder: &Session) -> Result<()> {
    if db::is_transaction_pool(control, builder).await? {
        return Err(pooled("transaction"));
    }
    Ok(())
}

/// A pooler that hands out another session for each transaction, or for each statement.
pub(super) fn pooled(mode: &str) -> Error {
    Error::CannotJudge {
        message: format!(
            "a connection pooler in {mode} mode stands between dbaudit and the server: session locks would be \
             left behind there, and the settings of a build would reach other sessions"
        ),
        hint: "connect directly to the server, or through a pool in session mode".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_unsafe;

    #[test]
    fn only_14_0_to_14_3_are_unsafe() {
        let unsafe_ones: Vec<u32> = [130_023, 140_000, 140_003, 140_004, 140_023, 150_000]
            .into_iter()
            .filter(|v| is_unsafe(*v))
            .collect();
        assert_eq!(unsafe_ones, [140_000, 140_003]);
    }
}
