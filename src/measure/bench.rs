//! One statement on the bench.

use std::time::{Duration, Instant};

use tokio_postgres::{Client, Statement, types::ToSql};

use super::{Clock, CpuWaits, Sample};
use crate::{
    Error, Result,
    db::{TextParameter, sqlstate},
    workload::{PlanMode, Value},
};

#[derive(Debug, Clone)]
pub struct BenchSettings {
    /// `statement_timeout`.
    pub timeout: Duration,
    /// `plan_cache_mode`.
    pub mode: PlanMode,
    /// Statements sent at the transaction's begin, before it turns read-only; empty for none.
    pub prelude: String,
    pub access: Access,
}

/// What a transaction of samples may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read; one transaction for many samples.
    ReadOnly,
    /// Write: each sample in a transaction of its own, which is rolled back.
    ReadWrite,
}

/// A prepared statement with its parameters, in a read-only transaction.
#[derive(Debug)]
pub struct Bench<'s> {
    pub(super) client: &'s Client,
    statement: Statement,
    pub(super) parameters: Vec<TextParameter>,
    sql: &'s str,
    begin: String,
    in_transaction: bool,
    access: Access,
    own_timeout: Duration,
    /// That one, or less.
    timeout: Duration,
    /// The one that the open transaction has.
    timeout_set: Duration,
    waits: CpuWaits,
}

impl<'s> Bench<'s> {
    /// Prepares the statement; the server infers the types of its parameters.
    ///
    /// # Errors
    /// The server's: a table that does not exist, a missing privilege, a syntax error.
    pub async fn prepare(
        client: &'s Client,
        sql: &'s str,
        parameters: &[Value],
        settings: BenchSettings,
    ) -> Result<Self> {
        let statement = client
            .prepare(sql)
            .await
            .map_err(Error::server("preparing the query"))?;
        let mode = match settings.mode {
            PlanMode::Auto => "auto",
            PlanMode::Generic => "force_generic_plan",
            PlanMode::Custom => "force_custom_plan",
        };
        let begin = format!(
            "BEGIN; {}; SET TRANSACTION {}; SET LOCAL plan_cache_mode = {mode}",
            settings.prelude,
            match settings.access {
                Access::ReadOnly => "READ ONLY",
                Access::ReadWrite => "READ WRITE",
            }
        );
        Ok(Self {
            client,
            statement,
            parameters: parameters.iter().cloned().map(TextParameter).collect(),
            sql,
            begin,
            in_transaction: false,
            access: settings.access,
            own_timeout: settings.timeout,
            timeout: settings.timeout,
            timeout_set: Duration::ZERO,
            waits: CpuWaits::of(client).await,
        })
    }

    /// Runs the statement once.
    ///
    /// # Errors
    /// The server's, but for the timeout, which is a [`Sample`].
    pub async fn sample(&mut self) -> Result<Sample> {
        self.begin().await?;
        let parameters = self.parameters.iter().map(|p| p as &(dyn ToSql + Sync));
        let waited = self.waits.read();
        let start = Instant::now();
        // `execute` receives every row and counts them by the server's closing tag.
        let result = self.client.execute_raw(&self.statement, parameters).await;
        let elapsed = start.elapsed();
        let waited = self.waits.read().saturating_sub(waited).min(elapsed);
        match result {
            Ok(rows) => {
                self.end_of_write().await?;
                Ok(Sample {
                    elapsed,
                    waited,
                    rows,
                    timed_out: false,
                })
            }
            Err(error) => {
                let cancelled = sqlstate(&error) == Some("57014");
                self.end().await?;
                if cancelled {
                    Ok(Sample {
                        elapsed,
                        waited,
                        rows: 0,
                        timed_out: true,
                    })
                } else {
                    Err(Error::server("running the query")(error))
                }
            }
        }
    }

    /// Opens the transaction, if none is open, and sees to its timeout.
    pub(super) async fn begin(&mut self) -> Result<()> {
        if self.in_transaction && self.timeout_set == self.timeout {
            return Ok(());
        }
        let timeout = format!(
            "SET LOCAL statement_timeout = {}",
            self.timeout.as_millis().max(1)
        );
        let script = if self.in_transaction {
            timeout
        } else {
            format!("{}; {timeout}", self.begin)
        };
        self.in_transaction = true;
        self.timeout_set = self.timeout;
        if let Err(error) = self.client.batch_execute(&script).await {
            self.end().await?;
            return Err(Error::server("beginning a transaction")(error));
        }
        Ok(())
    }

    /// What a sample or a plan wrote must not be there for the next.
    pub(super) async fn end_of_write(&mut self) -> Result<()> {
        match self.access {
            Access::ReadOnly => Ok(()),
            Access::ReadWrite => self.end().await,
        }
    }

    /// Rolls the transaction back.
    pub async fn end(&mut self) -> Result<()> {
        if std::mem::take(&mut self.in_transaction) {
            self.client
                .batch_execute("ROLLBACK")
                .await
                .map_err(Error::server("rolling the transaction back"))?;
        }
        Ok(())
    }

    /// The name under which the server knows the statement.
    pub(super) async fn server_side_name(&self) -> Result<String> {
        let row = self
            .client
            .query_one(
                "SELECT name FROM pg_catalog.pg_prepared_statements
                  WHERE statement = $1 AND NOT from_sql ORDER BY prepare_time DESC LIMIT 1",
                &[&self.sql],
            )
            .await
            .map_err(Error::server("looking the prepared query up"))?;
        Ok(row.get(0))
    }
}

impl Clock for Bench<'_> {
    fn limit(&mut self, at_most: Duration) {
        self.timeout = self.own_timeout.min(at_most);
    }

    async fn sample(&mut self) -> Result<Sample> {
        Bench::sample(self).await
    }

    async fn end(&mut self) -> Result<()> {
        Bench::end(self).await
    }
}
