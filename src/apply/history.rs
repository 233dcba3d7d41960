//! The history table, read and written through refinery's traits.
//!
//! refinery's own driver wraps a file's SQL and the history row into one transaction, in which no concurrent
//! build can run. This executor is handed the same `[SQL, INSERT]`, but the SQL has been carried out already,
//! statement by statement; it sends the row alone, once everything has been read back as desired.
//!
//! A column of dbaudit's own beside refinery's, `statements`, keeps what was carried out, as JSON
//! ([`RecordedStatement`]): so an older release knows what a newer one did, and an edit of a comment is known from one of
//! a statement. A table without it (of a role that may not alter it) serves as well, with less to go by.

use std::collections::BTreeMap;

use refinery_core::{
    Migration as Record, Target,
    traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction},
};
use tokio_postgres::{Client, types::Type};

use crate::{
    Error, Result,
    catalog::quote_literal,
    plan::{Recorded, RecordedMigration, RecordedStatement},
    sql::{OWN_MARK, marked},
};

/// The history over one session.
pub(super) struct History<'a> {
    client: &'a Client,
    table: &'a str,
    /// What else to write in the same transaction: the statements of the migration that is being recorded.
    statements: Option<String>,
    /// The table has the column for them.
    keeps_statements: bool,
    /// Why the last thing sent was refused.
    failure: Option<tokio_postgres::Error>,
}

impl<'a> History<'a> {
    /// `table`: quoted as SQL.
    pub(super) fn new(client: &'a Client, table: &'a str) -> Self {
        Self {
            client,
            table,
            statements: None,
            keeps_statements: false,
            failure: None,
        }
    }

    /// What is recorded. No table is an empty history.
    pub(super) async fn read(&mut self) -> Result<Recorded> {
        // refinery's own question, and the column that may not be there.
        let applied = Self::get_applied_migrations_query(self.table);
        let applied = applied.trim_end().trim_end_matches(';');
        let sql = format!(
            "SELECT {OWN_MARK} a.version, a.checksum, (SELECT to_jsonb(h) ->> 'statements'::text FROM {} h WHERE h.version = a.version) \
             FROM ({applied}) AS a",
            self.table
        );
        let rows = match self.client.query_typed(&sql, &[]).await {
            Ok(rows) => rows,
            Err(error) if crate::db::sqlstate(&error) == Some("42P01") => {
                return Ok(Recorded::default());
            }
            Err(error) if crate::db::sqlstate(&error) == Some("42703") => {
                return Err(Error::CannotJudge {
                    message: format!(
                        "the history table {} does not have the expected columns: {}",
                        self.table,
                        crate::db::describe_error(&error)
                    ),
                    hint:
                        "the table belongs to another tool: name a table for dbaudit with --history-table"
                            .into(),
                });
            }
            Err(error) => {
                return Err(Error::server(format!(
                    "reading the history table {}",
                    self.table
                ))(error));
            }
        };
        let mut recorded = BTreeMap::new();
        for row in &rows {
            let odd = |what: &str| {
                Error::CannotJudge {
                message: format!(
                    "the history table {} has a row whose {what} cannot be read",
                    self.table
                ),
                hint: "if the table belongs to another tool, name a different one with --history-table".into(),
            }
            };
            let version = row
                .try_get::<_, i64>(0)
                .or_else(|_| row.try_get::<_, i32>(0).map(i64::from))
                .map_err(|_| odd("version"))?;
            let checksum: String = row.try_get(1).map_err(|_| odd("checksum"))?;
            let statements: Option<&str> = row.try_get(2).map_err(|_| odd("statements"))?;
            let row = RecordedMigration {
                checksum: checksum.parse().map_err(|_| odd("checksum"))?,
                statements: statements.and_then(|json| serde_json::from_str(json).ok()),
            };
            recorded.insert(version, row);
        }
        Ok(Recorded(recorded))
    }

    /// Makes the table where it is not there, and the column for statements where the role may.
    pub(super) async fn prepare(&mut self) -> Result<()> {
        let table = self.table;
        let ddl = Self::assert_migrations_table_query(table);
        self.send(&[&ddl])
            .await
            .map_err(Error::server(format!("creating the history table {table}")))
    }

