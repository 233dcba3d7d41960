//! Tables under a steady write load, dbaudit at work on them, a build that can be held open in each of its phases,
//! and the proof that everything ended well.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_postgres::Client;

/// Longer than anything takes on a slow machine; only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

/// `held(kind)` is `kind`, but where a test holds the advisory lock of that number it waits. So a build of an index
/// on it can be stopped in the middle: at a row that is there from the start, or one that only the validation finds.
const SCHEMA: &str = "
    CREATE FUNCTION held(kind int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF kind > 0 THEN
            PERFORM pg_advisory_xact_lock_shared(kind);
        END IF;
        RETURN kind;
    END $$;
    CREATE TABLE things (id bigint PRIMARY KEY, kind int NOT NULL, note text NOT NULL)/* partitions */;
    INSERT INTO things SELECT n, 0, 'thing ' || n FROM generate_series(1, 400) AS n;
    INSERT INTO things VALUES (1001, 1, 'the build stops here');
    CREATE TABLE others (id bigint PRIMARY KEY, note text NOT NULL);
    INSERT INTO others SELECT n, 'other ' || n FROM generate_series(1, 100) AS n;
    CREATE EXTENSION IF NOT EXISTS amcheck";

/// The load writes into a part of a part, the blockers into the first; who comes later, into the default one.
const PARTITIONS: &str = " PARTITION BY RANGE (id);
    CREATE TABLE things_low PARTITION OF things FOR VALUES FROM (0) TO (1000000);
    CREATE TABLE things_high PARTITION OF things FOR VALUES FROM (1000000) TO (4000000) PARTITION BY RANGE (id);
    CREATE TABLE things_high_a PARTITION OF things_high FOR VALUES FROM (1000000) TO (1000500);
    CREATE TABLE things_high_b PARTITION OF things_high DEFAULT;
    CREATE TABLE things_rest PARTITION OF things DEFAULT";

/// What the indexes are built on, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Plain tables, one index after the other.
    Plain,
    /// The same, with an index that is unique.
    Unique,
    /// The first table is partitioned, on two levels.
    Tree,
    /// Another index has the name, and is replaced.
    Replace,
    /// Both tables at once.
    Jobs,
    /// Two indexes are dropped besides.
    Drop,
}

impl Shape {
    #[allow(dead_code, reason = "the matrix takes them one by one, chaos draws")]
    pub const ALL: [Shape; 6] = [
        Shape::Plain,
        Shape::Unique,
        Shape::Tree,
        Shape::Replace,
        Shape::Jobs,
        Shape::Drop,
    ];

    fn schema(self) -> String {
        let partitions = if self == Shape::Tree { PARTITIONS } else { "" };
        SCHEMA.replace("/* partitions */", partitions)
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Shape::Replace => &["--replace"],
            Shape::Jobs => &["--jobs", "2"],
            Shape::Plain | Shape::Unique | Shape::Tree | Shape::Drop => &[],
        }
    }

    /// Each index's statement, name and definition as the server prints it.
    fn indexes(self) -> [[String; 4]; 3] {
        INDEXES.map(|[file, statement, name, definition]| {
            let (mut statement, mut definition) = (statement.to_owned(), definition.to_owned());
            if self == Shape::Unique && name == HELD {
                statement = statement.replace("CREATE INDEX", "CREATE UNIQUE INDEX");
                definition = definition.replace("CREATE INDEX", "CREATE UNIQUE INDEX");
            }
            if self == Shape::Tree {
                definition = definition.replace("ON public.things ", "ON ONLY public.things ");
            }
            [file.to_owned(), statement, name.to_owned(), definition]
        })
    }
}

/// File, statement, the index's name and its definition as the server prints it.
const INDEXES: [[&str; 4]; 3] = [
    [
        "V1__held.sql",
        "CREATE INDEX CONCURRENTLY things_held ON things (held(kind), id DESC)",
        "things_held",
        "CREATE INDEX things_held ON public.things USING btree (held(kind), id DESC)",
    ],
    [
        "V2__note.sql",
        "CREATE UNIQUE INDEX CONCURRENTLY things_note ON things (note, id) WHERE kind < 9",
        "things_note",
        "CREATE UNIQUE INDEX things_note ON public.things USING btree (note, id) WHERE (kind < 9)",
    ],
    [
        "V3__other.sql",
        "CREATE INDEX CONCURRENTLY others_note ON others (lower(note))",
        "others_note",
        "CREATE INDEX others_note ON public.others USING btree (lower(note))",
    ],
];

/// The index whose build is held open.
pub const HELD: &str = "things_held";

