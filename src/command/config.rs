//! `dbaudit config`: the resolved configuration, and where each value came from.

use super::Context;
use crate::{Outcome, Result, config::Setting, render, report::Settings};

pub(super) fn run(context: &Context, settings: &[Setting]) -> Result<Outcome> {
    let config = &context.config;
    let text = render::render(
        &Settings::new(settings.to_vec()),
        config.format,
        &config.output,
    )?;
    config.output.write(&text)?;
    Ok(Outcome::Success)
}
