//! TLS, against a server whose certificates are made here.

use std::path::{Path, PathBuf};

use dbaudit::Error;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

use super::{connect, value};
use crate::support::{self, PrivateServer};

/// An authority of our own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// Certificate and key for a common name and alternative names.
    fn issue(&self, common_name: &str, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server with TLS on, and a folder with the client's files.
struct TlsServer {
    server: PrivateServer,
    folder: tempfile::TempDir,
}

impl TlsServer {
    async fn start(major: u32, certificate: &(String, String), clients: &Authority) -> Self {
        let server = PrivateServer::start(major, &["password_encryption=scram-sha-256"]);
        place(&server.data_dir, "server.crt", &certificate.0);
        place(&server.data_dir, "server.key", &certificate.1);
        place(&server.data_dir, "clients.crt", &clients.pem);
        let admin = connect(&server.url("postgres")).await.unwrap();
        admin
            .batch_execute("CREATE ROLE ann LOGIN PASSWORD 's3cret'; CREATE ROLE bob LOGIN; CREATE ROLE plain LOGIN")
            .await
            .unwrap();
        for setting in ["ssl = on", "ssl_ca_file = 'clients.crt'"] {
            let alter = format!("ALTER SYSTEM SET {setting}");
            admin.batch_execute(&alter).await.unwrap();
        }
        place(
            &server.data_dir,
            "pg_hba.conf",
            "hostssl all ann 127.0.0.1/32 scram-sha-256\n\
             hostssl all bob 127.0.0.1/32 trust clientcert=verify-full\n\
             hostnossl all plain 127.0.0.1/32 trust\n\
             host all postgres 127.0.0.1/32 trust\n",
        );
        admin
            .batch_execute("SELECT pg_reload_conf()")
            .await
            .unwrap();
        let started = Self {
            server,
            folder: tempfile::tempdir().unwrap(),
        };
        // The postmaster reloads in its own time.
        let encrypted = "user=postgres sslmode=require";
        while started.connect(encrypted).await.is_err() {
            tokio::task::yield_now().await;
        }
        started
    }

    /// A file of the client's, 0600.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        place(self.folder.path(), name, text);
        self.folder.path().join(name)
    }

    async fn connect(&self, keys: &str) -> Result<dbaudit::db::Session, Error> {
        let keys = if keys.contains("host=") {
            keys.to_owned()
        } else {
            format!("host=localhost {keys}")
        };
        let port = self.server.port;
        connect(&format!(
            "hostaddr=127.0.0.1 port={port} dbname=postgres {keys}"
        ))
        .await
    }

    async fn refused(&self, keys: &str) -> String {
        self.connect(keys).await.unwrap_err().to_string()
    }
}

