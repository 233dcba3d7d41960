//! `dbaudit report`.

use super::Context;
use crate::{Error, Outcome, Result, config::ReportConfig};

pub(super) async fn run(_context: &Context, settings: &ReportConfig) -> Result<Outcome> {
    Err(Error::Usage {
        message: format!("report is not built yet: {settings:?}"),
        hint: String::new(),
    })
}