/// The kinds whose rows a test can stop a build at.
const STOPS_BUILD: i64 = 1;
const STOPS_VALIDATION: i64 = 2;

/// Where a build of [`HELD`] can be held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Another session holds SHARE on the table.
    TableLock,
    /// A writer is open since before the build.
    WritersBeforeBuild,
    /// The index's expression waits.
    Building,
    /// A writer is open since the build.
    WritersBeforeValidation,
    /// The expression waits at a row that was committed during the build.
    Validating,
    /// A snapshot is older than the validation's.
    OldSnapshots,
}

impl Phase {
    pub const ALL: [Phase; 6] = [
        Phase::TableLock,
        Phase::WritersBeforeBuild,
        Phase::Building,
        Phase::WritersBeforeValidation,
        Phase::Validating,
        Phase::OldSnapshots,
    ];
}

/// A build that the server is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub pid: i32,
    began: String,
    phase: Option<String>,
    waits_for: Option<String>,
}

impl Build {
    /// Where it is, in words.
    pub fn moment(&self) -> String {
        match (&self.phase, &self.waits_for) {
            (Some(phase), _) if phase != "initializing" => phase.clone(),
            (_, Some(lock)) => format!("waiting for a lock ({lock})"),
            _ => "beginning".to_owned(),
        }
    }

    fn is_in(&self, phase: Phase) -> bool {
        let at = |phase: &str| {
            self.phase
                .as_deref()
                .is_some_and(|now| now.starts_with(phase))
        };
        match phase {
            Phase::TableLock => self.waits_for.as_deref() == Some("relation"),
            Phase::WritersBeforeBuild => at("waiting for writers before build"),
            Phase::Building => {
                at("building index") && self.waits_for.as_deref() == Some("advisory")
            }
            Phase::WritersBeforeValidation => at("waiting for writers before validation"),
            Phase::Validating => {
                at("index validation") && self.waits_for.as_deref() == Some("advisory")
            }
            Phase::OldSnapshots => at("waiting for old snapshots"),
        }
    }
}

/// What holds a build open. Released when told, or when its connections end.
pub struct Blocker {
    pub sessions: Vec<Client>,
}

impl Blocker {
    /// Commits what is open and lets go of the advisory locks. A session that is gone has let go already.
    pub async fn release(self) {
        for session in &self.sessions {
            let _ = session
                .batch_execute("COMMIT; SELECT pg_advisory_unlock_all()")
                .await;
        }
    }
}

/// One database with its load.
pub struct Scene {
    pub url: String,
    pub admin: Client,
    folder: tempfile::TempDir,
    load: Option<Load>,
    shape: Shape,
    /// The migrations' files that are to be recorded.
    files: Vec<String>,
}

impl Scene {
    /// Makes the tables and starts the load.
    pub async fn set(url: &str) -> Self {
        Self::of(Shape::Plain, url).await
    }

