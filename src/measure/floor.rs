//! The self-test of machine and connection: the time of `SELECT 1`.

use std::time::{Duration, Instant};

use tokio_postgres::types::ToSql;

use crate::{Error, Result, db::Session};

/// Times `SELECT 1`, prepared, up to `times` times within about `at_most`, after a few that are not counted.
/// Never fewer than twenty times.
pub async fn time_no_op(
    session: &Session,
    times: usize,
    at_most: Duration,
) -> Result<Vec<Duration>> {
    const WARM_UPS: usize = 5;
    const FEWEST: usize = 20;
    let doing = || Error::server("timing `SELECT 1`");
    let statement = session.prepare("SELECT 1").await.map_err(doing())?;
    let mut samples = Vec::with_capacity(times);
    let begun = Instant::now();
    for round in 0..WARM_UPS + times {
        if samples.len() >= FEWEST && begun.elapsed() > at_most {
            break;
        }
        let start = Instant::now();
        session
            .execute_raw(&statement, std::iter::empty::<&dyn ToSql>())
            .await
            .map_err(doing())?;
        let elapsed = start.elapsed();
        if round >= WARM_UPS {
            samples.push(elapsed);
        }
    }
    Ok(samples)
}
