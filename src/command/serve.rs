//! `dbaudit serve`: collect and serve until stopped.

use super::Context;
use crate::{
    Outcome, Result,
    config::ServeConfig,
    db::Target,
    serve::{App, Listener, serve},
};

pub(super) async fn run(context: &Context, settings: &ServeConfig) -> Result<Outcome> {
    // What is wrong with the settings is said before anything is listened on.
    settings.has_the_token_it_needs()?;
    let apps = settings.apps()?;
    let targets = targets(context, settings)?;
    let listener = Listener::bind(settings).await?;
    let address = listener.address;
    let app = App::new(settings.clone(), targets, &apps, address);
    // On a line of its own, so that whoever asked for port 0 can read which one it is.
    tracing::info!("listening on http://{address}");
    let collecting = tokio::spawn(app.clone().collectors());
    serve(listener, app.router(), context.interrupt.requested()).await;
    collecting.abort();
    Ok(Outcome::Interrupted)
}

fn targets(context: &Context, settings: &ServeConfig) -> Result<Vec<(String, Target)>> {
    if settings.databases.is_empty() {
        let target = context.config.connection.target()?;
        return Ok(vec![(target.database().to_owned(), target)]);
    }
    settings
        .databases
        .iter()
        .map(|database| {
            let connection = context.config.connection.at(&database.url);
            Ok((database.name.clone(), connection.target()?))
        })
        .collect()
}
