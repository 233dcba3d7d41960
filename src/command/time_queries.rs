//! `dbaudit time-queries`.

use super::Context;
use crate::{Error, Outcome, Result, config::TimeConfig};

pub(super) async fn run(_context: &Context, settings: &TimeConfig) -> Result<Outcome> {
    Err(Error::Usage {
        message: format!("time-queries is not built yet: {settings:?}"),
        hint: String::new(),
    })
}
