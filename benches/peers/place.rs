//! Where everything is measured: a server of our own, its databases, and an empty folder to run in.

use std::{path::Path, process::Command};

use dbaudit::demo::{self, Binaries, Server};
use tokio_postgres::{Client, NoTls};

use crate::{
    arguments::Arguments,
    cluster::{self, Cluster},
    peers::Peers,
    process::{command, wall},
};

/// The index migrations that the application began with: V1 to V4.
pub(crate) const STANDARD: [&str; 4] = [
    "V1__content_user_date",
    "V2__content_search",
    "V3__content_topic_hash",
    "V4__user_activity",
];

/// Rows of the sample that every run makes anew, and that tells whether the kept ones are of the same making.
pub(crate) const SMALL: u64 = 5_000;

pub(crate) struct Place {
    cluster: Cluster,
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
        let peers = Peers::find(&binaries.folder, &arguments.cache, arguments.install);
        let place = Self {
            peers,
            cluster: Cluster::start(&binaries, &arguments.cache),
            scratch: tempfile::tempdir().expect("a folder"),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
        };
        place.drop_left_overs();
        place
    }

    pub(crate) fn server(&self) -> &Server {
        &self.cluster.server
    }

    /// Does something, and tells how many milliseconds of a processor the server's sessions took for it.
    pub(crate) fn server_cpu<T>(&self, work: impl FnOnce() -> T) -> (T, Option<f64>) {
        cluster::cpu_of_sessions(self.server(), work)
    }

    /// Of a run that was killed; and the small sample, which every run makes anew.
    fn drop_left_overs(&self) {
        let left = self.texts(
            "postgres",
            &format!(
                "SELECT datname::text FROM pg_database WHERE datname ~ '^bench_' OR datname = 'sample_{SMALL}'"
            ),
        );
        for database in left {
            self.sql(
                "postgres",
                &[&format!("DROP DATABASE {database} WITH (FORCE)")],
            );
        }
    }

    /// An empty folder, for files of the bench.
    pub(crate) fn folder(&self, name: &str) -> std::path::PathBuf {
        let folder = self.scratch.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.server().url(database)
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

    /// Does something over a connection that is closed when this returns.
    pub(crate) fn over<T>(&self, database: &str, work: impl AsyncFnOnce(&Client) -> T) -> T {
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls)
                .await
                .expect("a connection");
            let connection = tokio::spawn(connection);
            let done = work(&client).await;
            drop(client);
            let _ = connection.await;
            done
        })
    }

    /// Runs statements, each a round trip of its own.
    pub(crate) fn sql(&self, database: &str, statements: &[&str]) {
        self.over(database, async |client| {
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
        self.over(database, async |client| {
            let row = client.query_one(query, &[]).await.expect(query);
            row.get::<_, f64>(0)
        })
    }

    /// Texts from the server.
    pub(crate) fn texts(&self, database: &str, query: &str) -> Vec<String> {
        self.over(database, async |client| {
            let rows = client.query(query, &[]).await.expect(query);
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// The sample application's database with so many rows, vacuumed and analysed, without the indexes.
    /// Kept from run to run, as long as the sample is still made in the same way.
    pub(crate) fn sample(&self, rows: u64) -> String {
        let stamp = (rows != SMALL).then(|| self.rows_of(&self.sample(SMALL)));
        let name = self.kept(&format!("sample_{rows}"), stamp.as_deref(), |name| {
            self.over(name, async |client| {
                demo::load(client, rows, demo::SEED, |_| ())
                    .await
                    .expect("the sample loads");
            });
        });
        // A run that was killed may have left some.
        self.undo(&name);
        name
    }

    /// A database that `fill` fills, unless one of this name and stamp is there.
    pub(crate) fn kept(&self, name: &str, stamp: Option<&str>, fill: impl FnOnce(&str)) -> String {
        let stamp = stamp.unwrap_or("complete");
        let found = format!(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database
             WHERE datname = '{name}' AND shobj_description(oid, 'pg_database') IS NOT NULL"
        );
        if self.texts("postgres", &found) != [stamp] {
            eprintln!("  making {name} …");
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let create = format!("CREATE DATABASE {name}");
            self.sql("postgres", &[&drop, &create]);
            fill(name);
            let comment = format!("COMMENT ON DATABASE {name} IS '{stamp}'");
            self.vacuum(name);
            self.sql(name, &["CHECKPOINT", &comment]);
        }
        name.to_owned()
    }

    /// Until all pages are all-visible, without which the planner expects nothing of an index alone. The rows of a commit
    /// that is not flushed yet are not: synchronous_commit is off.
    fn vacuum(&self, database: &str) {
        for _ in 0..50 {
            self.sql(database, &["VACUUM (ANALYZE)"]);
            let left = "SELECT count(*)::text FROM pg_class WHERE relkind = 'r' AND relallvisible < relpages
                        AND relnamespace = 'public'::regnamespace";
            if self.texts(database, left) == ["0"] {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        panic!("{database}: VACUUM leaves pages that are not all-visible");
    }

    /// A fingerprint of a sample's schema and rows.
    fn rows_of(&self, database: &str) -> String {
        let query = "SELECT md5(
            (SELECT string_agg(c::text, '|' ORDER BY c.id) FROM content c)
            || (SELECT string_agg(m::text, '|' ORDER BY m.id) FROM content_metadata m)
            || (SELECT string_agg(u::text, '|' ORDER BY u.id) FROM users u)
            || (SELECT string_agg(indexdef, '|' ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public'))";
        self.texts(database, query).remove(0)
    }

    /// A database like another one, which nobody may be using.
    pub(crate) fn copy(&self, of: &str, name: &str) -> String {
        let name = format!("bench_{name}");
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // By the blocks through the log, a large copy takes minutes; before 15 there is no other way than by the file.
        let by_file = if self.server().binaries().major >= 15 {
            "STRATEGY file_copy"
        } else {
            ""
        };
        let create = format!("CREATE DATABASE {name} TEMPLATE {of} {by_file}");
        self.wait_until_unused(of);
        self.sql("postgres", &[&drop, &create]);
        name
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
        let folder = self.folder(&names.join("_").replace("__", "-"));
        for name in names {
            let file = format!("{name}.sql");
            std::fs::write(folder.join(&file), migration(name)).expect("the file can be written");
        }
        folder.to_string_lossy().into_owned()
    }

    /// Back to no index of the repository's, for the next contender.
    pub(crate) fn undo(&self, database: &str) {
        let drops: Vec<String> = all_migrations()
            .iter()
            .flat_map(|name| indexes_of(&migration(name)))
            .map(|index| format!("DROP INDEX IF EXISTS {index}"))
            .chain(["DROP TABLE IF EXISTS dbaudit_index_history".into()])
            .collect();
        let drops: Vec<&str> = drops.iter().map(String::as_str).collect();
        self.sql(database, &drops);
    }

    /// Nobody pays for the dirty pages of another.
    pub(crate) fn settle(&self) {
        self.sql("postgres", &["CHECKPOINT"]);
    }

    /// Nobody starts while the server still ends the session of another.
    pub(crate) fn wait_until_alone(&self) {
        self.server().pid().and_then(cluster::wait_until_alone);
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

/// The names that a migration's statements give.
fn indexes_of(text: &str) -> Vec<String> {
    text.split("INDEX CONCURRENTLY ")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// 3,000,000.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("a connection");
    tokio::spawn(connection);
    client
}
