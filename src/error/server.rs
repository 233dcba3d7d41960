//! The server's own words. tokio-postgres's `Display` says only "db error".

use tokio_postgres::error::{ErrorPosition, SqlState};

/// How much of a function's own query is shown.
const QUERY_CHARACTERS: usize = 500;

/// Message, SQLSTATE, detail, hint, context and the query of a function, in the server's words; for errors that are not the
/// server's, the driver's message with its causes.
pub fn describe_error(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        let mut text = format!("{} (SQLSTATE {})", answer.message(), answer.code().code());
        for part in [answer.detail(), answer.hint()].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(part);
        }
        // Where in a function of an expression it went wrong: since 17 these run with another search_path than the
        // statement itself.
        if let Some(context) = answer.where_() {
            text.push_str("; CONTEXT: ");
            text.push_str(&context.lines().collect::<Vec<_>>().join(", "));
        }
        if let Some(ErrorPosition::Internal { query, .. }) = answer.position() {
            let query: Vec<&str> = query.split_whitespace().collect();
            text.push_str("; QUERY: ");
            text.extend(query.join(" ").chars().take(QUERY_CHARACTERS));
        }
        return text;
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// The SQLSTATE of the server's answer, where there was one.
pub fn sqlstate(error: &tokio_postgres::Error) -> Option<&str> {
    error.code().map(SqlState::code)
}

/// Whether the connection is gone (closed, reset, terminated, server shut down or starting up), so that
/// a new one may work.
pub fn is_connection_loss(error: &tokio_postgres::Error) -> bool {
    match sqlstate(error) {
        // 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now, 57P05 idle_session_timeout
        Some(code) => {
            code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05")
        }
        None => {
            error.is_closed()
                || std::error::Error::source(error)
                    .is_some_and(|cause| cause.is::<std::io::Error>())
        }
    }
}

/// What to do about it, where the SQLSTATE tells.
pub fn hint_for(error: &tokio_postgres::Error) -> Option<String> {
    let hint = match sqlstate(error)? {
        "42501" => "the role lacks a privilege: grant it, or connect as the owner",
        "42P01" => "the table does not exist in this database, or is not on the search_path",
        "57014" => "the statement was cancelled, by a timeout or by an administrator",
        "53300" => "all connection slots are taken: use fewer connections or raise max_connections",
        "25006" => {
            "the session is read-only: is this a standby, or default_transaction_read_only set?"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
