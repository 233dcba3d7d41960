//! What each command asks of the server, counted: a gate against slowdowns that no clock can blur.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::support::{self, CountingProxy, Counts, PrivateServer, Template, TestDatabase};

/// Runs dbaudit through a counting proxy.
struct Counted {
    database: TestDatabase,
    proxy: CountingProxy,
}

impl Counted {
    async fn new() -> Self {
        let database = support::server().database(Template::Demo);
        let proxy = CountingProxy::to(&database.url).await;
        Self { database, proxy }
    }

    async fn run(&self, args: &[&str]) -> (Counts, Value) {
        let mut line = support::dbaudit(self.database.folder());
        line.args(["-d", &self.proxy.url(&self.database.url)])
            .args(["--format", "json"])
            .args(args);
        self.proxy.take();
        // The proxy works on this thread.
        let output = tokio::task::spawn_blocking(move || line.output().unwrap())
            .await
            .unwrap();
        let counts = self.proxy.take();
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (counts, json)
    }
}

/// Fewer is fine.
fn assert_at_most(counts: Counts, limit: Counts) {
    assert!(
        counts.connections <= limit.connections
            && counts.statements <= limit.statements
            && counts.round_trips <= limit.round_trips,
        "{counts:?} is more than {limit:?}"
    );
}

/// What a command cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    connections: usize,
    statements: usize,
    round_trips: usize,
    /// Of this database, in shared buffers or not.
    blocks: i64,
}

impl Cost {
    /// A build that lasts longer than a tenth of a second is looked at, again and again.
    fn with_looks(self, looks: usize) -> Self {
        Self {
            statements: self.statements + looks,
            round_trips: self.round_trips + looks,
            ..self
        }
    }

    /// The very statements over the very connections: one fewer is to be noted here as well, or the next one more
    /// would go unseen. The catalogs' own layout decides on some blocks; and of many messages sent at once one may arrive
    /// in two parts, which counts as two round trips.
    fn is(self, expected: Self) -> bool {
        self.connections == expected.connections
            && self.statements == expected.statements
            && self.round_trips <= expected.round_trips + expected.round_trips / 20
            && self.blocks <= expected.blocks + expected.blocks / 20
            && self.blocks >= expected.blocks - expected.blocks / 5
    }
}

/// The demo's data on a server on which nothing happens that a test does not do: no autovacuum.
struct Quiet {
    server: PrivateServer,
    proxy: CountingProxy,
    folder: tempfile::TempDir,
}

impl Quiet {
    const DATABASE: &str = "demo";

