//! `dbaudit demo`: the three commands in turn, on a throwaway server with sample data.

use super::Context;
use crate::{
    Error, Outcome, Result,
    config::{Config, ConnectionConfig, DemoConfig},
    demo::{self, Server},
};

pub(super) async fn run(context: &Context, settings: &DemoConfig) -> Result<Outcome> {
    let server = demo::start(settings, &context.progress).await?;
    let result = tokio::select! {
        biased;
        () = context.interrupt.requested() => Err(Error::Interrupted),
        result = show(context, settings, &server) => result,
    };
    demo::end(server, settings.keep && result.is_ok()).await?;
    result
}

async fn show(context: &Context, settings: &DemoConfig, server: &Server) -> Result<Outcome> {
    let maintenance = on(context, server, "postgres");
    let sample = on(context, server, demo::DATABASE);
    demo::fill(
        &maintenance.config,
        &sample.config,
        settings.rows,
        &context.progress,
    )
    .await?;
    Ok(Outcome::Success)
}

/// The same context, with its connections going to a database of the throwaway server, whatever `PGOPTIONS`
/// and its kin say of the user's own.
fn on(context: &Context, server: &Server, database: &str) -> Context {
    Context {
        config: Config {
            database_url: Some(server.url(database)),
            connection: ConnectionConfig {
                use_environment: false,
                ..context.config.connection.clone()
            },
            ..context.config.clone()
        },
        ..context.clone()
    }
}