    /// The same in one of the shapes.
    pub async fn of(shape: Shape, url: &str) -> Self {
        let admin = connect(url).await.expect("a connection");
        let schema = shape.schema();
        admin.batch_execute(&schema).await.expect("the schema");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("migrations")).expect("a folder");
        let mut scene = Self {
            url: url.to_owned(),
            admin,
            folder,
            load: Some(Load::start(url)),
            shape,
            files: Vec::new(),
        };
        for [file, statement, ..] in shape.indexes() {
            scene.migration(&file, &statement);
        }
        if shape == Shape::Replace {
            scene.put_another().await;
        }
        if shape == Shape::Drop {
            let old =
                "CREATE INDEX things_old ON things (note); CREATE INDEX others_old ON others (id)";
            scene.admin.batch_execute(old).await.expect("old indexes");
            scene.migration(
                "V4__gone.sql",
                "DROP INDEX CONCURRENTLY things_old; DROP INDEX CONCURRENTLY others_old",
            );
        }
        scene
    }

    /// Adds a migration.
    pub fn migration(&mut self, file: &str, statement: &str) {
        let folder = self.folder.path().join("migrations");
        std::fs::write(folder.join(file), statement).expect("a migration");
        self.files.push(file.to_owned());
    }

    /// Puts another index in the place of the first.
    pub async fn put_another(&self) {
        self.admin
            .batch_execute(
                "DROP INDEX IF EXISTS things_held; CREATE INDEX things_held ON things (kind)",
            )
            .await
            .expect("another index of that name");
    }

    /// A session of somebody else.
    pub async fn client(&self) -> Client {
        connect(&self.url).await.expect("a connection")
    }

    /// The admin's connection again, after a restart.
    pub async fn reconnect(&mut self) {
        self.admin = self.client().await;
    }

    /// Begins a deploy, over the given URL.
    pub fn begin(&self, url: &str, arguments: &[&str]) -> Deploy {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let log = self
            .folder
            .path()
            .join(format!("log-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let out = log.with_extension("out");
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dbaudit"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PG") || text.starts_with("DBAUDIT_") || text == "DATABASE_URL" {
                command.env_remove(&name);
            }
        }
        let child = command
            .args(["apply-indexes", "-v", "--format", "json", "-d", url])
            .arg("--migrations")
            .arg(self.folder.path().join("migrations"))
            .args(self.shape.arguments())
            .args(arguments)
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out).expect("a file"))
            .stderr(std::fs::File::create(&log).expect("a file"))
            .kill_on_drop(true)
            .spawn()
            .expect("dbaudit starts");
        Deploy { child, log, out }
    }

    /// A deploy from beginning to end.
    pub async fn deploy(&self, arguments: &[&str]) -> Ended {
        self.begin(&self.url, arguments).ended().await
    }

    /// A blocker that will hold the next build of [`HELD`] open at `phase`, as far as it can be made beforehand.
    pub async fn prepare(&self, phase: Phase) -> Blocker {
        let session = self.client().await;
        let hold = match phase {
            Phase::TableLock => "BEGIN; LOCK TABLE things IN SHARE MODE".to_owned(),
            Phase::WritersBeforeBuild => {
                format!("BEGIN; {}", insert(2001, 0))
            }
            Phase::Building | Phase::WritersBeforeValidation | Phase::OldSnapshots => {
                format!("SELECT pg_advisory_lock({STOPS_BUILD})")
            }
            Phase::Validating => format!(
                "SELECT pg_advisory_lock({STOPS_BUILD}), pg_advisory_lock({STOPS_VALIDATION})"
            ),
        };
        session.batch_execute(&hold).await.expect("the blocker");
        Blocker {
            sessions: vec![session],
        }
    }

    /// Begins a deploy over `url` and holds it open at `phase`.
    pub async fn hold(
        &self,
        phase: Phase,
        url: &str,
        arguments: &[&str],
    ) -> (Deploy, Blocker, Build) {
        let mut blocker = self.prepare(phase).await;
        let mut deploy = self.begin(url, arguments);
        let build = self.hold_begun(phase, &mut blocker, &mut deploy).await;
        (deploy, blocker, build)
    }

    async fn hold_begun(&self, phase: Phase, blocker: &mut Blocker, deploy: &mut Deploy) -> Build {
        let let_build_go_on = format!("SELECT pg_advisory_unlock({STOPS_BUILD})");
        let later = match phase {
            Phase::TableLock | Phase::WritersBeforeBuild | Phase::Building => None,
            Phase::WritersBeforeValidation => Some(format!("BEGIN; {}", insert(2002, 0))),
            Phase::Validating => Some(insert(2003, STOPS_VALIDATION)),
            Phase::OldSnapshots => {
                Some("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1".to_owned())
            }
        };
        if let Some(later) = later {
            self.until_in(Phase::Building, deploy).await;
            let second = self.client().await;
            second.batch_execute(&later).await.expect("the blocker");
            blocker.sessions[0]
                .batch_execute(&let_build_go_on)
                .await
                .expect("the build goes on");
            blocker.sessions.push(second);
        }
        self.until_in(phase, deploy).await
    }

    async fn until_in(&self, phase: Phase, deploy: &mut Deploy) -> Build {
        let began = Instant::now();
        loop {
            let build = self.build().await;
            if let Some(build) = &build
                && build.is_in(phase)
            {
                return build.clone();
            }
            assert!(
                began.elapsed() < PATIENCE && deploy.child.try_wait().expect("a child").is_none(),
                "not in {phase:?}: {build:?}\n{}",
                deploy.said()
            );
            tick().await;
        }
    }

    /// The build of [`HELD`] that the server is at.
    pub async fn build(&self) -> Option<Build> {
        let row = self
            .admin
            .query_opt(
                "SELECT a.pid, a.query_start::text, g.phase, l.locktype FROM pg_stat_activity a
                 LEFT JOIN pg_stat_progress_create_index g USING (pid)
                 LEFT JOIN LATERAL (SELECT locktype FROM pg_locks
                                    WHERE pid = a.pid AND NOT granted LIMIT 1) l ON true
                 WHERE a.datname = current_database() AND a.state = 'active' AND a.pid <> pg_backend_pid()
                   AND a.query ~ '^(CREATE (UNIQUE )?INDEX|REINDEX INDEX) CONCURRENTLY.*things_held'
                 ORDER BY a.query_start LIMIT 1",
                &[],
            )
            .await
            .expect("the builds")?;
        Some(Build {
            pid: row.get(0),
            began: row.get(1),
            phase: row.get(2),
            waits_for: row.get(3),
        })
    }

    /// Waits until that very statement has ended.
    pub async fn until_ended(&self, build: &Build) {
        until("the statement ends", async || {
            self.admin
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE pid = $1 AND state = 'active' AND query_start::text = $2",
                    &[&build.pid, &build.began],
                )
                .await
                .expect("the sessions")
                .get::<_, i64>(0)
                == 0
        })
        .await;
    }

    /// The OID of an index of that name.
    pub async fn oid(&self, index: &str) -> Option<u32> {
        self.admin
            .query_one("SELECT to_regclass($1)::oid", &[&index])
            .await
            .expect("the index")
            .get(0)
    }

    /// The names of the indexes that are not valid, and hold rows: that of a partitioned table is not valid before all
    /// its parts are there.
    pub async fn invalid(&self) -> Vec<String> {
        self.admin
            .query(
                "SELECT indexrelid::regclass::text FROM pg_index
                 WHERE NOT (indisvalid AND indisready AND indislive)
                   AND (SELECT relkind FROM pg_class WHERE oid = indexrelid) = 'i'",
                &[],
            )
            .await
            .expect("the indexes")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }

    /// The proof: every index valid, as written and complete, nothing else left over, no row lost, all recorded.
    pub async fn assert_converged(&mut self) {
        self.assert_indexes().await;
        if let Some(load) = self.load.take() {
            let written = load.stop().await;
            let lost = self.lost(&written).await;
            assert!(lost.is_empty(), "rows were lost: {lost:?}");
            assert!(!written.is_empty(), "the load wrote nothing");
        }
        // Every row of the table, or of the partition, is in the index, and nothing else.
        self.admin
            .batch_execute(
                "SELECT bt_index_parent_check(i.indexrelid, heapallindexed => true)
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
                 JOIN pg_class t ON t.oid = i.indrelid AND t.relname ~ '^(things|others)'",
            )
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        self.assert_both_ways_agree().await;
        let recorded: Vec<String> = self
            .admin
            .query(
                "SELECT 'V' || version || '__' || name || '.sql' FROM dbaudit_index_history ORDER BY version",
                &[],
            )
            .await
            .expect("the history")
            .iter()
            .map(|row| row.get(0))
            .collect();
        assert_eq!(recorded, self.files);
    }

    async fn assert_indexes(&self) {
        let found: Vec<(String, String, bool)> = self
            .admin
            .query(
                "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid),
                        indisvalid AND indisready AND indislive
                 FROM pg_index WHERE indrelid IN ('things'::regclass, 'others'::regclass)
                   AND NOT indisprimary ORDER BY 1",
                &[],
            )
            .await
            .expect("the indexes")
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect();
        let mut wanted: Vec<_> = self
            .shape
            .indexes()
            .map(|[_, _, name, definition]| (name, definition, true))
            .into();
        wanted.sort();
        assert_eq!(found, wanted);
        // Every partition has its part of each, attached, and nothing else.
        let parts = self
            .admin
            .query(
                "SELECT t.relid::regclass::text,
                        (SELECT count(*) FROM pg_index i JOIN pg_inherits h ON h.inhrelid = i.indexrelid
                         WHERE i.indrelid = t.relid AND i.indisvalid AND NOT i.indisprimary),
                        (SELECT count(*) FROM pg_index i WHERE i.indrelid = t.relid AND NOT i.indisprimary)
                 FROM pg_partition_tree('things') t WHERE t.level > 0",
                &[],
            )
            .await
            .expect("the partitions");
        assert_eq!(parts.len(), if self.shape == Shape::Tree { 5 } else { 0 });
        for part in parts {
            let (name, attached, all): (String, i64, i64) = (part.get(0), part.get(1), part.get(2));
            assert_eq!((attached, all), (2, 2), "{name}");
        }
    }

    /// The same count with the index and without.
    async fn assert_both_ways_agree(&self) {
        let count = async |off: &str| {
            self.admin
                .batch_execute(&format!(
                    "SET enable_seqscan = on; SET enable_indexscan = on; SET enable_indexonlyscan = on;
                     SET enable_bitmapscan = on; {off}"
                ))
                .await
                .expect("settings");
            let query =
                "SELECT count(*), coalesce(sum(id), 0)::text FROM things WHERE held(kind) >= 0";
            let plan: String = self
                .admin
                .query(&format!("EXPLAIN {query}"), &[])
                .await
                .expect("a plan")
                .iter()
                .map(|row| row.get::<_, String>(0))
                .collect();
            let row = self.admin.query_one(query, &[]).await.expect("a count");
            (
                (row.get::<_, i64>(0), row.get::<_, String>(1)),
                plan.contains(HELD),
            )
        };
        let (by_index, used) = count("SET enable_seqscan = off").await;
        assert!(used, "the index is not used");
        let (by_table, used) = count(
            "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off",
        )
        .await;
        assert!(!used, "the index is used");
        assert_eq!(by_index, by_table);
    }

    /// Ends the load early, for a server that will take no more writes.
    pub async fn stop_load(&mut self) {
        if let Some(load) = self.load.take() {
            load.stop().await;
        }
    }

    async fn lost(&self, written: &BTreeSet<i64>) -> Vec<i64> {
        let there: BTreeSet<i64> = self
            .admin
            .query("SELECT id FROM things", &[])
            .await
            .expect("the rows")
            .iter()
            .map(|row| row.get(0))
            .collect();
        written.difference(&there).copied().collect()
    }

    /// Nobody holds an advisory lock, and no session of dbaudit is left.
    pub async fn assert_nobody_is_left(&self) {
        until("dbaudit's sessions end", async || {
            self.admin
                .query_one(
                    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                             AND application_name LIKE 'dbaudit%')
                          + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                             (SELECT oid FROM pg_database WHERE datname = current_database()))",
                    &[],
                )
                .await
                .expect("the sessions")
                .get::<_, i64>(0)
                == 0
        })
        .await;
    }
}

