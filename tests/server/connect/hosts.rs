//! Several hosts, sockets, services and standbys.

use dbaudit::db::Environment;

use super::{connect, connect_in, value};
use crate::support::{self, PrivateServer};

#[tokio::test]
async fn the_host_of_the_kind_asked_for_is_found_among_several() {
    // 13 does not tell at the start whether it is a standby; later ones do.
    let mut majors: Vec<u32> = support::servers()
        .iter()
        .map(|server| server.major())
        .collect();
    majors.retain(|major| [13, 15].contains(major) || *major >= 18);
    for major in majors {
        let primary = PrivateServer::start(major, &[]);
        let mut standby = PrivateServer::start(major, &[]);
        standby.stop_fast();
        // A standby with nobody to follow: in recovery, and read-only, for ever.
        std::fs::write(standby.data_dir.join("standby.signal"), "").unwrap();
        standby.start_again();

        let (first, second) = (standby.port, primary.port);
        let at = |attrs: &str| {
            format!(
                "host=127.0.0.1,127.0.0.1 port={first},{second} user=postgres dbname=postgres target_session_attrs={attrs}"
            )
        };
        for (attrs, expected) in [
            ("any", first),
            ("read-write", second),
            ("primary", second),
            ("read-only", first),
            ("standby", first),
            ("prefer-standby", first),
        ] {
            let session = connect(&at(attrs)).await.unwrap();
            let port = value(&session, "SELECT current_setting('port')").await;
            assert_eq!(port, expected.to_string(), "{major}: {attrs}");
            assert_eq!(session.is_standby().await.unwrap(), expected == first);
        }

        standby.stop_fast();
        // The first does not answer any more: the next one does.
        assert!(connect(&at("any")).await.is_ok());
        assert!(connect(&at("prefer-standby")).await.is_ok());
        let error = connect(&at("standby")).await.unwrap_err().to_string();
        let both = [
            format!("127.0.0.1:{first}: connection refused"),
            format!("127.0.0.1:{second}: the server is not a standby"),
        ];
        assert!(both.iter().all(|line| error.contains(line)), "{error}");
    }
}

#[tokio::test]
async fn a_socket_a_service_and_the_environment_alone_lead_there() {
    let server = PrivateServer::start(support::server().major(), &[]);
    let folder = server.socket_dir.to_str().unwrap();
    let port = server.port.to_string();
    // sslmode means nothing on a socket.
    let socket = format!("host={folder} port={port} user=postgres dbname=postgres sslmode=require");
    let session = connect(&socket).await.unwrap();
    assert_eq!(
        value(&session, "SELECT inet_server_addr() IS NULL").await,
        "true"
    );

    let file = tempfile::NamedTempFile::new().unwrap();
    let service = format!("[here]\nhost={folder}\nport={port}\nuser=postgres\ndbname=postgres\n");
    std::fs::write(file.path(), service).unwrap();
    let environment = Environment::from([("PGSERVICEFILE", file.path().to_str().unwrap())]);
    assert!(connect_in("service=here", &environment).await.is_ok());

    let environment = Environment::from([
        ("PGHOST", folder),
        ("PGPORT", &port),
        ("PGUSER", "postgres"),
        ("PGDATABASE", "postgres"),
    ]);
    assert!(connect_in("", &environment).await.is_ok());
}
