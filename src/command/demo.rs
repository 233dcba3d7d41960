//! `dbaudit demo`.

use super::Context;
use crate::{Error, Outcome, Result, config::DemoConfig};

pub(super) async fn run(_context: &Context, settings: &DemoConfig) -> Result<Outcome> {
    Err(Error::Usage {
        message: format!("demo is not built yet: {settings:?}"),
        hint: String::new(),
    })
}
