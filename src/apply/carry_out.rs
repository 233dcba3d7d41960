//! Step by step to the desired state: send, look again, decide again.

mod step;

use std::{cell::RefCell, collections::BTreeSet, time::Instant};

use futures_util::{StreamExt, stream};

use super::{control::Run, event::Event};
use crate::{
    Error,
    catalog::index_state::Oid,
    plan::{
        Action, MigrationEnding, MigrationOutcome, MigrationStanding, Plan, Snapshot, Step,
        StepOutcome,
    },
};

/// Carries the plan out. The lock is held, and the plan was made of what was `seen` just now: what begins at once is
/// decided from that, without another look.
///
/// Steps on one table follow each other; up to `jobs` tables are worked on at once. What fails keeps later
/// migrations off the same table (a drop may rely on the index that failed), and no others. Every failure, an interrupt
/// and the loss of the server are in the outcomes.
pub async fn carry_out(run: &Run<'_>, plan: &Plan, seen: &Snapshot) -> Vec<MigrationOutcome> {
    let progress = Progress {
        run,
        plan,
        outcomes: RefCell::new(
            plan.migrations
                .iter()
                .map(|m| vec![None; m.steps.len()])
                .collect(),
        ),
        failed_tables: RefCell::default(),
        latest: RefCell::new(seen.clone()),
        recorded: RefCell::new(vec![Recording::Not; plan.migrations.len()]),
    };
    let mut queues: Vec<Queue> = Vec::new();
    for (at, migration) in plan.migrations.iter().enumerate() {
        if migration.standing() != MigrationStanding::Pending {
            continue;
        }
        for (number, step) in migration.steps.iter().enumerate() {
            // With one job, the migrations' own order.
            let queue = if run.apply.jobs == 1 {
                None
            } else {
                step.table_oid
            };
            match queues.iter_mut().find(|known| known.table == queue) {
                Some(known) => known.steps.push((at, number)),
                None => queues.push(Queue {
                    table: queue,
                    steps: vec![(at, number)],
                }),
            }
        }
    }
    // Refused migrations come first: what follows them on the same table is skipped.
    for (at, migration) in plan.migrations.iter().enumerate() {
        if migration.standing() == MigrationStanding::Refused {
            progress.refuse(at);
        }
    }
    progress.record_what_holds().await;
    let mut working = stream::iter(queues)
        .enumerate()
        .map(|(turn, queue)| {
            let begins_at_once = turn < run.apply.jobs;
            progress.work(queue.steps, begins_at_once.then(|| seen.clone()))
        })
        .buffer_unordered(run.apply.jobs);
    while working.next().await.is_some() {}
    drop(working);
    progress.finish()
}

/// Steps that follow each other, as (migration, step).
struct Queue {
    table: Option<Oid>,
    steps: Vec<(usize, usize)>,
}

struct Progress<'a> {
    run: &'a Run<'a>,
    plan: &'a Plan,
    outcomes: RefCell<Vec<Vec<Option<StepOutcome>>>>,
    /// Tables with a failed step, and since which migration.
    failed_tables: RefCell<BTreeSet<(Option<Oid>, usize)>>,
    latest: RefCell<Snapshot>,
    recorded: RefCell<Vec<Recording>>,
}

/// What this run has done about a migration's row in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Recording {
    Not,
    Done,
    Failed(String),
}

