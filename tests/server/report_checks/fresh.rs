//! Evidence has a time: what autovacuum cannot have come to yet is an info that says when it is due.

use std::time::Duration;

use serde_json::Value;
use tokio_postgres::Client;

use super::{planted, run};
use crate::support::{self, PrivateServer};

const LOADED: &str = "CREATE TABLE loaded (id int, v int);
    INSERT INTO loaded SELECT n, n FROM generate_series(1, 20000) n";

/// Autovacuum does not come round while the test runs, and so nothing is due before this.
const LOOKS: Duration = Duration::from_secs(5 * 3_600);

fn report(server: &PrivateServer, database: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = support::dbaudit(folder.path());
    command.args(["-d", &server.url(database), "report", "--format", "json"]);
    command.args(["--fail-on", "never"]);
    run(&mut command)
}

/// When each finding on the table is due; all of them are infos.
fn due(report: &Value) -> Vec<jiff::Timestamp> {
    let findings = report["findings"].as_array().unwrap().iter();
    let of_load = findings.filter(|finding| {
        ["never-analyzed", "autovacuum-behind"].contains(&finding["check"].as_str().unwrap())
    });
    of_load
        .map(|finding| {
            assert_eq!(finding["severity"], "info", "{finding:#}");
            let due = finding["evidence"]["due"].as_str();
            due.unwrap_or_else(|| panic!("{finding:#}"))
                .parse()
                .unwrap()
        })
        .collect()
}

async fn time(client: &Client, expression: &str) -> jiff::Timestamp {
    let query = format!("SELECT {expression}");
    client.query_one(&query, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_load_into_a_new_table_or_database_is_due_by_its_own_age() {
    for major in support::servers().iter().map(support::TestServer::major) {
        let server = PrivateServer::start(major, &["autovacuum_naptime=1h"]);
        let client = support::connect(&server.url("postgres")).await;
        let counted = "SELECT pg_stat_get_live_tuples('loaded'::regclass) = 20000";
        for statement in ["CREATE DATABASE fresh", LOADED] {
            client.batch_execute(statement).await.unwrap();
        }
        planted::until_true(&client, counted).await;
        let seen = report(&server, "postgres");
        let taken_at: jiff::Timestamp = seen["taken_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            due(&seen),
            [taken_at + LOOKS; 2],
            "{major}: as new as can be"
        );

        let inside = support::connect(&server.url("fresh")).await;
        inside.batch_execute(LOADED).await.unwrap();
        planted::until_true(&inside, counted).await;
        // What was made before a checkpoint is only known to be as old as its database, or the server's start.
        client.batch_execute("CHECKPOINT").await.unwrap();
        let since = "greatest(pg_postmaster_start_time(),
                     (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()))";
        let counting = time(&client, since).await;
        assert_eq!(due(&report(&server, "postgres")), [counting + LOOKS; 2]);
        let made = "(pg_stat_file('base/' || (SELECT oid FROM pg_database WHERE datname = 'fresh') || '/PG_VERSION'))
                    .modification";
        let made = time(&client, made).await.max(time(&inside, since).await);
        assert_eq!(due(&report(&server, "fresh")), [made + LOOKS; 2], "{major}");
    }
}
