//! Why a connection was not to be had, in words, and what to do about it.

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
            format!("the host name cannot be looked up: {error}"),
            Some("is the name spelled right, and does this machine reach its DNS server?".into()),
        ),
        Refusal::Timeout(limit) => (
            format!("no answer within {}", crate::duration::HumanDuration(*limit)),
            Some(
                "is there a firewall in between, or the server overloaded? --connect-timeout gives it longer"
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
            "the server asks for a password, and none is given".to_owned(),
            Some("give one in PGPASSWORD, or in ~/.pgpass (permissions 0600)".into()),
        );
    }
    if text.contains("server does not support TLS") {
        return (
            "the server does not do TLS, and sslmode asks for it".to_owned(),
            Some(
                "switch ssl on in the server's settings, or say sslmode=prefer to go without"
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
    let hint = error
        .is_closed()
        .then(|| "is that a PostgreSQL server, and did it just restart?".to_owned());
    (text, hint)
}

fn of_io(error: &io::Error, text: &str, host: &Host) -> (String, Option<String>) {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "connection refused".to_owned(),
            Some(
                "no server listens there: is it running, are host and port right, and does its listen_addresses include this one?"
                    .into(),
            ),
        ),
        io::ErrorKind::NotFound if host.is_socket() => (
            "there is no such socket".to_owned(),
            Some("is the server running, and is the port right? unix_socket_directories says where its sockets are".into()),
        ),
        io::ErrorKind::PermissionDenied if host.is_socket() => (
            "the socket may not be opened".to_owned(),
            Some("see unix_socket_permissions, or connect by TCP: host=localhost".into()),
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => (
            format!("the connection was closed before the session began ({error})"),
            Some("is that a PostgreSQL server, does it or a proxy want TLS (sslmode=require), and did it just restart?".into()),
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
            None => "give the password in PGPASSWORD, or in ~/.pgpass (permissions 0600)".to_owned(),
        },
        "28000" if answer.message().contains("does not exist") => format!(
            "name another role, or create it: CREATE ROLE {} LOGIN",
            crate::sql::quote_identifier(&target.user)
        ),
        "28000" if answer.message().contains("pg_hba.conf") => {
            "the server's pg_hba.conf lets this user in from elsewhere, by other means, or not at all: add a line for it and reload"
                .to_owned()
        }
        "3D000" => format!(
            "name another database (psql -l lists them), or create it: CREATE DATABASE {}",
            crate::sql::quote_identifier(&target.dbname)
        ),
        "53300" => "every connection slot is taken: close some, raise max_connections, or put a pooler in front".to_owned(),
        "57P03" => "the server is starting up, recovering or shutting down: try again".to_owned(),
        _ => return super::hint_for(error),
    })
}

fn of_certificate(error: &rustls::Error, host: &Host) -> (String, Option<String>) {
    use rustls::Error::InvalidCertificate;
    let name = &host.name;
    match error {
        InvalidCertificate(CertificateError::UnknownIssuer) => (
            "the server's certificate is not from an authority in sslrootcert".to_owned(),
            Some("give the certificate of the authority that issued it in sslrootcert; if that is in there, this is not the server you mean".into()),
        ),
        InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })
            if presented.is_empty() =>
        {
            (
                format!("the server's certificate names no host (it has no subject alternative name), so it cannot be checked against `{name}`"),
                Some("the common name alone does not count: issue the certificate with a subjectAltName, or say sslmode=verify-ca".into()),
            )
        }
        InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => (
            format!(
                "the server's certificate is not for `{name}` but for {}",
                presented.join(", ")
            ),
            Some("connect by a name that is in the certificate (host=NAME hostaddr=ADDRESS keeps the address), or say sslmode=verify-ca".into()),
        ),
        InvalidCertificate(CertificateError::NotValidForName) => (
            format!("the server's certificate is not for `{name}`"),
            Some("connect by a name that is in the certificate, or say sslmode=verify-ca".into()),
        ),
        InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => (
            "the server's certificate has expired".to_owned(),
            Some("renew it; is this machine's clock right?".into()),
        ),
        InvalidCertificate(CertificateError::Other(other))
            if format!("{other:?}").contains("CaUsedAsEndEntity") =>
        {
            (
                "the server's certificate is an authority's own (self-signed, CA:TRUE), which rustls does not accept from a server".to_owned(),
                Some("issue the server a certificate of its own, signed by that authority; or say sslmode=require with no sslrootcert to go unverified".into()),
            )
        }
        rustls::Error::AlertReceived(alert) => (
            format!("the server broke TLS off: {alert:?}"),
            Some("does the server want a client certificate (sslcert, sslkey), and one from another authority?".into()),
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
