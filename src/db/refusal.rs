//! Why a connection failed, in words, and what to do about it.

use std::{error::Error as _, io, time::Duration};

use rustls::CertificateError;

use super::{
    describe_error,
    target::{Host, Target},
};

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The name could not be looked up.
    Lookup(io::Error),
    /// Nobody answered in time.
    Timeout(Duration),
    /// The driver's error, and whether TLS was on.
    Driver(tokio_postgres::Error),
    /// The server answers, and is not the kind `target_session_attrs` asks for.
    Unsuitable(&'static str),
}

impl Refusal {
    /// Whether another host may do better. Once a server has answered with an error, libpq tries no other,
    /// unless that server is starting up or shutting down.
    pub(super) fn is_of_this_host(&self) -> bool {
        match self {
            Refusal::Driver(error) => error
                .as_db_error()
                .is_none_or(|answer| answer.code().code() == "57P03"),
            _ => true,
        }
    }

    /// Whether the same may work a little later.
    pub(super) fn passes(&self) -> bool {
        let Refusal::Driver(error) = self else {
            return false;
        };
        error.as_db_error().is_some_and(|answer| {
            matches!(answer.code().code(), "53300" | "57P03")
                || POOL_IS_FULL
                    .iter()
                    .any(|text| answer.message().contains(text))
        })
    }
}

/// What poolers say, for which there is no SQLSTATE of its own. Sources: PgBouncer's `client.c` and `objects.c`,
/// Supavisor's `client_handler.ex`.
const POOL_IS_FULL: [&str; 4] = [
    "query_wait_timeout",
    "no more connections allowed",
    "server login has been failing",
    "Max client",
];

/// The reason, and a hint where there is one.
pub(super) fn explain(refusal: &Refusal, target: &Target, host: &Host) -> (String, Option<String>) {
    match refusal {
        Refusal::Lookup(error) => (
            format!("the host name cannot be resolved: {error}"),
            Some("check the spelling of the host name, and that this machine reaches its DNS server".into()),
        ),
        Refusal::Timeout(limit) => (
            format!("no answer within {}", crate::duration::HumanDuration(*limit)),
            Some(
                "a firewall may be in between, or the server may be overloaded; --connect-timeout sets a \
                 longer time"
                    .into(),
            ),
        ),
        Refusal::Unsuitable(why) => (
            (*why).to_owned(),
            Some("see target_session_attrs in the connection string".into()),
        ),
        Refusal::Driver(error) => of_driver(error, target, host),
    }
}

fn of_driver(
    error: &tokio_postgres::Error,
    target: &Target,
    host: &Host,
) -> (String, Option<String>) {
    if error.as_db_error().is_some() {
        return (describe_error(error), of_server(error, target, host));
    }
    if let Some(certificate) = certificate_error(error) {
        return of_certificate(certificate, host);
    }
    let text = describe_error(error);
    if text.contains("password missing") {
        return (
            "the server requires a password, but none was given".to_owned(),
            Some("set PGPASSWORD, or add a line to ~/.pgpass (permissions 0600)".into()),
        );
    }
    if text.contains("server does not support TLS") {
        return (
            "the server does not support TLS, but sslmode requires it".to_owned(),
            Some(
                "turn ssl on in the server's settings, or use sslmode=prefer to connect without it"
                    .into(),
            ),
        );
    }
    if text.contains("channel binding") {
        let hint = "channel_binding=require needs TLS and a scram-sha-256 password";
        return (text, Some(hint.into()));
    }
    if let Some(io) = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
    {
        return of_io(io, &text, host);
    }
    let hint = error.is_closed().then(|| {
        "check that this is a PostgreSQL server and that it did not just restart".to_owned()
    });
    (text, hint)
}

