//! `dbaudit config`: the resolved configuration, and where each value came from.

use super::Context;
use crate::{
    Outcome, Result,
    report::{Setting, Settings},
};

pub(super) fn run(context: &Context, settings: &[Setting]) -> Result<Outcome> {
    context.write(&Settings::new(settings.to_vec()))?;
    Ok(Outcome::Success)
}
