//! A server of a test's own.

use std::path::PathBuf;

use dbaudit::demo::{Listen, Server, ShutdownMode};

use super::{server_of, settings_for};

/// A server that a test may stop, crash, restart, or make a standby of.
pub struct PrivateServer {
    /// The cluster's data directory.
    pub data_dir: PathBuf,
    /// On 127.0.0.1, and in the socket's name.
    pub port: u16,
    /// The folder of the unix socket.
    pub socket_dir: PathBuf,
    server: Server,
}

impl PrivateServer {
    /// Starts a server of the given version with settings such as `wal_level=logical`, which override
    /// the harness's own.
    pub fn start(major: u32, settings: &[&str]) -> Self {
        let binaries = &server_of(major)
            .unwrap_or_else(|| panic!("PostgreSQL {major} is not on this machine"))
            .binaries;
        let mut all = settings_for(binaries);
        all.extend(settings.iter().map(|setting| {
            setting
                .split_once('=')
                .unwrap_or_else(|| panic!("{setting}: expected name=value"))
        }));
        let server = Server::start(binaries, Listen::Loopback, &all).expect("the server starts");
        Self {
            data_dir: server.data_directory(),
            port: server.port(),
            socket_dir: server.socket_directory().to_owned(),
            server,
        }
    }

    /// Where a database of it is: on 127.0.0.1, as the superuser.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Stops it as a crash would: the next start recovers.
    pub fn stop_immediate(&mut self) {
        self.server.stop(ShutdownMode::Immediate).expect("it stops");
    }

    /// Stops it in order.
    pub fn stop_fast(&mut self) {
        self.server.stop(ShutdownMode::Fast).expect("it stops");
    }

    /// Starts it again after a stop, with the same data, settings and port.
    pub fn start_again(&mut self) {
        self.server.start_again().expect("it starts again");
    }
}
