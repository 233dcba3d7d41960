//! `dbaudit apply-indexes`: bring every index of the migrations to its desired state.

mod listen;

use std::time::Instant;

use super::{Context, embedded, timing::server};
use crate::{
    Error, Outcome, Result,
    apply::{self, ApplyConfig, Run, check_history, check_server},
    db::Session,
    migration::{self, Migration},
    plan::{self, MigrationStanding, Plan, Snapshot},
    render::Format,
    report::{ApplyResult, apply::ApplyOutcome},
};

pub(super) async fn run(context: &Context, settings: &ApplyConfig) -> Result<Outcome> {
    let result = produce(context, settings).await?;
    if context.config.format == Format::JsonLines {
        listen::write_result(context, &result)?;
        context.write_also(&result)?;
    } else {
        context.write(&result)?;
    }
    Ok(result.exit())
}

/// Applies, without writing the result anywhere.
pub(super) async fn produce(context: &Context, settings: &ApplyConfig) -> Result<ApplyResult> {
    let until = until(settings);
    let (migrations, session) = begin(context, settings, until).await?;
    let listener = listen::listener(context)?;
    let run = run_of(context, settings, session, &migrations, until, &listener);
    let began = Instant::now();
    let (version, seen, plan) = look_and_plan(&run, settings, &migrations).await?;
    let mut result = if settings.dry_run {
        let mut result = ApplyResult::planned("apply-indexes", server(&version), &plan);
        result.held_up_by = run.held_up_by(&tables_to_build_on(&plan)).await?;
        result
    } else if plan.has_work() {
        apply(&run, settings, &migrations).await?
    } else {
        let ended = apply::carry_out(&run, &plan, &seen).await;
        ApplyResult::carried_out(server(&version), &plan, &ended)
    };
    result.duration_ms = began.elapsed().as_secs_f64() * 1000.0;
    result.notes.extend(source_note(settings, migrations.len()));
    run.unlock().await;
    Ok(result)
}

/// How everything stands, changing nothing: `dbaudit status`.
pub(super) async fn status(context: &Context, settings: &ApplyConfig) -> Result<Outcome> {
    let until = until(settings);
    let (migrations, session) = begin(context, settings, until).await?;
    let listener = listen::listener(context)?;
    let run = run_of(context, settings, session, &migrations, until, &listener);
    let began = Instant::now();
    let seen = run.look_patiently().await?;
    check_embedded(settings, &migrations, &seen)?;
    let plan = plan::plan(&migrations, &seen, run.policy());
    let version = version(&run)?;
    let mut result = ApplyResult::planned("status", server(&version), &plan);
    let building = plan
        .migrations
        .iter()
        .map(|m| m.steps.iter().map(|step| step.wait_for.as_ref()?.pid));
    for (migration, pids) in result.migrations.iter_mut().zip(building) {
        for (step, pid) in migration.steps.iter_mut().zip(pids) {
            let Some(pid) = pid else { continue };
            for watched in run.watch(&[pid]).await? {
                step.reason = format!("{} ({})", step.reason, watched.describe_phase());
            }
        }
    }
    result.held_up_by = run.held_up_by(&tables_to_build_on(&plan)).await?;
    result.duration_ms = began.elapsed().as_secs_f64() * 1000.0;
    result.notes.extend(source_note(settings, migrations.len()));
    run.unlock().await;
    context.write(&result)?;
    Ok(result.exit())
}

/// Reads the migrations while a server makes ready for us, which takes as long. What is wrong with a file is said
/// first, and ends the connecting: no statement has been sent by then.
async fn begin(
    context: &Context,
    settings: &ApplyConfig,
    until: Option<Instant>,
) -> Result<(Vec<Migration>, Session)> {
    let connecting = apply::connect(
        &context.config.connection,
        settings,
        until,
        &context.interrupt,
    );
    let (session, migrations) =
        tokio::try_join!(async { Ok(connecting.await) }, async { load(settings) },)?;
    Ok((migrations, session?))
}

