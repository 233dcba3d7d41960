//! What reading a block from outside the server's buffers takes, for the forecast of a cold cache.

use std::time::Duration;

use crate::{Error, Result, db::Session, duration::in_ms};

/// `given`: by `--cold-read`; else as the server measured it in this database, which it does where `track_io_timing`
/// is on; else unknown.
pub(in crate::measure) async fn block_read_ms(
    session: &Session,
    given: Option<Duration>,
) -> Result<Option<f64>> {
    if let Some(given) = given {
        return Ok(Some(in_ms(given)));
    }
    let row = session
        .query_opt(
            "SELECT blk_read_time / blks_read::float8 FROM pg_catalog.pg_stat_database
              WHERE datname = current_database() AND blks_read > 1000 AND blk_read_time > 0::float8",
            &[],
        )
        .await
        .map_err(Error::server("reading the time of a block read"))?;
    Ok(row.map(|row| row.get(0)))
}
