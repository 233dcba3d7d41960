//! `advise` against real servers. Needs hypopg, which Debian has as postgresql-15-hypopg.

mod interrupted;
mod kinds;
mod limits;
mod page;
mod planted;
mod sizes;
mod standard;
mod statements;
mod statistics;
mod workloads;
mod writes;

use serde_json::Value;

use crate::support::{self, Template, TestDatabase, TestServer};

/// The server with hypopg.
pub(super) fn server() -> &'static TestServer {
    support::server_of(15).expect("PostgreSQL 15 is on this machine")
}

/// A database with what `setup` makes, hypopg in it.
pub(super) async fn database(setup: &str) -> TestDatabase {
    let database = server().database(Template::Empty);
    let client = database.client().await;
    with_hypopg(&client).await;
    client.batch_execute(setup).await.expect(setup);
    // Index-only scans need to know which blocks are visible to all; a worker of the server's own that looks at
    // a table at that moment keeps them from being marked.
    loop {
        client.batch_execute("VACUUM ANALYZE").await.unwrap();
        let unseen = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                       AND relallvisible < relpages";
        if client
            .query_one(unseen, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
        {
            return database;
        }
    }
}

pub(super) async fn with_hypopg(client: &tokio_postgres::Client) {
    if let Err(error) = client.batch_execute("CREATE EXTENSION hypopg").await {
        panic!(
            "hypopg is missing: `tests/run` installs it (Debian: apt-get install postgresql-15-hypopg). {error:?}"
        );
    }
}

/// Writes a query file into the test's own folder.
pub(super) fn query(database: &TestDatabase, folder: &str, name: &str, text: &str) {
    let folder = database.folder().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
}

/// Runs the command in the test's folder; status, JSON (null where there is none) and stderr.
pub(super) fn run(database: &TestDatabase, args: &[&str]) -> (i32, Value, String) {
    let output = database
        .dbaudit(args)
        .args(["--format", "json"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), json, stderr)
}

/// What is recommended, as `table(columns…)` with INCLUDE and WHERE.
pub(super) fn recommended(json: &Value) -> Vec<String> {
    let statements = json["recommended"]
        .as_array()
        .unwrap_or_else(|| panic!("{json:#}"));
    let mut shown: Vec<String> = statements
        .iter()
        .map(|one| {
            let statement = one["statement"].as_str().unwrap();
            statement.split_once(" ON ").unwrap().1.to_owned()
        })
        .collect();
    shown.sort();
    shown
}
