//! What a proof builds, and takes down again, whatever ends it.
//!
//! An index and the comment that says whose it is come into being in one transaction, so that at no moment there is
//! one that the next proof would not know for a leftover. The session that builds holds a lock to its end: as long as
//! it does, it may still be building, though its dbaudit was killed.

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio_postgres::types::Type;

use super::planner::WhatIf;
use crate::{
    Error, Result,
    advise::IndexSpec,
    catalog::{QualifiedName, quote_literal},
    db::{self, ConnectionConfig, Session, is_connection_loss},
};

const PREFIX: &str = "dbaudit_advise_";
const COMMENT: &str = "built by dbaudit advise --prove, which drops it";
/// `dbaudit` and a number, as the key of the advisory lock.
const PROOF_LOCK: i64 = 0x6462_6175_6469_7402;
/// How often a lock is looked at.
const EVERY: Duration = Duration::from_millis(50);
/// A cancelled build ends at the next block; what takes longer than this will not end.
const END_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Built {
    /// The session that builds; 0: none does.
    pid: Cell<i32>,
}

impl Built {
    /// Makes this session the only one that proves in this database, and drops what killed ones left. A proof that is
    /// at work is waited for, until `give_up`.
    ///
    /// # Errors
    /// Another proof is at work for too long; the server's.
    pub(super) async fn begin(&self, session: &Session, give_up: Instant) -> Result<()> {
        let mut told = false;
        loop {
            let row = session
                .query_typed_one(include_str!("proof_lock.sql"), &[(&PROOF_LOCK, Type::INT8)])
                .await
                .map_err(Error::server("taking the lock that keeps two proofs apart"))?;
            if row.get(0) {
                self.pid.set(row.get(1));
                break;
            }
            // Between the look at the lock and the look for its holder it may have been released.
            if let Some(pid) = row.get::<_, Option<i32>>(2) {
                if Instant::now() >= give_up {
                    return Err(Error::CannotJudge {
                        message: format!(
                            "another proof is running in this database, in the session with pid {pid}"
                        ),
                        hint: format!(
                            "wait for it to finish; if its dbaudit is gone: SELECT pg_terminate_backend({pid})"
                        ),
                    });
                }
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(
                        "waiting for another proof in this database, in the session with pid {pid}"
                    );
                }
            }
            tokio::time::sleep(EVERY).await;
        }
        drop_all_of(session, PREFIX).await
    }

    fn prefix(&self) -> String {
        format!("{PREFIX}{}_", self.pid.get())
    }

    /// What a candidate is called while it stands.
    pub(super) fn name_of(&self, id: usize, spec: &IndexSpec) -> QualifiedName {
        QualifiedName::new(&spec.table.schema, format!("{}{id}", self.prefix()))
    }

    /// Builds all candidates, for a planner that has no other way to judge them. What cannot be built is left out.
    pub(super) async fn build_candidates(
        &self,
        session: &Session,
        all: &[IndexSpec],
    ) -> Result<WhatIf> {
        let mut what_if = BTreeMap::new();
        for (id, spec) in all.iter().enumerate() {
            if self.build(session, id, spec).await?.is_ok() {
                what_if.insert(id, parts(session, &self.name_of(id, spec)).await?);
            }
        }
        Ok(WhatIf::Built(what_if))
    }

    /// How many milliseconds it took, or why the server refuses it.
    pub(super) async fn build(
        &self,
        session: &Session,
        id: usize,
        spec: &IndexSpec,
    ) -> Result<std::result::Result<f64, String>> {
        let name = self.name_of(id, spec);
        let begun = Instant::now();
        // Sent as one, they are one transaction.
        let script = format!(
            "{}; COMMENT ON INDEX {} IS {}",
            spec.plain_statement(Some(&name.name), &spec.table),
            name.quoted(),
            quote_literal(COMMENT)
        );
        match session.batch_execute(&script).await {
            Ok(()) => Ok(Ok(begun.elapsed().as_secs_f64() * 1000.0)),
            Err(error) if is_connection_loss(&error) => {
                Err(Error::server(format!("building {}", spec.shown()))(error))
            }
            Err(error) => Ok(Err(db::describe_error(&error))),
        }
    }

    /// Drops what stands.
    pub(super) async fn take_down(&self, session: &Session) -> Result<()> {
        drop_all_of(session, &self.prefix()).await
    }

    /// Drops what stands over a connection of its own: the other may be gone, or in the middle of something.
    pub(super) async fn clean_up(&self, connection: &ConnectionConfig) -> Result<()> {
        if self.pid.get() == 0 {
            return Ok(());
        }
        let purpose = "advise clean-up";
        let session = match db::connect(connection, purpose).await {
            // The first signal came just now; the second leaves at once.
            Err(Error::Interrupted) => db::connect(connection, purpose).await?,
            other => other?,
        };
        self.end(&session).await?;
        self.take_down(&session).await
    }

    /// Sees the session end that built: what it is building would be there only after we examined.
    async fn end(&self, session: &Session) -> Result<()> {
        let give_up = Instant::now() + END_WITHIN;
        loop {
            let rows = session
                .query_typed(
                    include_str!("end_proof.sql"),
                    &[(&PROOF_LOCK, Type::INT8), (&self.pid.get(), Type::INT4)],
                )
                .await
                .map_err(Error::server("ending the session of the build"))?;
            if rows.is_empty() || Instant::now() >= give_up {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

async fn drop_all_of(session: &Session, prefix: &str) -> Result<()> {
    let rows = session
        .query_typed(
            include_str!("own_indexes.sql"),
            &[(&prefix, Type::TEXT), (&COMMENT, Type::TEXT)],
        )
        .await
        .map_err(Error::server("looking for indexes that a proof built"))?;
    for row in &rows {
        let name = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        session
            .batch_execute(&format!("DROP INDEX IF EXISTS {}", name.quoted()))
            .await
            .map_err(Error::server(format!("dropping {name}")))?;
    }
    Ok(())
}

/// An index and those of its partitions.
pub(super) async fn parts(session: &Session, name: &QualifiedName) -> Result<Vec<QualifiedName>> {
    let rows = session
        .query(
            "SELECT n.nspname::text, c.relname::text
               FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) t
               JOIN pg_catalog.pg_class c ON c.oid = t.relid::oid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY t.level, 1, 2",
            &[&name.quoted()],
        )
        .await
        .map_err(Error::server("reading an index's partitions"))?;
    let mut found = vec![name.clone()];
    for row in &rows {
        let part = QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        if part != *name {
            found.push(part);
        }
    }
    Ok(found)
}

/// The bytes of an index, those of its partitions included.
pub(super) async fn size(session: &Session, name: &QualifiedName) -> Result<u64> {
    let mut bytes = 0;
    for part in parts(session, name).await? {
        let row = session
            .query_one(
                "SELECT coalesce(pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)), 0)",
                &[&part.quoted()],
            )
            .await
            .map_err(Error::server("measuring an index"))?;
        bytes += u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
    }
    Ok(bytes)
}
