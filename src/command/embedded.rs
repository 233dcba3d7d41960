//! The migrations and queries embedded in the binary belong to one application: they do not apply to the database of
//! another.

use crate::{Error, Result, db::Session};

/// Refuses embedded queries where the application's tables are not there.
///
/// # Errors
/// [`Error::Usage`]; the server's.
pub(super) async fn check_queries(
    session: &Session,
    folder: Option<&std::path::Path>,
) -> Result<()> {
    if folder.is_some() {
        return Ok(());
    }
    let row = session
        .query_typed_one(
            "SELECT to_regclass('content') IS NOT NULL AND to_regclass('users') IS NOT NULL",
            &[],
        )
        .await
        .map_err(Error::server(
            "looking for the tables of the embedded queries",
        ))?;
    if row.get(0) {
        return Ok(());
    }
    Err(elsewhere("the embedded queries", "--queries"))
}

/// The embedded files are not meant for this database.
pub(super) fn elsewhere(files: &str, option: &str) -> Error {
    Error::Usage {
        message: format!(
            "{files} are for the content/users application, but this database has neither its tables content \
             and users nor a deploy history: nothing was done"
        ),
        hint: format!(
            "use {option} DIR for your own, or put them into a folder of that name in the current directory"
        ),
    }
}
