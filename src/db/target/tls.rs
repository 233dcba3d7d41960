//! What the parameters ask of TLS.

use std::path::PathBuf;

use super::{Environment, parameters::Parameters};
use crate::Result;

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::db) enum TlsMode {
    /// Never.
    Disable,
    /// Where the server can; unverified. `allow` is treated as this: it differs only in what is tried first.
    Prefer,
    /// Always; unverified.
    Require,
    /// The certificate must come from a trusted authority.
    VerifyCa,
    VerifyFull,
}

/// What certificates of servers are trusted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::db) enum Roots {
    System,
    File(PathBuf),
}

/// TLS protocol versions that exist in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::db) enum ProtocolVersion {
    Tls12,
    Tls13,
}

#[derive(Debug, Clone)]
pub(in crate::db) struct TlsSettings {
    pub(in crate::db) mode: TlsMode,
    /// Start with the handshake at once, without asking first (servers from 17).
    pub(in crate::db) direct: bool,
    pub(in crate::db) roots: Option<Roots>,
    /// The client's certificate and its key.
    pub(in crate::db) client: Option<(PathBuf, PathBuf)>,
    /// Send the host's name in the clear, for proxies that route by it.
    pub(in crate::db) sni: bool,
    pub(in crate::db) min_version: Option<ProtocolVersion>,
    pub(in crate::db) max_version: Option<ProtocolVersion>,
}

impl TlsSettings {
    pub(super) fn resolve(parameters: &Parameters, environment: &Environment) -> Result<Self> {
        let home = |file: &str| {
            environment
                .home()
                .map(|home| home.join(".postgresql").join(file))
                .filter(|path| path.exists())
        };
        let roots = match parameters.text("sslrootcert") {
            Some("system") => Some(Roots::System),
            Some(path) => Some(Roots::File(path.into())),
            None => home("root.crt").map(Roots::File),
        };
        // As libpq: the system's authorities certify anybody, so only the full check makes sense.
        let default = if roots == Some(Roots::System) {
            TlsMode::VerifyFull
        } else {
            TlsMode::Prefer
        };
        let mut mode = parameters.choice(
            "sslmode",
            default,
            &[
                ("disable", TlsMode::Disable),
                ("allow", TlsMode::Prefer),
                ("prefer", TlsMode::Prefer),
                ("require", TlsMode::Require),
                ("verify-ca", TlsMode::VerifyCa),
                ("verify-full", TlsMode::VerifyFull),
            ],
        )?;
        if roots == Some(Roots::System) && mode != TlsMode::VerifyFull {
            return Err(parameters.wrong(
                "sslmode",
                "with sslrootcert=system it must be verify-full, because anyone can get a certificate from \
                 those authorities",
            ));
        }
        if mode == TlsMode::Require && roots.is_some() {
            mode = TlsMode::VerifyCa;
        }
        let direct = parameters.choice(
            "sslnegotiation",
            false,
            &[("postgres", false), ("direct", true)],
        )?;
        if direct && mode < TlsMode::Require {
            return Err(parameters.wrong(
                "sslnegotiation",
                "`direct` needs an sslmode of require, verify-ca or verify-full",
            ));
        }
        let wanted = parameters.choice(
            "sslcertmode",
            None,
            &[
                ("disable", Some(false)),
                ("allow", None),
                ("require", Some(true)),
            ],
        )?;
        let client = match parameters.text("sslcert") {
            _ if wanted == Some(false) => None,
            Some(path) => Some(PathBuf::from(path)),
            None => home("postgresql.crt"),
        };
        let client = client.map(|certificate| {
            let key = match parameters.text("sslkey") {
                Some(path) => PathBuf::from(path),
                None => home("postgresql.key").unwrap_or_else(|| certificate.with_extension("key")),
            };
            (certificate, key)
        });
        if wanted == Some(true) && client.is_none() {
            return Err(parameters.wrong("sslcertmode", "`require` needs an sslcert"));
        }
        let version = |key: &str| {
            parameters.choice(
                key,
                None,
                &[
                    ("TLSv1", None),
                    ("TLSv1.1", None),
                    ("TLSv1.2", Some(ProtocolVersion::Tls12)),
                    ("TLSv1.3", Some(ProtocolVersion::Tls13)),
                ],
            )
        };
        let max_version = version("ssl_max_protocol_version")?;
        if max_version.is_none() && parameters.text("ssl_max_protocol_version").is_some() {
            return Err(parameters.wrong(
                "ssl_max_protocol_version",
                "versions before TLSv1.2 are not supported",
            ));
        }
        Ok(Self {
            mode,
            direct,
            roots,
            client,
            sni: parameters.choice("sslsni", true, &[("0", false), ("1", true)])?,
            min_version: version("ssl_min_protocol_version")?,
            max_version,
        })
    }
}
