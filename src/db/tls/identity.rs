//! The client's own certificate and key.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{certificates, refused};
use crate::{Error, Result};

/// Reads both. A key that others may read is refused, as libpq does.
pub(super) fn load(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = certificates(certificate)?;
    protected(key)?;
    let text = std::fs::read(key).map_err(|source| Error::File {
        doing: "reading the client's private key",
        path: key.to_owned(),
        source,
    })?;
    let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let encrypted = String::from_utf8_lossy(&text).contains("ENCRYPTED");
        refused(if encrypted {
            format!(
                "the private key {} is encrypted; dbaudit supports only unencrypted keys (openssl pkey -in … \
                 -out …)",
                key.display()
            )
        } else {
            format!("the private key {} cannot be read: {error}", key.display())
        })
    })?;
    Ok((chain, secret))
}

/// 0600 for a key of one's own, 0640 for one that belongs to root (`fe-secure-openssl.c`).
#[cfg(unix)]
fn protected(key: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(key).map_err(|source| Error::File {
        doing: "reading the client's private key",
        path: key.to_owned(),
        source,
    })?;
    let others = if metadata.uid() == 0 { 0o027 } else { 0o077 };
    if metadata.mode() & others == 0 {
        return Ok(());
    }
    Err(Error::Config {
        message: format!(
            "the private key {} has group or world access; not used",
            key.display()
        ),
        hint: format!("chmod 0600 {}", key.display()),
    })
}

#[cfg(not(unix))]
fn protected(_key: &Path) -> Result<()> {
    Ok(())
}
