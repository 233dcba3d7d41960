//! From nothing to a running server with a filled and analysed sample database.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{Binaries, Listen, SEED, Server, age, analyze, load};
use crate::{
    Error, Result,
    db::{self, ConnectionConfig},
    off_thread::off_thread,
    progress::Progress,
};

pub const DATABASE: &str = "dbaudit_demo";

/// As on the smallest hosted plans: 128 MB of cache, and one processor for a query.
const SMALL_PLAN: [(&str, &str); 2] = [
    ("shared_buffers", "128MB"),
    ("max_parallel_workers_per_gather", "0"),
];

/// Starts a server, off this thread, so that a signal is noticed meanwhile. `server_bin`: the folder of its binaries,
/// where they are not to be looked for.
///
/// # Errors
/// There are no binaries, or they do not run.
pub async fn start(server_bin: Option<PathBuf>, progress: &Progress) -> Result<Server> {
    let spinner = progress.spinner("starting a PostgreSQL server");
    let begun = Instant::now();
    let started = off_thread(move || {
        let binaries = Binaries::find(server_bin.as_deref())?;
        let mut options = SMALL_PLAN.to_vec();
        if binaries.has_library("pg_stat_statements") {
            options.push(("shared_preload_libraries", "pg_stat_statements"));
        }
        Server::start(&binaries, Listen::Socket, &options)
    })
    .await;
    spinner.finish_and_clear();
    let server = started?;
    tracing::info!(
        "PostgreSQL {} from {} is running in {} ({:.1} s)",
        server.binaries().version,
        server.binaries().folder.display(),
        server.folder().display(),
        begun.elapsed().as_secs_f64()
    );
    Ok(server)
}

/// Creates the sample database with `rows` rows of content. `maintenance`: the connection to the server's own database; `sample`: to the one to be made.
pub async fn fill(
    maintenance: &ConnectionConfig,
    sample: &ConnectionConfig,
    rows: u64,
    progress: &Progress,
) -> Result<()> {
    let begun = Instant::now();
    db::connect(maintenance, "demo")
        .await?
        .batch_execute(&format!("CREATE DATABASE {DATABASE}"))
        .await
        .map_err(Error::server("creating the sample database"))?;
    {
        let session = db::connect(sample, "demo").await?;
        let bar = progress.bar(rows, "creating sample data");
        let loaded = load(&session, rows, SEED, |done| bar.set_position(done)).await;
        bar.finish_and_clear();
        loaded?;
        age(&session).await?;
        // The demo works without it: the report says what is missing. The statements that made the
        // sample are not the application's.
        let statements =
            "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()";
        let _ = session.batch_execute(statements).await;
    }
    let session = db::connect(sample, "demo").await?;
    wait_until_alone(&session).await?;
    analyze(&session).await?;
    tracing::info!(
        "created {rows} rows of content with their users and metadata ({:.1} s)",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Waits for the end of the session that filled the tables (see [`analyze`]).
async fn wait_until_alone(session: &db::Session) -> Result<()> {
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    loop {
        let row = session
            .query_one(others, &[])
            .await
            .map_err(Error::server("looking for other sessions"))?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Stops the server and removes its folder; or lets it run on, and says where it is.
///
/// # Errors
/// It could not be told to stay.
pub async fn end(mut server: Server, database: &str, keep: bool) -> Result<()> {
    let url = server.url(database);
    off_thread(move || {
        if keep {
            server.leave_running()?;
            tracing::info!(
                "the server keeps running: {url}\nto stop it: kill -INT {}, then rm -r {}",
                server.pid().unwrap_or(0),
                server.folder().display()
            );
        }
        Ok(())
    })
    .await
}
