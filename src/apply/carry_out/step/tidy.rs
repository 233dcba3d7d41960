//! After a failure: what this run left invalid is dropped.

use std::time::{Duration, Instant};

use super::{TIDY_WITHIN, Worker, wait::LOOK_EVERY};
use crate::{
    Error,
    apply::{backoff, event::Event},
    catalog::index_state::{IndexHealth, IndexState, Oid, Relation},
    migration::ReindexTarget,
    plan::{Snapshot, SqlStatement, is_reindex_leftover},
};

/// How long somebody who may be building it is waited for.
const BUILDER_GONE_WITHIN: Duration = Duration::from_secs(10);
/// A drop may itself be broken off.
const TRIES: usize = 5;

impl Worker<'_, '_> {
    /// Drops what this run left invalid. Says what is left, where something is.
    pub(super) async fn tidy_up(&mut self) -> Option<String> {
        if self.begun.is_empty() {
            return None;
        }
        let run = self.run;
        let ended = tokio::select! {
            biased;
            ended = self.drop_invalid() => Some(ended),
            () = run.tidied_long_enough(run.apply.drain_timeout) => None,
        };
        match ended {
            Some(Ok(())) => None,
            Some(Err(reason)) => Some(format!(
                "an invalid index may remain ({reason}); the next run repairs it"
            )),
            None => {
                let waits = self.held_up.borrow();
                let whom = if waits.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", waits.join("; "))
                };
                Some(format!(
                    "an invalid index remains, because older transactions block its drop{whom}; the next run \
                     repairs it"
                ))
            }
        }
    }

    /// Never ends by itself.
    async fn say_who_holds_up<T>(&self, pid: i32) -> T {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Ok(watched) = self.run.watch(&[pid]).await else {
                continue;
            };
            for watched in watched {
                self.held_up.replace(watched.waits());
                let index = self.planned.index.clone();
                (self.run.listener)(&Event::Running { index, watched });
            }
        }
    }

    async fn drop_invalid(&mut self) -> Result<(), String> {
        let (mut failures, began) = (0, Instant::now());
        loop {
            let seen = self.run.look().await.map_err(|error| error.to_string())?;
            let table = self.planned.table_oid;
            let Some((relation, index)) = left(&seen, &self.begun, table) else {
                return Ok(());
            };
            if let Some(holder) = relation.builder(Some(index.oid)) {
                // An autovacuum holds the same lock, and a role that may see little cannot tell it from a build.
                if began.elapsed() > BUILDER_GONE_WITHIN {
                    return Err(format!("{holder} may be building it"));
                }
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            let session = match self.builder.take().filter(|session| !session.is_closed()) {
                Some(session) => session,
                None => self
                    .run
                    .builder()
                    .await
                    .map_err(|error| error.to_string())?,
            };
            let [sql] = &SqlStatement::Drop {
                index: index.qualified(),
            }
            .sql()[..] else {
                return Ok(());
            };
            self.outcome.sent.push(sql.clone());
            (self.run.listener)(&Event::TidyingUp {
                index: self.planned.index.clone(),
                unfinished: index.qualified().to_string(),
            });
            let dropping = async {
                session
                    .batch_execute(sql)
                    .await
                    .map_err(Error::server("dropping it"))
            };
            let limit = self.run.apply.drain_timeout.max(TIDY_WITHIN);
            let dropped = self.run.answered(&session, "dropping it", limit, dropping);
            let ended = tokio::select! {
                biased;
                ended = dropped => ended,
                ended = self.say_who_holds_up(session.backend_pid()) => ended,
            };
            *self.builder = Some(session);
            if let Err(error) = ended {
                tracing::debug!("{sql}: {error}");
                failures += 1;
                let denied = matches!(&error, Error::Server { source, .. } if crate::db::sqlstate(source) == Some("42501"));
                // After a signal or the deadline, the first wait that is cut short was the last.
                if failures >= TRIES || denied || !matches!(error, Error::Server { .. }) {
                    return Err(error.to_string());
                }
                tokio::time::sleep(backoff::wait(3, rand::random())).await;
            }
        }
    }
}

/// An invalid index that is there because of something that was begun: half built, half dropped, or half rebuilt.
///
/// `table`: the table, which may have another name by now.
fn left<'s>(
    seen: &'s Snapshot,
    begun: &[SqlStatement],
    table: Option<Oid>,
) -> Option<(&'s Relation, &'s IndexState)> {
    let of = |relation: &'s Relation| {
        let is_left = |index: &&IndexState| {
            index.health() == IndexHealth::Invalid
                && !index.partitioned
                && index.attached_to.is_none()
                && index.constraint.is_none()
                && begun
                    .iter()
                    .any(|send| is_from(send, relation, index, table))
        };
        Some((relation, relation.indexes.iter().find(is_left)?))
    };
    seen.catalog.relations.iter().find_map(of)
}

fn is_from(
    send: &SqlStatement,
    relation: &Relation,
    index: &IndexState,
    table_oid: Option<Oid>,
) -> bool {
    match send {
        SqlStatement::Create { name, table, .. } => {
            let is_there = *table == relation.qualified() || Some(relation.oid) == table_oid;
            is_there && *name == index.name
        }
        SqlStatement::Drop { index: dropped } => *dropped == index.qualified(),
        SqlStatement::Reindex {
            target: ReindexTarget::Index,
            name,
            ..
        } => name.schema == index.schema && is_reindex_leftover(index, &name.name),
        SqlStatement::Reindex {
            target: ReindexTarget::Table,
            name,
            ..
        } => {
            let rebuilt = |other: &IndexState| is_reindex_leftover(index, &other.name);
            *name == relation.qualified() && relation.indexes.iter().any(rebuilt)
        }
        _ => false,
    }
}