fn insert(id: i64, kind: i64) -> String {
    format!("INSERT INTO things VALUES ({id}, {kind}, 'held') ON CONFLICT DO NOTHING")
}

/// A run of `dbaudit apply-indexes`.
pub struct Deploy {
    pub child: tokio::process::Child,
    log: PathBuf,
    out: PathBuf,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// `None`: by a signal.
    pub status: Option<i32>,
    pub out: String,
    pub log: String,
}

impl Deploy {
    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has said something.
    pub async fn until_said(&mut self, text: &str) {
        let began = Instant::now();
        while !self.said().contains(text) {
            assert!(
                began.elapsed() < PATIENCE && self.child.try_wait().expect("a child").is_none(),
                "{text:?} was not said:\n{}",
                self.said()
            );
            tick().await;
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = self.child.id().expect("it runs");
        let pid = nix::unistd::Pid::from_raw(pid.try_into().expect("a process"));
        nix::sys::signal::kill(pid, signal).expect("the signal is sent");
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        let Ok(status) = tokio::time::timeout(PATIENCE * 2, self.child.wait()).await else {
            panic!("dbaudit hangs:\n{}", self.said());
        };
        Ended {
            status: status.expect("its status").code(),
            out: std::fs::read_to_string(&self.out).unwrap_or_default(),
            log: self.said(),
        }
    }
}

impl Ended {
    /// Everything it said.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.log)
    }