impl Progress<'_> {
    fn refuse(&self, at: usize) {
        for (number, step) in self.plan.migrations[at].steps.iter().enumerate() {
            let error = if step.action == Action::Refuse {
                step.reason.clone()
            } else {
                "not started: another step of this migration was refused".to_owned()
            };
            let error = (!step.is_settled()).then_some(error);
            self.outcomes.borrow_mut()[at][number] = Some(StepOutcome::untouched(step, error));
            self.failed_tables.borrow_mut().insert((step.table_oid, at));
        }
    }

    /// Whether an earlier migration failed on this step's table (or on one that is not known).
    fn is_blocked(&self, at: usize, step: &Step) -> bool {
        self.failed_tables.borrow().iter().any(|(table, since)| {
            *since <= at
                && (*table == step.table_oid || (step.action == Action::Drop && table.is_none()))
        })
    }

    /// `fresh`: what was looked at just now, if anything. What one step sees when it is done, the next one begins with.
    async fn work(&self, steps: Vec<(usize, usize)>, mut fresh: Option<Snapshot>) {
        let mut builder = None;
        for (at, number) in steps {
            let step = &self.plan.migrations[at].steps[number];
            if step.is_settled() {
                self.outcomes.borrow_mut()[at][number] = Some(StepOutcome::untouched(step, None));
                continue;
            }
            if self.run.interrupt.is_requested()
                || self.run.server_is_gone.get()
                || self.is_blocked(at, step)
            {
                continue;
            }
            let began = Instant::now();
            let mut outcome = StepOutcome::untouched(step, None);
            let ended =
                step::carry_out(self.run, step, &mut builder, &mut fresh, &mut outcome).await;
            outcome.duration = began.elapsed();
            match ended {
                Ok(()) => {}
                Err(error) => {
                    // Nothing else will work either.
                    if matches!(error, Error::Connect { .. }) {
                        self.run.server_is_gone.set(true);
                    }
                    let hint = error
                        .hint()
                        .map(|hint| format!("; {hint}"))
                        .unwrap_or_default();
                    outcome.error = Some(format!("{error}{hint}"));
                    self.failed_tables.borrow_mut().insert((step.table_oid, at));
                }
            }
            (self.run.listener)(&Event::Finished {
                index: step.index.clone(),
                action: step.action.to_string(),
                duration_ms: outcome.duration.as_secs_f64() * 1000.0,
                error: outcome.error.clone(),
            });
            self.outcomes.borrow_mut()[at][number] = Some(outcome);
            if let Some(seen) = &fresh {
                self.latest.replace(seen.clone());
            }
            self.record_what_holds().await;
            if let Some(seen) = &mut fresh {
                seen.recorded.clone_from(&self.latest.borrow().recorded);
            }
        }
    }

    /// Records every migration as soon as its effects hold, so that a kill later loses nothing.
    async fn record_what_holds(&self) {
        for (at, planned) in self.plan.migrations.iter().enumerate() {
            if self.run.server_is_gone.get()
                || !planned.is_to_record()
                || self.recorded.borrow()[at] != Recording::Not
                || !self.is_whole(at)
            {
                continue;
            }
            // Taken now: another table's worker may come by while this one is being recorded.
            self.recorded.borrow_mut()[at] = Recording::Done;
            let seen = self.latest.borrow().clone();
            match self.run.record(planned.migration, &seen).await {
                Ok(row) => {
                    let migration = &self.run.migrations[planned.migration];
                    let history = &mut self.latest.borrow_mut().recorded.0;
                    history.insert(migration.version, row);
                }
                Err(error) => {
                    self.recorded.borrow_mut()[at] = Recording::Failed(error.to_string());
                }
            }
        }
    }

    /// Whether what a migration says holds, or what supersedes it.
    fn is_whole(&self, at: usize) -> bool {
        let planned = &self.plan.migrations[at];
        let outcomes = self.outcomes.borrow();
        let is_done = |migration: usize, step: usize| {
            self.plan.migrations[migration].steps[step].is_settled()
                || outcomes[migration][step]
                    .as_ref()
                    .is_some_and(|outcome| outcome.error.is_none())
        };
        planned.standing() != MigrationStanding::Refused
            && (0..planned.steps.len()).all(|step| is_done(at, step))
            && planned.rests_on.iter().all(|other| {
                is_done(other.migration, other.step)
                    || other.own.is_some_and(|own| planned.steps[own].holds)
            })
    }

    fn finish(&self) -> Vec<MigrationOutcome> {
        let interrupted = self.run.interrupt.is_requested();
        let mut ended = Vec::new();
        let whole: Vec<bool> = (0..self.plan.migrations.len())
            .map(|at| self.is_whole(at))
            .collect();
        for (at, migration) in self.plan.migrations.iter().enumerate() {
            let whole = whole[at];
            let not_recorded = match &self.recorded.borrow()[at] {
                Recording::Failed(why) => Some(why.clone()),
                _ => None,
            };
            let steps = std::mem::take(&mut self.outcomes.borrow_mut()[at]);
            let failed = steps.iter().flatten().any(|step| step.error.is_some());
            let outcome = match migration.standing() {
                _ if not_recorded.is_some() => MigrationEnding::Failed,
                MigrationStanding::AlreadyApplied => MigrationEnding::AlreadyApplied,
                MigrationStanding::Refused => MigrationEnding::Failed,
                MigrationStanding::Pending if whole => MigrationEnding::Applied,
                MigrationStanding::Pending if failed => MigrationEnding::Failed,
                MigrationStanding::Pending if interrupted => MigrationEnding::Pending,
                MigrationStanding::Pending => MigrationEnding::Skipped,
            };
            let steps = migration.steps.iter().zip(steps).map(|(step, ended)| {
                ended.unwrap_or_else(|| {
                    let why = match outcome {
                        MigrationEnding::AlreadyApplied | MigrationEnding::Applied => None,
                        _ if step.is_settled() => None,
                        _ if interrupted => Some("not started: interrupted".to_owned()),
                        _ if self.run.server_is_gone.get() => {
                            Some("not started: the server cannot be reached".to_owned())
                        }
                        _ => {
                            Some("not started: an earlier step on the same table failed".to_owned())
                        }
                    };
                    StepOutcome::untouched(step, why)
                })
            });
            ended.push(MigrationOutcome {
                migration: at,
                outcome,
                steps: steps.collect(),
                not_recorded,
            });
        }
        ended
    }
}
