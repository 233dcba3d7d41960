//! Connection poolers that hand out another server session for each transaction, or for each statement.

use super::{Session, session::backend_pid};
use crate::{Error, Result};

/// Other clients may keep a pool's sessions moving, so that two happen to be handed out in turn.
const ROUNDS: usize = 4;

/// Whether such a pooler stands in between: two client sessions that are idle are handed the same server session, or
/// one of them changes its own.
pub async fn is_transaction_pool(first: &Session, second: &Session) -> Result<bool> {
    let mut known = None;
    let ask = async |session| {
        let asked = backend_pid(session).await;
        asked.map_err(Error::server("asking for the session's process"))
    };
    for _ in 0..ROUNDS {
        let now = (ask(first).await?, ask(second).await?);
        if now.0 == now.1 || *known.get_or_insert(now) != now {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a pooler in statement mode has refused a transaction. PgBouncer says so with a SQLSTATE of lost connections.
pub fn is_statement_pool(error: &Error) -> bool {
    let Error::Server { source, .. } = error else {
        return false;
    };
    let answer = source.as_db_error();
    answer.is_some_and(|answer| answer.message().contains("statement pooling mode"))
}
