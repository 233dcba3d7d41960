//! Waiting for sessions: somebody else's, and what became of this run's own.

use std::time::{Duration, Instant};

use super::{TIDY_WITHIN, Worker, failed};
use crate::{
    Error, Result,
    apply::{control::is_locked_out, event::Event, send::WaitClock},
    catalog::index_state::LockHolder,
    db::Session,
};

/// How often a session that is waited for is seen at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Worker<'_, '_> {
    /// Waits until a session no longer holds the lock. One that is not known to build is given `--drain-timeout`.
    pub(super) async fn wait_for(&mut self, holder: &LockHolder) -> Result<()> {
        let began = Instant::now();
        let mut told = false;
        loop {
            if !told {
                told = true;
                let (index, holder) = (self.planned.index.clone(), holder.to_string());
                (self.run.listener)(&Event::WaitingForSession { index, holder });
            }
            self.run.pause(LOOK_EVERY).await?;
            let seen = match self.run.look().await {
                // Locked against readers for a while: whoever is waited for is still to be waited for.
                Err(error) if is_locked_out(&error) && !self.run.is_over() => continue,
                other => other?,
            };
            let still = seen
                .catalog
                .relations
                .iter()
                .flat_map(|r| &r.holders)
                .find(|now| now.pid == holder.pid);
            let Some(still) = still else { return Ok(()) };
            if self.run.is_over() {
                return Err(failed(
                    format!("--deadline expired while waiting for {still}"),
                    "",
                ));
            }
            if still.building.is_none() && began.elapsed() > self.run.apply.drain_timeout {
                return Err(failed(
                    format!(
                        "{still} has held the lock that the build needs for longer than --drain-timeout"
                    ),
                    "end that session, or wait for it to finish, and run again",
                ));
            }
            if let Some(pid) = still.pid {
                for watched in self.run.watch(&[pid]).await? {
                    let index = self.planned.index.clone();
                    (self.run.listener)(&Event::Running { index, watched });
                }
            }
        }
    }

    /// After a lost connection: waits until the backend is gone, since it may build on to the end.
    pub(super) async fn outlive(&mut self, pid: i32) -> Result<()> {
        let mut clocks = WaitClock::default();
        let mut interrupted = None;
        let mut over: Option<Instant> = None;
        loop {
            if self.run.is_over() {
                let since = over.get_or_insert_with(Instant::now);
                if since.elapsed() > TIDY_WITHIN {
                    return Err(failed(
                        format!(
                            "--deadline expired, and pid {pid}, whose connection was lost, is still running"
                        ),
                        "the next run waits for it",
                    ));
                }
            }
            let watched = self.run.watch(&[pid]).await?.into_iter().next();
            let Some(watched) = watched.filter(|watched| !watched.is_idle) else {
                return interrupted.map_or(Ok(()), |_| Err(Error::Interrupted));
            };
            if interrupted.is_some_and(|since: Instant| since.elapsed() > TIDY_WITHIN) {
                return Err(Error::Interrupted);
            }
            let too_long = self.run.judge_wait(Some(&watched), &mut clocks).is_some();
            if too_long || interrupted.is_some() {
                let cancel = async |session: &Session| {
                    session
                        .query_typed(
                            "SELECT pg_cancel_backend($1)",
                            &[(&pid, tokio_postgres::types::Type::INT4)],
                        )
                        .await
                        .map_err(Error::server(
                            "cancelling a build whose connection was lost",
                        ))
                };
                self.run
                    .ask("cancelling a build whose connection was lost", cancel)
                    .await?;
            }
            let index = self.planned.index.clone();
            (self.run.listener)(&Event::Running { index, watched });
            if interrupted.is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            } else if self.run.pause(LOOK_EVERY).await.is_err() {
                interrupted = Some(Instant::now());
            }
        }
    }
}