    pub fn assert_status(&self, wanted: i32) {
        assert_eq!(self.status, Some(wanted), "{}", self.all());
    }
}

/// Inserts rows, one after the other, and remembers which were acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<BTreeSet<i64>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Load {
    fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(Mutex::new(BTreeSet::new()));
        let task = tokio::spawn(write(
            url.to_owned(),
            Arc::clone(&stop),
            Arc::clone(&written),
        ));
        Self {
            stop,
            written,
            task,
        }
    }

    async fn stop(self) -> BTreeSet<i64> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the load ends");
        std::mem::take(&mut self.written.lock().expect("no panic"))
    }
}

async fn write(url: String, stop: Arc<AtomicBool>, written: Arc<Mutex<BTreeSet<i64>>>) {
    let mut ids = 1_000_000_i64..;
    while !stop.load(Ordering::Relaxed) {
        let Ok(client) = connect(&url).await else {
            // The server is being restarted.
            tick().await;
            continue;
        };
        for id in ids.by_ref() {
            let insert = "INSERT INTO things VALUES ($1::int8, 0, 'load ' || $1::int8)";
            match client.execute(insert, &[&id]).await {
                Ok(_) => written.lock().expect("no panic").insert(id),
                Err(_) => break,
            };
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // A steady rate, not a race for the CPU.
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    }
}

/// A connection, if there is one to be had.
pub async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Polls until a condition holds.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "not reached: {what}");
        tick().await;
    }
}

/// Between two looks at a condition.
pub async fn tick() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}
