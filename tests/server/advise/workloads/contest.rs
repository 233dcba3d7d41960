//! Sets of indexes, judged by the planner, by HypoPG and once they are built, and by the clock.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::peers::{self, Peers};

/// What came of one advisor.
pub(super) struct Outcome {
    pub(super) who: &'static str,
    pub(super) indexes: Vec<String>,
    pub(super) seconds: f64,
    /// The planner's cost of the whole workload, by HypoPG and with the indexes built.
    pub(super) hypothetical: f64,
    pub(super) built: f64,
    pub(super) bytes: i64,
    /// All queries once, one after the other, where that was asked for.
    pub(super) time: Duration,
}

/// No query is waited for any longer.
const LONGEST: Duration = Duration::from_secs(10);

/// The peers' sets beside ours, and what there is without any, which comes first. `timed`: the queries are run too.
pub(super) async fn contest(
    client: &Client,
    queries: &[String],
    ours: (Vec<String>, f64),
    timed: bool,
) -> Vec<Outcome> {
    client
        .batch_execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
        .await
        .unwrap();
    let peers = Peers::new(client, queries).await;
    let mut sets = vec![("none", Vec::new(), 0.0), ("dbaudit", ours.0, ours.1)];
    for (who, search) in peers.all() {
        let begun = Instant::now();
        let indexes = search.await;
        sets.push((who, indexes, begun.elapsed().as_secs_f64()));
    }
    let mut outcomes = Vec::new();
    for (who, indexes, seconds) in sets {
        let hypothetical = peers.cost_with(&indexes).await;
        let bytes = build(client, &indexes).await;
        outcomes.push(Outcome {
            who,
            seconds,
            hypothetical,
            built: peers::cost(client, queries).await,
            bytes,
            time: if timed {
                time(client, queries).await
            } else {
                Duration::ZERO
            },
            indexes,
        });
        for at in 0..outcomes.last().map_or(0, |outcome| outcome.indexes.len()) {
            let drop = format!("DROP INDEX judged_{at}");
            client.batch_execute(&drop).await.unwrap();
        }
    }
    outcomes
}

/// What is left of a set as those go that are missed least, by the planner's cost of the whole workload: how many, and
/// their cost as a multiple of that of all.
pub(super) async fn left_of(
    client: &Client,
    queries: &[String],
    indexes: &[String],
) -> Vec<(usize, f64)> {
    let peers = Peers::new(client, queries).await;
    let all = peers.cost_with(indexes).await;
    let mut losses = Vec::new();
    for index in indexes {
        let others: Vec<String> = indexes
            .iter()
            .filter(|one| *one != index)
            .cloned()
            .collect();
        losses.push((peers.cost_with(&others).await / all, index.clone()));
    }
    losses.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut left = Vec::new();
    for most in (0..=indexes.len()).rev().step_by(3) {
        let kept: Vec<String> = losses[..most]
            .iter()
            .map(|(_, index)| index.clone())
            .collect();
        left.push((most, peers.cost_with(&kept).await / all));
    }
    left
}

/// Builds them, and says how many bytes they take.
async fn build(client: &Client, indexes: &[String]) -> i64 {
    let mut bytes = 0;
    for (at, index) in indexes.iter().enumerate() {
        let name = format!("judged_{at}");
        client
            .batch_execute(&format!("CREATE INDEX {name} ON {index}"))
            .await
            .unwrap_or_else(|error| panic!("{index}: {error:?}"));
        let size = format!("SELECT pg_relation_size('{name}')");
        bytes += client.query_one(&size, &[]).await.unwrap().get::<_, i64>(0);
    }
    client
        .batch_execute("SELECT hypopg_reset(); ANALYZE")
        .await
        .unwrap();
    bytes
}

/// The better of two runs of each query, together; what is stopped counts as long as it was waited for.
async fn time(client: &Client, queries: &[String]) -> Duration {
    let limit = format!("SET statement_timeout = {}", LONGEST.as_millis());
    client.batch_execute(&limit).await.unwrap();
    let mut all = Duration::ZERO;
    for query in queries {
        let mut best = LONGEST;
        for _ in 0..2 {
            let begun = Instant::now();
            if client.simple_query(query).await.is_err() {
                break;
            }
            best = best.min(begun.elapsed());
        }
        all += best;
    }
    client
        .batch_execute("RESET statement_timeout")
        .await
        .unwrap();
    all
}
