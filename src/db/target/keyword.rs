//! libpq's connection keywords: which environment variable stands for each, and what dbaudit does with it.
//!
//! The list is that of `PQconninfoOptions` in PostgreSQL 18's `fe-connect.c`.

/// What dbaudit does with a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Honoured,
    /// It makes no difference to dbaudit, or asks for what dbaudit does anyway.
    Ignored,
    /// Leaving it out would make the connection less safe, or another one, than was asked for: refused by
    /// name, unless the value is one of these, which ask for nothing.
    Refused(&'static [&'static str]),
}

#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    /// The environment variable that gives it, where libpq has one.
    pub(super) variable: Option<&'static str>,
    pub(super) treatment: Use,
}

const fn keyword(name: &'static str, variable: &'static str, treatment: Use) -> Keyword {
    let variable = if variable.is_empty() {
        None
    } else {
        Some(variable)
    };
    Keyword {
        name,
        variable,
        treatment,
    }
}

pub(super) const KEYWORDS: &[Keyword] = &[
    keyword("service", "PGSERVICE", Use::Honoured),
    keyword("servicefile", "PGSERVICEFILE", Use::Honoured),
    keyword("user", "PGUSER", Use::Honoured),
    keyword("password", "PGPASSWORD", Use::Honoured),
    keyword("passfile", "PGPASSFILE", Use::Honoured),
    keyword("channel_binding", "PGCHANNELBINDING", Use::Honoured),
    keyword("connect_timeout", "PGCONNECT_TIMEOUT", Use::Honoured),
    keyword("dbname", "PGDATABASE", Use::Honoured),
    keyword("host", "PGHOST", Use::Honoured),
    keyword("hostaddr", "PGHOSTADDR", Use::Honoured),
    keyword("port", "PGPORT", Use::Honoured),
    keyword("client_encoding", "PGCLIENTENCODING", Use::Ignored),
    keyword("options", "PGOPTIONS", Use::Honoured),
    keyword("application_name", "PGAPPNAME", Use::Honoured),
    keyword("fallback_application_name", "", Use::Ignored),
    keyword("keepalives", "", Use::Honoured),
    keyword("keepalives_idle", "", Use::Honoured),
    keyword("keepalives_interval", "", Use::Honoured),
    keyword("keepalives_count", "", Use::Honoured),
    keyword("tcp_user_timeout", "", Use::Honoured),
    keyword("sslmode", "PGSSLMODE", Use::Honoured),
    keyword("sslnegotiation", "PGSSLNEGOTIATION", Use::Honoured),
    keyword("sslcompression", "PGSSLCOMPRESSION", Use::Ignored),
    keyword("sslcert", "PGSSLCERT", Use::Honoured),
    keyword("sslkey", "PGSSLKEY", Use::Honoured),
    keyword("sslcertmode", "PGSSLCERTMODE", Use::Honoured),
    keyword("sslpassword", "", Use::Refused(&[])),
    keyword("sslrootcert", "PGSSLROOTCERT", Use::Honoured),
    keyword("sslcrl", "PGSSLCRL", Use::Refused(&[])),
    keyword("sslcrldir", "PGSSLCRLDIR", Use::Refused(&[])),
    keyword("sslsni", "PGSSLSNI", Use::Honoured),
    keyword("sslkeylogfile", "", Use::Refused(&[])),
    keyword(
        "ssl_min_protocol_version",
        "PGSSLMINPROTOCOLVERSION",
        Use::Honoured,
    ),
    keyword(
        "ssl_max_protocol_version",
        "PGSSLMAXPROTOCOLVERSION",
        Use::Honoured,
    ),
    keyword(
        "min_protocol_version",
        "PGMINPROTOCOLVERSION",
        Use::Refused(&["3.0"]),
    ),
    keyword("max_protocol_version", "PGMAXPROTOCOLVERSION", Use::Ignored),
    keyword("requirepeer", "PGREQUIREPEER", Use::Refused(&[])),
    keyword("require_auth", "PGREQUIREAUTH", Use::Refused(&[])),
    keyword(
        "gssencmode",
        "PGGSSENCMODE",
        Use::Refused(&["disable", "prefer"]),
    ),
    keyword("krbsrvname", "PGKRBSRVNAME", Use::Ignored),
    keyword("gsslib", "PGGSSLIB", Use::Ignored),
    keyword("gssdelegation", "PGGSSDELEGATION", Use::Ignored),
    keyword(
        "replication",
        "",
        Use::Refused(&["false", "off", "no", "0"]),
    ),
    keyword(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        Use::Honoured,
    ),
    keyword("load_balance_hosts", "PGLOADBALANCEHOSTS", Use::Honoured),
    keyword("scram_client_key", "", Use::Refused(&[])),
    keyword("scram_server_key", "", Use::Refused(&[])),
];

pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// Whether it could be a keyword. What could not may be a part of a password, and is not repeated.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// Whether a value of this keyword may be shown.
pub(crate) fn is_public(name: &str) -> bool {
    find(name).is_some()
        && !matches!(
            name,
            "password" | "sslpassword" | "scram_client_key" | "scram_server_key"
        )
}
