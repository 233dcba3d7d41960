//! Rows that a snapshot carries.

use super::snapshot::EndRows;
use crate::{
    Error, Result,
    db::{self, Session},
};

/// Inserts them into a table, if it is there still. Returns why the server would not have them.
///
/// # Errors
/// The connection's.
pub(super) async fn insert(session: &Session, oid: u32, rows: &EndRows) -> Result<Option<String>> {
    let row = session
        .query_opt(
            "SELECT format('%I.%I', n.nspname, c.relname), string_agg(quote_ident(a.attname), ', ')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE c.oid = $1 AND c.relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
             GROUP BY n.nspname, c.relname",
            &[&oid],
        )
        .await
        .map_err(Error::server("reading the columns of the tables"))?;
    // A migration may have dropped it.
    let Some(row) = row else { return Ok(None) };
    let (table, columns): (String, String) = (row.get(0), row.get(1));
    let insert = format!(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
         SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1::text::json)"
    );
    match session.execute(&insert, &[&rows.rows.to_string()]).await {
        Ok(_) => Ok(None),
        Err(error) if session.is_closed() => {
            Err(Error::server(format!("inserting rows of {table}"))(error))
        }
        Err(error) => Ok(Some(db::describe_error(&error))),
    }
}
