//! `dbaudit demo`: the three commands in turn, on a throwaway server with sample data.

use std::time::{Duration, Instant};

use super::Context;
use crate::{
    Error, Outcome, Result,
    config::{Config, DemoConfig},
    db,
    demo::{self, Binaries, Listen, Server},
};

/// The sample's database.
const DATABASE: &str = "dbaudit_demo";

pub(super) async fn run(context: &Context, settings: &DemoConfig) -> Result<Outcome> {
    let server = start_server(context, settings).await?;
    let result = tokio::select! {
        biased;
        () = context.interrupt.requested() => Err(Error::Interrupted),
        result = show(context, settings, &server) => result,
    };
    end_server(server, settings.keep && result.is_ok()).await?;
    result
}

async fn show(context: &Context, settings: &DemoConfig, server: &Server) -> Result<Outcome> {
    let here = Context {
        config: Config {
            database_url: Some(server.url(DATABASE)),
            ..context.config.clone()
        },
        ..context.clone()
    };
    fill(&here, settings.rows, &server.url("postgres")).await?;
    Ok(Outcome::Success)
}

/// Starts the server off the main thread, so that a signal is noticed meanwhile.
async fn start_server(context: &Context, settings: &DemoConfig) -> Result<Server> {
    let spinner = context.progress.spinner("starting a PostgreSQL server");
    let explicit = settings.server_bin.clone();
    let begun = Instant::now();
    let started = tokio::task::spawn_blocking(move || {
        let binaries = Binaries::find(explicit.as_deref())?;
        // As on the smallest hosted plans: a query has one processor at most, and 128 MB of cache.
        let mut options = vec![("max_parallel_workers_per_gather", "0")];
        if binaries.has_library("pg_stat_statements") {
            options.push(("shared_preload_libraries", "pg_stat_statements"));
        }
        Server::start(&binaries, Listen::Socket, &options)
    })
    .await
    .unwrap_or_else(|stopped| Err(gave_up(&stopped.to_string())));
    spinner.finish_and_clear();
    if context.interrupt.is_requested() {
        return Err(Error::Interrupted);
    }
    let server = started?;
    tracing::info!(
        "PostgreSQL {} from {} runs in {} ({:.1} s)",
        server.binaries().version,
        server.binaries().folder.display(),
        server.folder().display(),
        begun.elapsed().as_secs_f64()
    );
    Ok(server)
}

async fn fill(context: &Context, rows: u64, maintenance_url: &str) -> Result<()> {
    let begun = Instant::now();
    let maintenance = Config {
        database_url: Some(maintenance_url.to_owned()),
        ..context.config.clone()
    };
    db::connect(&maintenance, "demo")
        .await?
        .batch_execute(&format!("CREATE DATABASE {DATABASE}"))
        .await
        .map_err(Error::server("creating the sample database"))?;
    let session = db::connect(&context.config, "demo").await?;
    let bar = context.progress.bar(rows, "creating sample data");
    let loaded = demo::load(&session, rows, demo::SEED, |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    loaded?;
    tracing::info!(
        "{rows} contents with their users and metadata created ({:.1} s)",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn end_server(mut server: Server, keep: bool) -> Result<()> {
    let ended = tokio::task::spawn_blocking(move || {
        if keep {
            server.leave_running()?;
            tracing::info!(
                "the server stays: {}\nto end it: kill -INT {}; then remove {}",
                server.url(DATABASE),
                server.pid().unwrap_or(0),
                server.folder().display()
            );
        }
        Ok(())
    });
    tokio::time::timeout(Duration::from_secs(30), ended)
        .await
        .map_err(|_| gave_up("the server does not stop"))?
        .unwrap_or_else(|stopped| Err(gave_up(&stopped.to_string())))
}

fn gave_up(why: &str) -> Error {
    Error::Demo {
        message: why.to_owned(),
        hint: String::new(),
    }
}
