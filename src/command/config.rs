//! `dbaudit config`: the resolved configuration, and where each value came from.

use super::Context;
use crate::{Outcome, Result, config::Setting};

pub(super) fn run(context: &Context, settings: &[Setting]) -> Result<Outcome> {
    let lines: Vec<String> = settings
        .iter()
        .map(|Setting { key, value, origin }| {
            format!("{key} = {} ({origin})", value.as_deref().unwrap_or("unset"))
        })
        .collect();
    context.config.output.write(&lines.join("\n"))?;
    Ok(Outcome::Success)
}