/// Writes a file that belongs to the folder's owner and is nobody else's business.
fn place(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let owner = std::fs::metadata(folder).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

const ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

#[tokio::test]
async fn each_sslmode_lets_in_whom_it_should() {
    let authority = Authority::new("dbaudit test authority");
    let stranger = Authority::new("another authority");
    let certificate = authority.issue("ignored", &["localhost"]);
    // 17 and later can start with the handshake at once.
    let newest = support::servers()
        .iter()
        .map(|server| server.major())
        .max()
        .unwrap();
    for major in std::collections::BTreeSet::from([support::server().major(), newest]) {
        let tls = TlsServer::start(major, &certificate, &authority).await;
        let ca = tls.file("ca.pem", &authority.pem).display().to_string();
        let other = tls.file("other.pem", &stranger.pem).display().to_string();

        for (keys, encrypted) in [
            ("sslmode=disable".to_owned(), "false"),
            ("sslmode=allow".to_owned(), "true"),
            ("sslmode=prefer".to_owned(), "true"),
            ("sslmode=require".to_owned(), "true"),
            (format!("sslmode=require sslrootcert={ca}"), "true"),
            (format!("sslmode=verify-ca sslrootcert={ca}"), "true"),
            (
                format!("sslmode=verify-ca sslrootcert={ca} host=other.test"),
                "true",
            ),
            (format!("sslmode=verify-full sslrootcert={ca}"), "true"),
            (
                format!("sslmode=verify-full sslrootcert={ca} ssl_max_protocol_version=TLSv1.2"),
                "true",
            ),
            // A server that does not want this user with TLS gets him without, where that is allowed.
            ("sslmode=prefer user=plain".to_owned(), "false"),
        ] {
            let keys = format!("user=postgres {keys}");
            let session = tls
                .connect(&keys)
                .await
                .unwrap_or_else(|error| panic!("{keys}: {error}"));
            assert_eq!(value(&session, ENCRYPTED).await, encrypted, "{keys}");
        }

        for (keys, says) in [
            (
                format!("sslmode=verify-full sslrootcert={ca} host=other.test"),
                "not for `other.test`",
            ),
            (
                format!("sslmode=verify-full sslrootcert={other}"),
                "not issued by an authority in sslrootcert",
            ),
            (
                format!("sslmode=verify-ca sslrootcert={other}"),
                "not issued by an authority in sslrootcert",
            ),
            (
                format!("sslmode=require sslrootcert={other}"),
                "not issued by an authority in sslrootcert",
            ),
            (
                "sslmode=verify-full".to_owned(),
                "no certificate authority is given",
            ),
            (
                "sslmode=verify-full sslrootcert=/nowhere".to_owned(),
                "/nowhere cannot be read",
            ),
            ("sslmode=require user=plain".to_owned(), "pg_hba.conf"),
        ] {
            let message = tls.refused(&format!("user=postgres {keys}")).await;
            assert!(message.contains(says), "{keys}: {message}");
        }

        // A password over TLS is bound to the certificate; without TLS there is nothing to bind it to.
        let scram = "user=ann password=s3cret channel_binding=require sslmode=require";
        assert!(tls.connect(scram).await.is_ok());
        let trusted = "user=postgres channel_binding=require sslmode=require";
        assert!(tls.refused(trusted).await.contains("channel binding"));

        let direct =
            format!("user=postgres sslmode=verify-full sslrootcert={ca} sslnegotiation=direct");
        assert_eq!(tls.connect(&direct).await.is_ok(), major >= 17, "{major}");
    }
}

#[tokio::test]
async fn a_client_is_known_by_its_certificate_and_cancels_over_tls() {
    let authority = Authority::new("dbaudit test authority");
    let stranger = Authority::new("another authority");
    let certificate = authority.issue("ignored", &["localhost"]);
    let tls = TlsServer::start(support::server().major(), &certificate, &authority).await;
    let (bob, key) = authority.issue("bob", &[]);
    let certificate = tls.file("bob.crt", &bob).display().to_string();
    let key_file = tls.file("bob.key", &key);
    let key = key_file.display().to_string();

    let message = tls.refused("user=bob sslmode=require").await;
    assert!(message.contains("certificate"), "{message}");
    let known = format!("user=bob sslmode=require sslcert={certificate} sslkey={key}");
    let session = tls.connect(&known).await.unwrap();
    assert_eq!(value(&session, "SELECT current_user").await, "bob");
    let canceller = session.canceller();
    let admin = tls.connect("user=postgres").await.unwrap();
    let pid = session.ask_backend_pid().await.unwrap();
    let cancel = async {
        let sleeping = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND wait_event = 'PgSleep'",
            pid
        );
        while value(&admin, &sleeping).await == "0" {
            tokio::task::yield_now().await;
        }
        canceller.cancel().await.unwrap();
    };
    let (slept, ()) = tokio::join!(session.batch_execute("SELECT pg_sleep(600)"), cancel);
    assert_eq!(dbaudit::db::sqlstate(&slept.unwrap_err()), Some("57014"));

    let (other, other_key) = stranger.issue("bob", &[]);
    let other = tls.file("other.crt", &other).display().to_string();
    let other_key = tls.file("other.key", &other_key).display().to_string();
    let unknown = format!("user=bob sslmode=require sslcert={other} sslkey={other_key}");
    assert!(tls.connect(&unknown).await.is_err());

    std::fs::set_permissions(
        &key_file,
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let message = tls.refused(&known).await;
    assert!(message.contains("has group or world access"), "{message}");
}

#[tokio::test]
async fn certificates_that_libpq_takes_and_rustls_does_not_are_explained() {
    let authority = Authority::new("dbaudit test authority");
    let major = support::server().major();

    let nameless = authority.issue("localhost", &[]);
    let tls = TlsServer::start(major, &nameless, &authority).await;
    let ca = tls.file("ca.pem", &authority.pem).display().to_string();
    let message = tls
        .refused(&format!(
            "user=postgres sslmode=verify-full sslrootcert={ca}"
        ))
        .await;
    assert!(message.contains("no subject alternative name"), "{message}");
    let any = format!("user=postgres sslmode=verify-ca sslrootcert={ca}");
    assert!(tls.connect(&any).await.is_ok());
    drop(tls);

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap().pem();
    let tls = TlsServer::start(major, &(own.clone(), key.serialize_pem()), &authority).await;
    let ca = tls.file("own.pem", &own).display().to_string();
    let message = tls
        .refused(&format!(
            "user=postgres sslmode=verify-full sslrootcert={ca}"
        ))
        .await;
    assert!(
        message.contains("a certificate authority (self-signed, CA:TRUE)"),
        "{message}"
    );
}

#[tokio::test]
async fn the_systems_authorities_are_asked_by_name() {
    let authority = Authority::new("dbaudit test authority");
    let certificate = authority.issue("ignored", &["localhost"]);
    let tls = TlsServer::start(support::server().major(), &certificate, &authority).await;
    let ca = tls.file("ca.pem", &authority.pem);
    let port = tls.server.port;
    let at = format!(
        "host=localhost hostaddr=127.0.0.1 port={port} user=postgres dbname=postgres sslrootcert=system"
    );
    let report = |authorities: &Path| {
        support::dbaudit(tls.folder.path())
            .args([
                "report",
                "--fail-on",
                "never",
                "--format",
                "json",
                "-d",
                &at,
            ])
            .env_remove("SSL_CERT_DIR")
            .env("SSL_CERT_FILE", authorities)
            .output()
            .unwrap()
    };
    let trusted = report(&ca);
    let stderr = String::from_utf8_lossy(&trusted.stderr);
    assert_eq!(trusted.status.code(), Some(0), "{stderr}");
    let other = tls.file("other.pem", &Authority::new("another authority").pem);
    let untrusted = report(&other);
    let stderr = String::from_utf8_lossy(&untrusted.stderr);
    assert_eq!(untrusted.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("not issued by an authority"), "{stderr}");
}
