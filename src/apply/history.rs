//! The history table, read and written through refinery's traits.
//!
//! refinery's own driver wraps a file's SQL and the history row into one transaction, in which no concurrent
//! build can run. This executor is handed the same `[SQL, INSERT]`, but the SQL has been carried out already,
//! statement by statement; it sends the row alone, once everything has been read back as desired.

use std::collections::BTreeMap;

use refinery_core::{
    Migration as Record, Target,
    traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction},
};
use tokio_postgres::Client;

use crate::{Error, Result, plan::Recorded};

/// The history over one session.
pub(super) struct History<'a> {
    client: &'a Client,
    table: &'a str,
}

impl<'a> History<'a> {
    /// `table`: quoted as SQL.
    pub(super) fn new(client: &'a Client, table: &'a str) -> Self {
        Self { client, table }
    }

    /// What is recorded. No table is an empty history.
    pub(super) async fn read(&mut self) -> Result<Recorded> {
        let sql = Self::get_applied_migrations_query(self.table);
        let rows = match self.client.query_typed(&sql, &[]).await {
            Ok(rows) => rows,
            Err(error) if crate::db::sqlstate(&error) == Some("42P01") => {
                return Ok(Recorded::default());
            }
            Err(error) if crate::db::sqlstate(&error) == Some("42703") => {
                return Err(Error::CannotJudge {
                    message: format!(
                        "the history table {} has other columns: {}",
                        self.table,
                        crate::db::describe_error(&error)
                    ),
                    hint:
                        "it is another tool's table: name one of dbaudit's own with --history-table"
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
            let odd = |what: &str| Error::CannotJudge {
                message: format!(
                    "the history table {} has a row whose {what} is not understood",
                    self.table
                ),
                hint: "is it another tool's table? Name another with --history-table".into(),
            };
            let version = row
                .try_get::<_, i64>(0)
                .or_else(|_| row.try_get::<_, i32>(0).map(i64::from))
                .map_err(|_| odd("version"))?;
            let checksum: String = row.try_get(3).map_err(|_| odd("checksum"))?;
            recorded.insert(version, checksum.parse().map_err(|_| odd("checksum"))?);
        }
        Ok(Recorded(recorded))
    }

    /// Records one migration, making the table where it is not there.
    pub(super) async fn record(&mut self, migration: &Record) -> Result<()> {
        let table = self.table;
        self.migrate(
            std::slice::from_ref(migration),
            false,
            false,
            false,
            Target::Latest,
            table,
        )
        .await
        .map(|_| ())
        .map_err(|error| Error::CannotJudge {
            message: format!("recording {migration} in {table}: {}", causes(&error)),
            hint: "the role needs CREATE on the schema, or INSERT on the table".into(),
        })
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = match error.downcast_ref::<tokio_postgres::Error>() {
            Some(error) => crate::db::describe_error(error),
            None => error.to_string(),
        };
        cause = error.source();
    }
    text
}

impl AsyncTransaction for History<'_> {
    type Error = tokio_postgres::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> std::result::Result<usize, Self::Error> {
        let queries: Vec<&str> = queries.collect();
        match queries[..] {
            // The table's DDL. Where it is there already no privilege to create is needed.
            [ddl] => {
                let known = self
                    .client
                    .query_typed_one(
                        "SELECT to_regclass($1) IS NOT NULL",
                        &[(&self.table, tokio_postgres::types::Type::TEXT)],
                    )
                    .await?
                    .get::<_, bool>(0);
                if !known {
                    self.client.batch_execute(ddl).await?;
                }
            }
            // [the file's SQL, which has been carried out, the history row]. The file may have been edited, or
            // another deploy may have come first.
            [_, insert] => {
                let upsert = format!(
                    "{insert} ON CONFLICT (version) DO UPDATE SET name = excluded.name, \
                     applied_on = excluded.applied_on, checksum = excluded.checksum"
                );
                self.client.batch_execute(&upsert).await?;
            }
            _ => {}
        }
        Ok(queries.len())
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
