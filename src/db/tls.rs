//! TLS by rustls, as `sslmode` and related parameters require.

mod identity;
mod verifier;

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::verifier::AnyHost;
pub(crate) use self::verifier::Unverified;
use super::target::{ProtocolVersion, Roots, TlsMode, TlsSettings};
use crate::{Error, Result};

/// What opens TLS on a socket. Made also where TLS is off: it is cheap, and one type for all.
///
/// # Errors
/// [`Error::Config`]: a certificate or key file is not there, cannot be read, or is not protected.
pub(super) fn connector(settings: &TlsSettings) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: Vec<&'static SupportedProtocolVersion> = [
        (ProtocolVersion::Tls12, &TLS12),
        (ProtocolVersion::Tls13, &TLS13),
    ]
    .into_iter()
    .filter(|(version, _)| {
        settings.min_version.is_none_or(|least| *version >= least)
            && settings.max_version.is_none_or(|most| *version <= most)
    })
    .map(|(_, supported)| supported)
    .collect();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| refused(format!("no TLS version is available: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier(settings, provider)?);
    let mut config = match settings
        .client
        .as_ref()
        .filter(|_| settings.mode != TlsMode::Disable)
    {
        Some((certificate, key)) => {
            let (chain, key) = identity::load(certificate, key)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                refused(format!(
                    "the client certificate {} cannot be used: {error}",
                    certificate.display()
                ))
            })?
        }
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = settings.sni;
    if settings.direct {
        // Servers refuse a direct handshake that does not name the protocol.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    Ok(match settings.mode {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => {
            Arc::new(Unverified::new(provider))
        }
        TlsMode::VerifyCa => Arc::new(AnyHost::new(authorities(settings, provider)?)),
        TlsMode::VerifyFull => authorities(settings, provider)?,
    })
}

fn authorities(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let mut store = RootCertStore::empty();
    match &settings.roots {
        None => {
            return Err(Error::Config {
                message: "sslmode requires verifying the server's certificate, but no certificate authority \
                     is given"
                    .to_owned(),
                hint: "name a file of authorities with sslrootcert=FILE (or ~/.postgresql/root.crt), or use \
                     those of the system with sslrootcert=system"
                    .to_owned(),
            });
        }
        Some(Roots::System) => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!("the certificate authorities of the system: {error}");
            }
            store.add_parsable_certificates(found.certs);
        }
        Some(Roots::File(path)) => {
            for certificate in certificates(path)? {
                store.add(certificate).map_err(|error| {
                    refused(format!(
                        "the authority in {} cannot be used: {error}",
                        path.display()
                    ))
                })?;
            }
        }
    }
    if store.is_empty() {
        return Err(refused(
            "the operating system has no certificate authorities (the package is often called ca-certificates)"
                .to_owned(),
        ));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| refused(format!("the authorities cannot be used: {error}")))
}

/// Every certificate of a PEM file; at least one.
///
/// # Errors
/// [`Error::Config`]: it cannot be read, or holds none.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| {
            refused(format!(
                "the certificate file {} cannot be read: {error}",
                path.display()
            ))
        })?;
    if found.is_empty() {
        return Err(refused(format!(
            "the certificate file {} contains no PEM certificate",
            path.display()
        )));
    }
    Ok(found)
}

fn refused(message: String) -> Error {
    Error::Config {
        message,
        hint: "the libpq documentation of PostgreSQL describes sslmode, sslrootcert, sslcert and sslkey"
            .to_owned(),
    }
}
