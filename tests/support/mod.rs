//! Real servers for tests: one per version found on this machine, started at its first use and gone
//! with the test process; and a database of its own for each test, cloned from a template.
//!
//! Versions are looked for in `DBAUDIT_TEST_PG=dir[:dir…]` (folders that hold `initdb`), where packages
//! install them, and in the ignored cache `.cache/postgres` that `tests/run` fills.
//! `DBAUDIT_TEST_REQUIRE=15,18` makes every test fail where one of these is missing.
//! `DBAUDIT_TEST_LIGHT=1` is for a first look: one version alone.
//! `DBAUDIT_TEST_KEEP=1` leaves the servers running, to look at what a failed test left.

// Each test binary, and each area in it, uses its own part of this.
#![allow(dead_code, reason = "shared by tests that each need a part")]

pub mod chromium;
mod counting;
mod database;
pub mod pgbench;
mod private;
mod proxy;
mod terminal;
mod versions;

use std::sync::{Mutex, OnceLock};

use dbaudit::demo::{Binaries, Listen, Server};

#[allow(unused_imports, reason = "each test binary uses its part")]
pub use self::{
    counting::{CountingProxy, Counts},
    database::{Template, TestDatabase, dbaudit},
    private::PrivateServer,
    proxy::{Blow, Proxy},
    terminal::{Terminal, squeeze},
};

/// A server shared by the tests of this process. Settings and roles of the whole server are everyone's:
/// a test that must change them starts a [`PrivateServer`].
pub struct TestServer {
    pub binaries: Binaries,
    server: OnceLock<Server>,
    templates: Mutex<Vec<Template>>,
}

impl TestServer {
    /// The major version: 15.
    pub fn major(&self) -> u32 {
        self.binaries.major
    }

    /// Where a database of it is: on 127.0.0.1, as the superuser.
    pub fn url(&self, database: &str) -> String {
        self.running().url(database)
    }

    /// A database of the test's own, dropped at its end.
    pub fn database(&self, template: Template) -> TestDatabase {
        TestDatabase::create(self, template)
    }

    fn running(&self) -> &Server {
        self.server.get_or_init(|| {
            let mut server = Server::start(
                &self.binaries,
                Listen::Loopback,
                &settings_for(&self.binaries),
            )
            .expect("the test server starts");
            if std::env::var_os("DBAUDIT_TEST_KEEP").is_some() {
                server.leave_running().expect("the server keeps running");
                eprintln!(
                    "kept: {} in {}",
                    server.url("postgres"),
                    server.folder().display()
                );
            }
            server
        })
    }
}

/// Every version found, the oldest first.
pub fn servers() -> &'static [TestServer] {
    static SERVERS: OnceLock<Vec<TestServer>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        versions::found()
            .into_iter()
            .map(|binaries| TestServer {
                binaries,
                server: OnceLock::new(),
                templates: Mutex::new(Vec::new()),
            })
            .collect()
    })
}

/// The server for tests that need just one: 15 where it is there, else the newest.
pub fn server() -> &'static TestServer {
    server_of(15)
        .or(servers().last())
        .expect("servers() is never empty")
}

/// The same as [`server`], running for one test alone: what others do to theirs is not counted here.
#[allow(dead_code, reason = "each test binary uses its part")]
pub fn fresh_server() -> TestServer {
    let major = server().major();
    let mut found = versions::found().into_iter();
    TestServer {
        binaries: found
            .find(|binaries| binaries.major == major)
            .expect("it was found before"),
        server: OnceLock::new(),
        templates: Mutex::new(Vec::new()),
    }
}

/// The server of one version, if it is on this machine.
pub fn server_of(major: u32) -> Option<&'static TestServer> {
    servers().iter().find(|server| server.major() == major)
}

fn settings_for(binaries: &Binaries) -> Vec<(&'static str, &'static str)> {
    let mut settings = vec![("max_connections", "100"), ("shared_buffers", "32MB")];
    if binaries.has_library("pg_stat_statements") {
        settings.push(("shared_preload_libraries", "pg_stat_statements"));
        // Thousands of statements of many tests, and none is to push another one out.
        settings.push(("pg_stat_statements.max", "50000"));
    }
    settings
}

/// Runs a future to its end from anywhere, within a runtime or not.
fn run<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime")
                    .block_on(future)
            })
            .join()
            .expect("the future does not panic")
    })
}

/// An open connection; errors of the connection itself show in the statements sent over it.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {url}: {error:?}"));
    tokio::spawn(connection);
    client
}
