//! Databases full of what others made: implicit casts, and operators and functions by the names of the server's own in
//! the schema of the application. None of them may come into dbaudit's questions: as in a database without them, no
//! command fails and the server's log has no other error.

use std::{collections::BTreeSet, path::Path};

use crate::support::{self, PrivateServer};

/// What others made. None may be executed by the role that dbaudit connects as, so that one is seen before a row is.
const CROWD: [&str; 3] = [
    include_str!("crowded/functions.sql"),
    include_str!("crowded/operators.sql"),
    include_str!("crowded/casts.sql"),
];

const MIGRATIONS: [(&str, &str); 5] = [
    (
        "V1__orders",
        "CREATE INDEX CONCURRENTLY idx_orders ON orders (customer_id, (lower(state)) text_pattern_ops) WHERE total > 5; \
         COMMENT ON INDEX idx_orders IS 'by customer';",
    ),
    (
        "V2__events",
        "CREATE UNIQUE INDEX CONCURRENTLY idx_events ON events (id, at) INCLUDE (kind);",
    ),
    ("V3__gone", "DROP INDEX CONCURRENTLY old_index;"),
    ("V4__again", "REINDEX INDEX CONCURRENTLY bloated_index;"),
    (
        "V5__tags",
        "CREATE INDEX CONCURRENTLY idx_tags ON orders USING gin (tags) WITH (fastupdate = off);",
    ),
];

const QUERIES: [(&str, &str); 3] = [
    (
        "by_customer",
        "-- name: by_customer\n-- budget: 10s\n-- param $1: column orders.customer_id\n\
         SELECT o.id, o.total FROM orders o WHERE o.customer_id = $1",
    ),
    (
        "events",
        "-- name: events\n-- budget: 10s\nSELECT e.kind FROM events e WHERE e.id = $1",
    ),
    (
        "state",
        "-- name: state\n-- budget: 10s\nSELECT o.id FROM orders o WHERE o.state = $1 ORDER BY o.id LIMIT 3",
    ),
];

/// What is run, in this order, and the lock on orders that somebody holds meanwhile.
const COMMANDS: [(&str, &str); 17] = [
    ("", "report --fail-on never --exact-bloat"),
    ("", "status"),
    ("", "apply-indexes --dry-run"),
    ("ROW EXCLUSIVE", "apply-indexes --deadline 4s"),
    (
        "ACCESS EXCLUSIVE",
        "apply-indexes --deadline 4s --lock-timeout 300ms",
    ),
    ("", "apply-indexes"),
    ("", "apply-indexes"),
    ("", "time-queries --plans-only"),
    (
        "",
        "time-queries --ab-without-index idx_orders --disposable --max-samples 5 --allow-inconclusive",
    ),
    (
        "",
        "time-queries --from-statements 5 --max-samples 5 --allow-inconclusive",
    ),
    ("", "advise --max-time 5s"),
    ("", "advise --from-statements --plans-only --max-time 5s"),
    ("", "advise --without idx_orders --disposable"),
    ("", "advise --prove --disposable --max-time 5s"),
    ("", "snapshot --statements --output snapshot.json"),
    ("", "init"),
    ("", "report --fail-on never"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_comes_into_no_question() {
    hold(support::servers().last().unwrap().major()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: every version"]
async fn what_others_made_comes_into_no_question_of_any_version() {
    for server in support::servers() {
        hold(server.major()).await;
    }
}

async fn hold(major: u32) {
    let settings = [
        "logging_collector=on",
        "log_filename=log",
        "log_line_prefix=<%d>",
    ];
    let server = PrivateServer::start(major, &settings);
    let admin = support::connect(&server.url("postgres")).await;
    admin
        .batch_execute("CREATE ROLE app LOGIN; GRANT pg_monitor TO app")
        .await
        .unwrap();
    let plain = run_all(&server, "plain", &[]).await;
    let crowded = run_all(&server, "crowded", &CROWD).await;
    let others: Vec<_> = crowded.errors.difference(&plain.errors).collect();
    assert!(others.is_empty(), "PostgreSQL {major}: {others:?}");
    assert_eq!(crowded.statuses, plain.statuses, "PostgreSQL {major}");
}

/// What came of the commands in one database.
struct Ended {
    statuses: Vec<(&'static str, Option<i32>)>,
    /// In the server's log, figures left out. What time limits cancel is another statement each time.
    errors: BTreeSet<String>,
}

async fn run_all(server: &PrivateServer, database: &str, crowd: &[&str]) -> Ended {
    let admin = support::connect(&server.url("postgres")).await;
    let create = format!("CREATE DATABASE {database} OWNER app");
    admin.batch_execute(&create).await.unwrap();
    let own = support::connect(&server.url(database)).await;
    // Where the server has it.
    let _ = own
        .batch_execute("CREATE EXTENSION pg_stat_statements")
        .await;
    for made in [include_str!("crowded/schema.sql")].iter().chain(crowd) {
        own.batch_execute(made).await.unwrap();
    }
    drop(own);
    drop(admin);
    let url = server.url(database).replacen("postgres@", "app@", 1);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let mut statuses = Vec::new();
    for (lock, command) in COMMANDS {
        // Alone, where no lock is to be held: an experiment wants that.
        let mut holder = None;
        if !lock.is_empty() {
            let session = support::connect(&server.url(database)).await;
            let lock = format!("BEGIN; LOCK TABLE orders IN {lock} MODE");
            session.batch_execute(&lock).await.unwrap();
            holder = Some(session);
        }
        let output = support::dbaudit(folder.path())
            .args(["-d", &url, "--format", "json"])
            .args(command.split(' '))
            .output()
            .unwrap();
        drop(holder);
        let status = output.status.code();
        let told = String::from_utf8_lossy(&output.stderr);
        eprintln!("{database} {command}: {status:?} {told}");
        statuses.push((command, status));
    }
    let log = std::fs::read_to_string(server.data_dir.join("log/log")).unwrap();
    let errors = log
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("<{database}>ERROR:  ")))
        .filter(|line| !line.starts_with("canceling statement"))
        .map(|line| line.replace(|c: char| c.is_ascii_digit(), ""))
        .collect();
    Ended { statuses, errors }
}

fn write(folder: &Path) {
    for (kind, files) in [("migrations", &MIGRATIONS[..]), ("queries", &QUERIES[..])] {
        let folder = folder.join(kind);
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
        }
    }
}
