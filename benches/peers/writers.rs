//! A steady load of writes: an open loop. Each write has its time; how late it was done counts from then,
//! so that a stall shows in every write that fell into it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{compare::quantile, place::connect};

/// Sessions that write. More than ever wait at the same time, but for a lock that stops them all.
const SESSIONS: usize = 8;
/// Writes a second, of all sessions together.
pub(crate) const RATE: f64 = 200.0;

/// A write.
struct Write {
    /// When it was to be done, since the start.
    due: Duration,
    /// From then to its end.
    latency: Duration,
    error: Option<String>,
}

/// A running load.
pub(crate) struct Load {
    start: Instant,
    stop: Arc<AtomicU64>,
    sessions: Vec<JoinHandle<Vec<Write>>>,
}

impl Load {
    /// Half inserts, half updates of an indexed column.
    pub(crate) fn start(url: &str, table: &str) -> Self {
        let insert = format!(
            "INSERT INTO {table} (user_id, topic, content_type, audience_level, generated_at, body)
             VALUES ($1, 'written meanwhile', 'article', 'general', now(), repeat('word ', 40))"
        );
        let update = format!("UPDATE {table} SET generated_at = now() WHERE id = $1");
        let stop = Arc::new(AtomicU64::new(u64::MAX));
        let next = Arc::new(AtomicU64::new(0));
        // Connected by then.
        let start = Instant::now() + Duration::from_millis(300);
        let session = |_| {
            let (url, insert, update) = (url.to_owned(), insert.clone(), update.clone());
            let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let (client, statements) = runtime.block_on(async {
                    let client = connect(&url).await;
                    let insert = client.prepare(&insert).await.expect("the insert");
                    let update = client.prepare(&update).await.expect("the update");
                    (client, [insert, update])
                });
                let mut writes = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let due = Duration::from_secs_f64(number as f64 / RATE);
                    // The kernel's timer: tokio's has a grain of a millisecond.
                    std::thread::sleep((start + due).saturating_duration_since(Instant::now()));
                    if due.as_nanos() as u64 >= stop.load(Ordering::Acquire) {
                        return writes;
                    }
                    let key = (number * 7_919 % 997 + 1) as i64;
                    let statement = &statements[(number % 2) as usize];
                    let done = runtime.block_on(client.execute(statement, &[&key]));
                    writes.push(Write {
                        due,
                        latency: (start + due).elapsed(),
                        error: done.err().map(|error| format!("{error:?}")),
                    });
                }
            })
        };
        Self {
            start,
            stop: Arc::clone(&stop),
            sessions: (0..SESSIONS).map(session).collect(),
        }
    }

    /// Does something under the load, and tells how the writes fared that were due meanwhile. The load ends.
    pub(crate) fn during<T>(self, work: impl FnOnce() -> T) -> (T, Felt) {
        std::thread::sleep(
            (self.start + Duration::from_millis(500)).saturating_duration_since(Instant::now()),
        );
        let begun = self.start.elapsed();
        let done = work();
        let ended = self.start.elapsed();
        self.stop.store(ended.as_nanos() as u64, Ordering::Release);
        let writes = self
            .sessions
            .into_iter()
            .flat_map(|session| session.join().expect("a writer does not panic"));
        let mut felt = Felt::default();
        for write in writes.filter(|write| write.due >= begun) {
            felt.latencies.push(write.latency.as_secs_f64() * 1000.0);
            if let Some(error) = write.error {
                felt.failed += 1;
                eprintln!("  a write failed: {error}");
            }
        }
        (done, felt)
    }
}

/// What the writers felt.
#[derive(Debug, Default, Clone)]
pub(crate) struct Felt {
    /// Milliseconds.
    pub(crate) latencies: Vec<f64>,
    pub(crate) failed: usize,
}

impl Felt {
    pub(crate) fn at(&self, share: f64) -> f64 {
        quantile(&self.latencies, share)
    }
}
