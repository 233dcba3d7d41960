//! What each command asks of the server, counted: a gate against slowdowns that no clock can blur.

use serde_json::Value;

use crate::support::{self, CountingProxy, Counts, Template, TestDatabase};

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

#[tokio::test]
async fn a_deploy_with_nothing_to_do_takes_one_connection_and_two_round_trips() {
    let counted = Counted::new().await;
    let (_, first) = counted.run(&["apply-indexes"]).await;
    assert_eq!(first["outcome"], "applied");
    // The transaction in which it looks, and the history; then the definitions on shadow tables.
    let (counts, again) = counted.run(&["apply-indexes"]).await;
    assert_eq!(again["outcome"], "nothing_to_do");
    let limit = Counts {
        connections: 1,
        statements: 5,
        round_trips: 2,
    };
    assert_at_most(counts, limit);
    // And who would hold a build up.
    let (counts, _) = counted.run(&["status"]).await;
    let limit = Counts {
        connections: 1,
        statements: 6,
        round_trips: 3,
    };
    assert_at_most(counts, limit);
}

#[tokio::test]
async fn a_report_asks_no_more_of_a_database_with_many_tables() {
    let counted = Counted::new().await;
    let (few, _) = counted.run(&["report"]).await;
    let limit = Counts {
        connections: 1,
        statements: 90,
        round_trips: 8,
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
    assert_eq!((few.connections, more.connections), (1, 1));
}
