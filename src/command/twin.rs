//! `dbaudit snapshot` and `dbaudit twin`.

use std::{ffi::OsString, process::ExitStatus};

use clap::CommandFactory;
use tokio::process::Command;

use super::Context;
use crate::{
    Error, Outcome, Result,
    cli::Cli,
    config::{SnapshotConfig, TwinConfig},
    demo::Binaries,
    twin::{self, Snapshot, Twin},
};

pub(super) async fn snapshot(context: &Context, settings: &SnapshotConfig) -> Result<Outcome> {
    let spinner = context.progress.spinner("reading what the planner reads");
    let taken = tokio::select! {
        biased;
        () = context.interrupt.requested() => Err(Error::Interrupted),
        taken = twin::take(&context.config.connection, settings.keep_values) => taken,
    };
    spinner.finish_and_clear();
    let snapshot = taken?;
    for missing in &snapshot.missing {
        tracing::warn!("the snapshot lacks {missing}");
    }
    let text = serde_json::to_string(&snapshot).map_err(|error| Error::CannotJudge {
        message: format!("the snapshot cannot be written: {error}"),
        hint: String::new(),
    })?;
    context.config.output.write(&text)?;
    Ok(Outcome::Success)
}

/// Those of dbaudit's commands that ask nothing of rows. The others would time and judge empty tables, but for
/// `time-queries --plans-only`.
const ON_A_TWIN: [&str; 3] = ["apply-indexes", "status", "config"];

pub(super) async fn run(context: &Context, settings: &TwinConfig) -> Result<Outcome> {
    if let Some(own) = settings.command.first().and_then(own_command)
        && !ON_A_TWIN.contains(&own)
        && !(own == "time-queries" && settings.command.iter().any(|word| word == "--plans-only"))
    {
        return Err(Error::Usage {
            message: format!(
                "{own} would measure empty tables: a twin has production's plans, not its rows"
            ),
            hint: format!(
                "on a twin, run time-queries --plans-only, {}, or any program that explains its statements",
                ON_A_TWIN.join(", ")
            ),
        });
    }
    let snapshot = Snapshot::read(&settings.snapshot)?;
    let binaries = Binaries::of_major(snapshot.server.major, settings.server_bin.as_deref())?;
    let spinner = context.progress.spinner("building the twin");
    let built = tokio::select! {
        biased;
        () = context.interrupt.requested() => Err(Error::Interrupted),
        built = twin::build(&context.config.connection, &snapshot, binaries) => built,
    };
    spinner.finish_and_clear();
    let twin = built?;
    for missing in &snapshot.missing {
        tracing::warn!("the twin lacks {missing}");
    }
    let outcome = match settings.command.split_first() {
        Some((program, arguments)) => execute(context, &twin, program, arguments).await,
        None => Ok(Outcome::Success),
    };
    let keep = settings.keep && outcome.is_ok();
    if keep {
        context.config.output.write(&twin.url())?;
    }
    crate::demo::end(twin.server, &twin.database, keep).await?;
    outcome
}

async fn execute(
    context: &Context,
    twin: &Twin,
    program: &OsString,
    arguments: &[OsString],
) -> Result<Outcome> {
    let mut command = if own_command(program).is_some() {
        let own = std::env::current_exe().map_err(|source| Error::File {
            doing: "finding",
            path: "dbaudit itself".into(),
            source,
        })?;
        let mut command = Command::new(own);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    // Nothing that the environment says of another server may lead the program there.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("DATABASE_URL", twin.url())
        .env("PGHOST", twin.server.socket_directory())
        .env("PGPORT", twin.server.port().to_string())
        .env("PGUSER", "postgres")
        .env("PGDATABASE", &twin.database)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|source| Error::File {
        doing: "running",
        path: program.into(),
        source,
    })?;
    tokio::select! {
        biased;
        // At a terminal it has the signal as well, and ends by itself; it is given the time.
        () = context.interrupt.requested() => Err(Error::Interrupted),
        status = child.wait() => status.map(outcome_of).map_err(|source| Error::File {
            doing: "waiting for",
            path: program.into(),
            source,
        }),
    }
}

/// The name of a command of dbaudit's.
fn own_command(program: &OsString) -> Option<&str> {
    let name = program.to_str()?;
    Cli::command()
        .find_subcommand(name)
        .is_some()
        .then_some(name)
}

fn outcome_of(status: ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Success,
        Some(2) => Outcome::Invalid,
        Some(3) => Outcome::CannotJudge,
        Some(130) | None => Outcome::Interrupted,
        Some(_) => Outcome::Objection,
    }
}
