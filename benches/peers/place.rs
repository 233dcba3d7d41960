//! Where everything is measured: a server of our own, its databases, and an empty folder to run in.

use std::{path::Path, process::Command};

use dbaudit::demo::{self, Binaries, Listen, Server};
use tokio_postgres::NoTls;

use crate::{
    arguments::Arguments,
    peers::Peers,
    process::{command, wall},
};

/// The same for everybody. No autovacuum and no checkpoint that one contender meets and another does not.
const SETTINGS: [(&str, &str); 8] = [
    ("shared_buffers", "256MB"),
    ("max_connections", "100"),
    ("autovacuum", "off"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "1h"),
    ("max_parallel_workers_per_gather", "0"),
    ("max_locks_per_transaction", "1024"),
    ("jit", "off"),
];

/// The index migrations that the application began with: V1 to V4.
pub(crate) const STANDARD: [&str; 4] = [
    "V1__content_user_date",
    "V2__content_search",
    "V3__content_topic_hash",
    "V4__user_activity",
];

pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) peers: Peers,
    scratch: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    pub(crate) fn prepare(arguments: &Arguments) -> Self {
        let binaries = match &arguments.server_bin {
            Some(folder) => Binaries::find(Some(folder)),
            None => Binaries::at(Path::new("/usr/lib/postgresql/15/bin"))
                .map_or_else(|| Binaries::find(None), Ok),
        }
        .unwrap_or_else(|error| panic!("{error}"));
        let server =
            Server::start(&binaries, Listen::Loopback, &SETTINGS).expect("the server starts");
        Self {
            peers: Peers::find(&server.binaries().folder),
            server,
            scratch: tempfile::tempdir().expect("a folder"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        }
    }

    /// An empty folder, for files of the bench.
    pub(crate) fn folder(&self, name: &str) -> std::path::PathBuf {
        let folder = self.scratch.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// dbaudit on a database, away from any `dbaudit.toml`.
    pub(crate) fn dbaudit(&self, database: &str, args: &[&str]) -> Command {
        let mut line = command(env!("CARGO_BIN_EXE_dbaudit"));
        line.current_dir(self.folder("empty"))
            .args(["-d", &self.url(database)])
            .args(args);
        line
    }

    /// psql on a database, without the user's own settings.
    pub(crate) fn psql(&self, database: &str, args: &[&str]) -> Result<Command, String> {
        let mut line = command(self.peers.psql.path()?);
        line.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url(database))
            .args(args);
        Ok(line)
    }

    /// Runs statements, each a round trip of its own.
    pub(crate) fn sql(&self, database: &str, statements: &[&str]) {
        self.runtime.block_on(async {
            let client = connect(&self.url(database)).await;
            for statement in statements {
                client
                    .batch_execute(statement)
                    .await
                    .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            }
        });
    }

    /// A number from the server.
    pub(crate) fn number(&self, database: &str, query: &str) -> f64 {
        self.runtime.block_on(async {
            let client = connect(&self.url(database)).await;
            let row = client.query_one(query, &[]).await.expect(query);
            row.get::<_, f64>(0)
        })
    }

    /// The sample application's database with so many rows, vacuumed and analysed, without the indexes.
    /// Made once per run.
    pub(crate) fn sample(&self, rows: u64) -> String {
        let name = format!("sample_{rows}");
        if !self.exists(&name) {
            eprintln!("  making {rows} rows …");
            self.sql("postgres", &[&format!("CREATE DATABASE {name}")]);
            self.runtime.block_on(async {
                let client = connect(&self.url(&name)).await;
                demo::load(&client, rows, demo::SEED, |_| ())
                    .await
                    .expect("the sample loads");
            });
            self.sql(&name, &["VACUUM (ANALYZE)", "CHECKPOINT"]);
        }
        name
    }

    /// A database like another one, which nobody may be using.
    pub(crate) fn copy(&self, of: &str, name: &str) -> String {
        let name = format!("bench_{name}");
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let create = format!("CREATE DATABASE {name} TEMPLATE {of}");
        self.wait_until_unused(of);
        self.sql("postgres", &[&drop, &create]);
        name
    }

    fn exists(&self, database: &str) -> bool {
        let count =
            format!("SELECT count(*)::float8 FROM pg_database WHERE datname = '{database}'");
        self.number("postgres", &count) > 0.0
    }

    fn wait_until_unused(&self, database: &str) {
        let count =
            format!("SELECT count(*)::float8 FROM pg_stat_activity WHERE datname = '{database}'");
        while self.number("postgres", &count) > 0.0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// A folder with these of the repository's migrations.
    pub(crate) fn migrations(&self, names: &[&str]) -> String {
        let folder = self.folder(&format!("migrations_{}", names.join("_").len()));
        for name in names {
            let file = format!("{name}.sql");
            std::fs::write(folder.join(&file), migration(name)).expect("the file can be written");
        }
        folder.to_string_lossy().into_owned()
    }

    /// Nobody pays for the dirty pages of another.
    pub(crate) fn settle(&self) {
        self.sql("postgres", &["CHECKPOINT"]);
    }

    /// Brings a database to where dbaudit has nothing to do.
    pub(crate) fn apply(&self, database: &str) {
        wall(&mut self.dbaudit(database, &["apply-indexes", "--no-progress"]))
            .expect("the indexes are applied");
    }
}

/// A migration's text.
pub(crate) fn migration(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(format!("{name}.sql"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All migrations of the repository, in order.
pub(crate) fn all_migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("migrations")
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".sql")?.to_owned()))
        .collect();
    names.sort();
    names
}

pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client
}
