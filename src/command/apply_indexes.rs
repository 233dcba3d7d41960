//! `dbaudit apply-indexes`.

use super::Context;
use crate::{Error, Outcome, Result, config::ApplyConfig};

pub(super) async fn run(_context: &Context, settings: &ApplyConfig) -> Result<Outcome> {
    Err(Error::Usage {
        message: format!("apply-indexes is not built yet: {settings:?}"),
        hint: String::new(),
    })
}