/// The deadline counts from the start, connecting included.
fn until(settings: &ApplyConfig) -> Option<Instant> {
    settings.deadline.map(|limit| Instant::now() + limit)
}

fn load(settings: &ApplyConfig) -> Result<Vec<Migration>> {
    match &settings.migrations {
        Some(folder) => migration::load(folder),
        None => migration::embedded(),
    }
}

/// The embedded migrations belong to one application; elsewhere they would build indexes that nobody asked for.
fn check_embedded(settings: &ApplyConfig, migrations: &[Migration], seen: &Snapshot) -> Result<()> {
    let is_there = |table: &&str| seen.catalog.table_oid(table).is_some();
    let has_tables = ["content", "users"].iter().all(is_there);
    if settings.migrations.is_some() || has_tables || seen.catalog.history.is_some() {
        return Ok(());
    }
    let files = format!("the {} embedded migrations", migrations.len());
    Err(embedded::elsewhere(&files, "--migrations"))
}

/// Says which migrations were taken, where nobody named them.
fn source_note(settings: &ApplyConfig, count: usize) -> Option<String> {
    settings.migrations.is_none().then(|| {
        format!(
            "the {count} migrations are the embedded ones, for the content/users application; use \
             --migrations for your own"
        )
    })
}

fn run_of<'a>(
    context: &'a Context,
    settings: &'a ApplyConfig,
    session: Session,
    migrations: &'a [Migration],
    until: Option<Instant>,
    listener: apply::Listener<'a>,
) -> Run<'a> {
    Run::new(
        session,
        &context.config.connection,
        settings,
        migrations,
        until,
        &context.interrupt,
        listener,
    )
}

fn version(run: &Run<'_>) -> Result<crate::db::ServerVersion> {
    run.control.version().ok_or_else(|| Error::CannotJudge {
        message: "the connection was lost".into(),
        hint: "run again".into(),
    })
}

async fn look_and_plan(
    run: &Run<'_>,
    settings: &ApplyConfig,
    migrations: &[Migration],
) -> Result<(crate::db::ServerVersion, Snapshot, Plan)> {
    let seen = run.look_patiently().await?;
    check_embedded(settings, migrations, &seen)?;
    let version = version(run)?;
    check_server(&version, &seen.catalog, settings.allow_unsafe_server)?;
    let plan = plan::plan(migrations, &seen, run.policy());
    if plan.has_to_record() {
        check_history(&seen.catalog, &settings.history_table_quoted())?;
    }
    Ok((version, seen, plan))
}

/// There is work: keep other deploys away, look again, and carry it out.
async fn apply(
    run: &Run<'_>,
    settings: &ApplyConfig,
    migrations: &[Migration],
) -> Result<ApplyResult> {
    run.check_pooler().await?;
    run.lock().await?;
    let (version, seen, plan) = look_and_plan(run, settings, migrations).await?;
    if plan.has_to_record() {
        run.prepare_history().await?;
    }
    for blocker in run.held_up_by(&tables_to_build_on(&plan)).await? {
        tracing::info!(
            "a build would wait for this session, if it is still there by then: {blocker}"
        );
    }
    let ended = apply::carry_out(run, &plan, &seen).await;
    let mut result = ApplyResult::carried_out(server(&version), &plan, &ended);
    if run.interrupted() {
        result.outcome = ApplyOutcome::Interrupted;
    } else if run.server_is_gone() {
        result.outcome = ApplyOutcome::ServerGone;
    }
    Ok(result)
}

fn tables_to_build_on(plan: &Plan) -> Vec<i64> {
    plan.migrations
        .iter()
        .filter(|migration| migration.standing() == MigrationStanding::Pending)
        .flat_map(|migration| &migration.steps)
        .filter(|step| !step.is_settled())
        .filter_map(|step| step.table_oid.map(i64::from))
        .collect()
}