    async fn new() -> Self {
        let server = PrivateServer::start(
            support::server().major(),
            &["autovacuum=off", "log_statement=all", "log_line_prefix=%p "],
        );
        let admin = support::connect(&server.url("postgres")).await;
        let create = format!("CREATE DATABASE {}", Self::DATABASE);
        admin.batch_execute(&create).await.unwrap();
        let url = server.url(Self::DATABASE);
        let client = support::connect(&url).await;
        dbaudit::demo::load(&client, 5_000, dbaudit::demo::SEED, |_| ())
            .await
            .unwrap();
        client.batch_execute("VACUUM (ANALYZE)").await.unwrap();
        let proxy = CountingProxy::to(&url).await;
        Self {
            server,
            proxy,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs dbaudit to its end, in JSON.
    async fn run(&self, args: &[&str]) -> (Cost, Value) {
        let mut line = support::dbaudit(self.folder.path());
        line.args(["-d", &self.proxy.url(&self.server.url(Self::DATABASE))])
            .args(["--format", "json"])
            .args(args);
        let before = self.blocks().await;
        self.proxy.take();
        // The proxy works on this thread.
        let output = tokio::task::spawn_blocking(move || line.output().unwrap())
            .await
            .unwrap();
        let counts = self.proxy.take();
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let cost = Cost {
            connections: counts.connections,
            statements: counts.statements,
            round_trips: counts.round_trips,
            blocks: self.blocks().await - before,
        };
        (cost, json)
    }

    /// The standard queries with a budget that no machine misses: then all have the same number of samples.
    fn patient_queries(&self) -> String {
        let folder = self.folder.path().join("queries");
        std::fs::create_dir(&folder).unwrap();
        let standard = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
        for entry in std::fs::read_dir(standard).unwrap() {
            let entry = entry.unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let patient = text.replace("budget: 100ms", "budget: 100s");
            assert_ne!(patient, text);
            std::fs::write(folder.join(entry.file_name()), patient).unwrap();
        }
        folder.to_str().unwrap().to_owned()
    }

    /// What the database's sessions have touched, once all have ended: a session hands its counters in at its end.
    async fn blocks(&self) -> i64 {
        let admin = support::connect(&self.server.url("postgres")).await;
        let look =
            "SELECT blks_hit + blks_read, numbackends FROM pg_stat_database WHERE datname = $1";
        loop {
            let row = admin.query_one(look, &[&Self::DATABASE]).await.unwrap();
            if row.get::<_, i32>(1) == 0 {
                return row.get(0);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// How often the builds of a deploy may have been looked at: as the durations in its result allow.
fn looks(result: &Value) -> usize {
    let steps = |migration: &Value| migration["steps"].as_array().cloned().unwrap_or_default();
    let migrations = result["migrations"].as_array().into_iter().flatten();
    migrations
        .flat_map(steps)
        .filter_map(|step| step["duration_ms"].as_f64())
        .map(|ms| (ms / 100.0) as usize)
        .sum()
}

#[tokio::test]
async fn every_command_sends_these_statements_and_touches_so_many_blocks() {
    let quiet = Quiet::new().await;
    let queries = quiet.patient_queries();
    let cost = |connections, statements, round_trips, blocks| Cost {
        connections,
        statements,
        round_trips,
        blocks,
    };
    // In this order, on the demo's data: connections, statements, round trips, blocks.
    let expected: [(&[&str], Cost); 8] = [
        // Nothing is there: one look, how the definitions read, who is at work, and who would hold a build up.
        (&["status"], cost(1, 16, 4, 4_131)),
        (&["apply-indexes", "--dry-run"], cost(1, 16, 4, 4_121)),
        (&["report"], cost(1, 96, 10, 3_853)),
        // Six indexes.
        (&["apply-indexes"], cost(2, 129, 51, 30_114)),
        // Everything is there: one look, in one round trip.
        (&["apply-indexes"], cost(1, 7, 1, 1_921)),
        (&["status"], cost(1, 7, 1, 1_921)),
        (&["report"], cost(1, 99, 10, 4_003)),
        (
            &["time-queries", "--queries", &queries],
            cost(2, 1_817, 1_917, 86_921),
        ),
    ];
    let mut wrong = String::new();
    for (line, expected) in expected {
        let is_it = |(cost, result): &(Cost, Value)| {
            (0..=looks(result)).any(|looks| cost.is(expected.with_looks(looks)))
        };
        let mut ran = quiet.run(line).await;
        // What changes nothing can be run again.
        if !is_it(&ran) && line != ["apply-indexes"] {
            ran = quiet.run(line).await;
        }
        let cost = ran.0;
        if !is_it(&ran) {
            wrong.push_str(&format!("{line:?}: {cost:?}, expected {expected:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn a_report_asks_no_more_of_a_database_with_many_tables() {
    let counted = Counted::new().await;
    let (few, _) = counted.run(&["report"]).await;
    let limit = Counts {
        connections: 1,
        statements: 96,
        round_trips: 10,
    };
    assert_at_most(few, limit);
    let tables: String = (0..300)
        .map(|n| format!("CREATE TABLE t{n} (id serial PRIMARY KEY, a int UNIQUE, b text);"))
        .collect();
    let client = counted.database.client().await;
    client.batch_execute(&tables).await.unwrap();
    client.batch_execute("ANALYZE").await.unwrap();
    let (many, report) = counted.run(&["report"]).await;
    assert_eq!(report["tables"].as_array().unwrap().len(), 303);
    assert_at_most(many, few);
}

#[tokio::test]
async fn each_sample_of_a_timing_costs_one_statement_in_one_round_trip() {
    let counted = Counted::new().await;
    let timed = async |samples: &str| {
        let line = ["time-queries", "--only", "topic_duplicates"];
        let line = [&line[..], &["--max-samples", samples]].concat();
        let (counts, json) = counted.run(&line).await;
        let cases = json["queries"][0]["cases"].as_array().unwrap();
        let samples: u64 = cases.iter().map(|c| c["samples"].as_u64().unwrap()).sum();
        (counts, samples as usize)
    };
    let (few, few_samples) = timed("10").await;
    let (more, more_samples) = timed("30").await;
    assert!(more_samples > few_samples);
    let samples = more_samples - few_samples;
    // Cases that differ in nothing but their label share their samples.
    let statements = more.statements - few.statements;
    assert!(
        (1..=samples).contains(&statements),
        "{statements} for {samples}"
    );
    assert_eq!(more.round_trips - few.round_trips, statements);
    // The second one looks for a pooler.
    assert_eq!((few.connections, more.connections), (2, 2));
}
