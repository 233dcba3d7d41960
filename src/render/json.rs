//! JSON: the documents' own serialisation, which is the contract.

use super::Document;
use crate::{Error, Result};

pub(super) fn render(document: &impl Document) -> Result<String> {
    serde_json::to_string_pretty(document).map_err(|error| Error::CannotJudge {
        message: format!("the result cannot be written as JSON: {error}"),
        hint: "this is a bug in dbaudit; please report it with the command you ran".into(),
    })
}