    /// Records one migration, making the table where it is not there.
    pub(super) async fn record(
        &mut self,
        migration: &Record,
        statements: &[RecordedStatement],
    ) -> Result<()> {
        let table = self.table;
        self.statements = serde_json::to_string(statements).ok().map(|json| {
            format!(
                "UPDATE {OWN_MARK} {table} SET statements = {} WHERE version = {}",
                quote_literal(&json),
                migration.version()
            )
        });
        let only = std::slice::from_ref(migration);
        let recorded = self.migrate(only, false, false, false, Target::Latest, table);
        let recorded = recorded.await.map(|_| ());
        let doing = format!("recording {migration} in {table}");
        recorded.map_err(|error| match self.failure.take() {
            Some(source) => Error::Server { doing, source },
            None => Error::CannotJudge {
                message: format!("{doing}: {error}"),
                hint: "please report this".into(),
            },
        })
    }

    /// What refinery has sent: the table's DDL alone, or a file's SQL and its row.
    async fn send(&mut self, queries: &[&str]) -> Result<(), tokio_postgres::Error> {
        match queries {
            // The table's DDL. Where it is there already no privilege to create is needed.
            [ddl] => {
                let mut state = self.state().await?;
                if !state.0 {
                    self.client.batch_execute(ddl).await?;
                    state = (true, false, true);
                }
                self.keeps_statements = state.1;
                if let (_, false, true) = state {
                    let alter = format!(
                        "ALTER TABLE {} ADD COLUMN IF NOT EXISTS statements text",
                        self.table
                    );
                    self.client.batch_execute(&alter).await?;
                    self.keeps_statements = true;
                }
            }
            // The file's SQL has been carried out. The file may have been edited, or another deploy may have come first.
            [_, insert] => {
                let mut write = format!(
                    "{} ON CONFLICT (version) DO UPDATE SET name = excluded.name, \
                     applied_on = excluded.applied_on, checksum = excluded.checksum",
                    marked(insert)
                );
                if let Some(statements) = self.statements.take().filter(|_| self.keeps_statements) {
                    // One message is one transaction.
                    write = format!("{write}; {statements}");
                }
                self.client.batch_execute(&write).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the table is there, whether it keeps statements, and whether the role may alter it.
    async fn state(&self) -> Result<(bool, bool, bool), tokio_postgres::Error> {
        let row = self
            .client
            .query_typed_one(
                "SELECT c.oid IS NOT NULL,
                        EXISTS (SELECT FROM pg_attribute a
                                WHERE a.attrelid = c.oid AND a.attname = 'statements' AND NOT a.attisdropped),
                        coalesce(pg_has_role(c.relowner, 'USAGE'), false)
                 FROM (SELECT) AS one LEFT JOIN pg_class c ON c.oid = to_regclass($1)::oid",
                &[(&self.table, Type::TEXT)],
            )
            .await?;
        Ok((row.get(0), row.get(1), row.get(2)))
    }
}

/// The error that refinery gets for a failure; the original is kept in [`History::failure`].
#[derive(Debug, thiserror::Error)]
#[error("the server refused it")]
pub(super) struct ServerRefusal;

impl AsyncTransaction for History<'_> {
    type Error = ServerRefusal;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> std::result::Result<usize, Self::Error> {
        let queries: Vec<&str> = queries.collect();
        match self.send(&queries).await {
            Ok(()) => Ok(queries.len()),
            Err(error) => {
                self.failure = Some(error);
                Err(ServerRefusal)
            }
        }
    }
}

impl AsyncQuery<Vec<Record>> for History<'_> {
    /// refinery asks what has been applied, to leave out what is older. The plan has decided already, and an older
    /// migration may come later (two branches merged), so nothing counts as applied here.
    async fn query<'a>(
        &'a mut self,
        _query: &'a str,
    ) -> std::result::Result<Vec<Record>, Self::Error> {
        Ok(Vec::new())
    }
}

impl AsyncMigrate for History<'_> {}