fn of_io(error: &io::Error, text: &str, host: &Host) -> (String, Option<String>) {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "connection refused".to_owned(),
            Some(
                "no server listens there: check that it is running, that host and port are right, and that \
                 its listen_addresses includes this address"
                    .into(),
            ),
        ),
        io::ErrorKind::NotFound if host.is_socket() => (
            "there is no such socket".to_owned(),
            Some("check that the server is running and that the port is right; the server's \
                 unix_socket_directories setting names the directories of its sockets".into()),
        ),
        io::ErrorKind::PermissionDenied if host.is_socket() => (
            "permission to open the socket was denied".to_owned(),
            Some("see unix_socket_permissions, or connect by TCP: host=localhost".into()),
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => (
            format!("the connection was closed before the session started ({error})"),
            Some("check that this is a PostgreSQL server, that it did not just restart, and whether it or a \
                 proxy requires TLS (sslmode=require)".into()),
        ),
        _ => (text.to_owned(), None),
    }
}

/// Hints for what a server answers before a session begins.
fn of_server(error: &tokio_postgres::Error, target: &Target, host: &Host) -> Option<String> {
    let answer = error.as_db_error()?;
    Some(match answer.code().code() {
        "28P01" => match &host.password {
            Some(password) => format!("the password came from {}", password.source),
            None => "set the right password in PGPASSWORD, or in ~/.pgpass (permissions 0600)".to_owned(),
        },
        "28000" if answer.message().contains("does not exist") => format!(
            "name another role, or create it: CREATE ROLE {} LOGIN",
            crate::sql::quote_identifier(&target.user)
        ),
        "28000" if answer.message().contains("pg_hba.conf") => {
            "the server's pg_hba.conf does not let this user in from here by these means: add a line for it \
             and reload"
                .to_owned()
        }
        "3D000" => format!(
            "name another database (psql -l lists them), or create it: CREATE DATABASE {}",
            crate::sql::quote_identifier(&target.dbname)
        ),
        "53300" => "all connection slots are taken: close some connections, raise max_connections, or put a \
             pooler in front".to_owned(),
        "57P03" => "the server is starting up, recovering or shutting down: try again".to_owned(),
        _ => return super::hint_for(error),
    })
}

fn of_certificate(error: &rustls::Error, host: &Host) -> (String, Option<String>) {
    use rustls::Error::InvalidCertificate;
    let name = &host.name;
    match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => (
            "the server's certificate was not issued by an authority in sslrootcert".to_owned(),
            Some("put the certificate of the issuing authority into sslrootcert; if it is already there, this \
                 is not the server you expect".into()),
        ),
        InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })
            if presented.is_empty() =>
        {
            (
                format!("the server's certificate has no subject alternative name, so it cannot be checked \
                     against `{name}`"),
                Some("the common name alone does not count: issue the certificate with a subjectAltName, or \
                     use sslmode=verify-ca".into()),
            )
        }
        InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => (
            format!(
                "the server's certificate is for {}, not for `{name}`",
                presented.join(", ")
            ),
            Some("connect by a name in the certificate (host=NAME hostaddr=ADDRESS keeps the address), or use \
                 sslmode=verify-ca".into()),
        ),
        InvalidCertificate(CertificateError::NotValidForName) => (
            format!("the server's certificate is not for `{name}`"),
            Some("connect by a name in the certificate, or use sslmode=verify-ca".into()),
        ),
        InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => (
            "the server's certificate has expired".to_owned(),
            Some("renew it, and check the clock of this machine".into()),
        ),
        InvalidCertificate(CertificateError::Other(other))
            if format!("{other:?}").contains("CaUsedAsEndEntity") =>
        {
            (
                "the server's certificate is a certificate authority (self-signed, CA:TRUE), which rustls \
                 does not accept from a server".to_owned(),
                Some("issue a separate certificate for the server, signed by that authority; or use \
                     sslmode=require without sslrootcert to skip verification".into()),
            )
        }
        rustls::Error::AlertReceived(alert) => (
            format!("the server ended the TLS handshake: {alert:?}"),
            Some("the server may require a client certificate (sslcert, sslkey), or one from another \
                 authority".into()),
        ),
        other => (format!("TLS failed: {other}"), None),
    }
}

fn certificate_error(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    io.get_ref()?.downcast_ref::<rustls::Error>()
}

/// Whether it was the TLS handshake that failed.
pub(super) fn is_tls_failure(error: &tokio_postgres::Error) -> bool {
    certificate_error(error).is_some() || error.to_string().starts_with("error performing TLS")
}
