//! From a target to an open connection: host by host, address by address.

use std::hash::{BuildHasher, Hasher, RandomState};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tokio_postgres::SimpleQueryMessage;

use super::{
    attempt::{self, OpenedConnection},
    refusal::{Refusal, explain},
    target::{Host, SessionAttrs, Target},
    tls,
};
use crate::{Error, Result, interrupt};

/// Opens a connection to the first host that lets us in and is of the kind asked for. A signal that comes
/// meanwhile ends the wait (one that came before does not: cleaning up may need a connection).
pub(super) async fn open(target: &Target, purpose: &str) -> Result<OpenedConnection> {
    tokio::select! {
        outcome = open_any(target, purpose) => outcome,
        () = interrupt::next_signal() => Err(Error::Interrupted),
    }
}

async fn open_any(target: &Target, purpose: &str) -> Result<OpenedConnection> {
    let connector = tls::connector(&target.tls)?;
    let rounds: &[SessionAttrs] = match target.session_attrs {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
        SessionAttrs::Any => &[SessionAttrs::Any],
        SessionAttrs::ReadWrite => &[SessionAttrs::ReadWrite],
        SessionAttrs::ReadOnly => &[SessionAttrs::ReadOnly],
        SessionAttrs::Primary => &[SessionAttrs::Primary],
        SessionAttrs::Standby => &[SessionAttrs::Standby],
    };
    let mut hosts: Vec<&Host> = target.hosts.iter().collect();
    if target.shuffle {
        hosts.shuffle(&mut random());
    }
    let mut failures = Vec::new();
    for wanted in rounds {
        failures.clear();
        for host in &hosts {
            match open_host(target, host, *wanted, purpose, &connector).await {
                Ok(opened) => return Ok(opened),
                Err(refusal) => {
                    tracing::debug!("{host}: {}", explain(&refusal, target, host).0);
                    let is_final = !refusal.is_of_this_host();
                    failures.push((*host, refusal));
                    if is_final {
                        return Err(refused(target, &failures));
                    }
                }
            }
        }
    }
    Err(refused(target, &failures))
}

async fn open_host(
    target: &Target,
    host: &Host,
    wanted: SessionAttrs,
    purpose: &str,
    connector: &tokio_postgres_rustls::MakeRustlsConnect,
) -> Result<OpenedConnection, Refusal> {
    let mut addresses = attempt::addresses(host, target.connect_timeout).await?;
    if target.shuffle {
        addresses.shuffle(&mut random());
    }
    let mut last = Refusal::Lookup(std::io::Error::other("the host name has no address"));
    for address in addresses {
        let outcome = match attempt::open(target, host, address, purpose, connector).await {
            Ok(opened) => suitable(opened, wanted, target).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(opened) => return Ok(opened),
            Err(refusal) if !refusal.is_of_this_host() => return Err(refusal),
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

/// Asks the server which kind it is, unless any will do.
async fn suitable(
    opened: OpenedConnection,
    wanted: SessionAttrs,
    target: &Target,
) -> Result<OpenedConnection, Refusal> {
    if wanted == SessionAttrs::Any {
        return Ok(opened);
    }
    let question = opened
        .client
        .simple_query("SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')");
    let answer = attempt::within(target.connect_timeout, question)
        .await?
        .map_err(Refusal::Driver)?;
    let (mut standby, mut read_only) = (false, false);
    for message in &answer {
        if let SimpleQueryMessage::Row(row) = message {
            standby = row.get(0) == Some("t");
            read_only = row.get(1) == Some("on");
        }
    }
    match wanted {
        SessionAttrs::ReadWrite if read_only => {
            Err(Refusal::Unsuitable("the session is read-only"))
        }
        SessionAttrs::ReadOnly if !read_only => {
            Err(Refusal::Unsuitable("the session is not read-only"))
        }
        SessionAttrs::Primary if standby => Err(Refusal::Unsuitable("the server is a standby")),
        SessionAttrs::Standby | SessionAttrs::PreferStandby if !standby => {
            Err(Refusal::Unsuitable("the server is not a standby"))
        }
        _ => Ok(opened),
    }
}

/// Names what was tried: each host, the user, the database; never the password.
fn refused(target: &Target, failures: &[(&Host, Refusal)]) -> Error {
    let who = format!("as {}, database {}", target.user, target.dbname);
    let explained: Vec<(String, Option<String>)> = failures
        .iter()
        .map(|(host, refusal)| explain(refusal, target, host))
        .collect();
    let hint = explained.iter().rev().find_map(|(_, hint)| hint.clone());
    let message = match (failures, explained.as_slice()) {
        ([(host, _)], [(reason, _)]) => format!("cannot connect to {host} {who}: {reason}"),
        _ => {
            let mut message = format!("cannot connect to any of these hosts {who}:");
            for ((host, _), (reason, _)) in failures.iter().zip(&explained) {
                message.push_str(&format!("\n  {host}: {reason}"));
            }
            message
        }
    };
    Error::Connect {
        message,
        hint: hint.unwrap_or_else(|| {
            "check that the server is running, and that host, port, user and database are right"
                .to_owned()
        }),
        passes: failures.iter().any(|(_, refusal)| refusal.passes()),
    }
}

/// Random enough to spread load: the seed is that of the standard library's hash maps.
fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(RandomState::new().build_hasher().finish())
}
