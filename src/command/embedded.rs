//! The migrations and queries that the binary carries are those of one application: on another's database they have
//! nothing to do.

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
            "{files} are for the content/users application, and this database has neither its tables content and users \
             nor a history of deploys: nothing was done"
        ),
        hint: format!(
            "{option} DIR names your own, and so does a folder of that name in the present folder"
        ),
    }
}
