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
    let taking = twin::take(&context.config.connection, *settings);
    let taken = unless_interrupted(context, taking).await;
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

/// Those of dbaudit's commands that need no rows, with the options that they have on a twin.
const ON_A_TWIN: [(&str, &[&str]); 5] = [
    (
        "advise",
        &["--plans-only", "--create-extension", "--disposable"],
    ),
    ("time-queries", &["--plans-only"]),
    ("apply-indexes", &["--dry-run"]),
    ("status", &[]),
    ("config", &[]),
];

pub(super) async fn run(context: &Context, settings: &TwinConfig) -> Result<Outcome> {
    let mut command = settings.command.clone();
    if let Some(own) = command.first().and_then(own_command) {
        let Some((_, options)) = ON_A_TWIN.iter().find(|(name, _)| *name == own) else {
            return Err(Error::Usage {
                message: format!(
                    "{own} would measure empty tables: a twin has production's plans, not its rows"
                ),
                hint: format!(
                    "on a twin, run {}, or any program that explains its statements",
                    ON_A_TWIN.map(|(name, _)| name).join(", ")
                ),
            });
        };
        for option in *options {
            if !command.iter().any(|word| word == option) {
                command.push(option.into());
            }
        }
    }
    let snapshot = Snapshot::read(&settings.snapshot)?;
    let binaries = Binaries::of_major(snapshot.server.major, settings.server_bin.as_deref())?;
    let connection = &context.config.connection;
    let spinner = context.progress.spinner("building the twin");
    let built = unless_interrupted(context, twin::build(connection, &snapshot, binaries)).await;
    spinner.finish_and_clear();
    let mut twin = built?;
    for missing in &snapshot.missing {
        tracing::warn!("the twin lacks {missing}");
    }
    for migration in &settings.migrate {
        let arguments = ["-c".into(), migration.clone()];
        let outcome = execute(context, &twin, &"sh".into(), &arguments).await?;
        if outcome != Outcome::Success {
            return Err(Error::CannotJudge {
                message: format!("{} failed", migration.display()),
                hint: "the messages above say why; the command of --migrate must succeed on empty tables".into(),
            });
        }
    }
    let spinner = context.progress.spinner("giving it production's sizes");
    let furnished = unless_interrupted(context, twin::furnish(connection, &snapshot, twin)).await;
    spinner.finish_and_clear();
    twin = furnished?;
    let outcome = match command.split_first() {
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

async fn unless_interrupted<T>(
    context: &Context,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        () = context.interrupt.requested() => Err(Error::Interrupted),
        done = work => done,
    }
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
