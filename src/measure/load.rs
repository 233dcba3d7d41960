//! Several sessions at once.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;

use super::{Clock, Sample};
use crate::Result;

#[derive(Debug, Clone, Default)]
pub struct LoadSamples {
    /// Each execution; in an open loop from when it was due.
    pub samples: Vec<Sample>,
    /// From the first execution's start to the last one's end.
    pub elapsed: Duration,
}

/// Each bench runs again as soon as it is done. When the server stalls, so does the load: the stall is seen
/// once per client.
pub async fn closed_loop<C: Clock>(benches: &mut [C], duration: Duration) -> Result<LoadSamples> {
    warm_up(benches).await?;
    let begun = Instant::now();
    let each = try_join_all(benches.iter_mut().map(|bench| async move {
        let mut samples = Vec::new();
        while begun.elapsed() < duration {
            samples.push(bench.sample().await?);
        }
        bench.end().await?;
        Ok::<_, crate::Error>(samples)
    }))
    .await?;
    Ok(LoadSamples {
        samples: each.concat(),
        elapsed: begun.elapsed(),
    })
}

/// A timer wakes up to so much late; an execution that starts within it counts as started on time.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// `rate` executions are due each second, whether the server keeps up or not; the latency counts from the time
/// an execution was due, so that a stall is seen by everything that was due meanwhile (G. Tene,
/// "How NOT to Measure Latency": the closed loop's coordinated omission).
pub async fn open_loop<C: Clock>(
    benches: &mut [C],
    rate: f64,
    duration: Duration,
) -> Result<LoadSamples> {
    warm_up(benches).await?;
    let begun = Instant::now();
    let next = Cell::new(0_u32);
    let each = try_join_all(benches.iter_mut().map(|bench| {
        let next = &next;
        async move {
            let mut samples = Vec::new();
            loop {
                let due = Duration::from_secs_f64(f64::from(next.get()) / rate);
                if due >= duration {
                    break;
                }
                next.set(next.get() + 1);
                if let Some(early) = due.checked_sub(begun.elapsed()) {
                    tokio::time::sleep(early).await;
                }
                let late = begun.elapsed().saturating_sub(due);
                let mut sample = bench.sample().await?;
                if late > TIMER_SLACK {
                    sample.elapsed += late;
                }
                samples.push(sample);
            }
            bench.end().await?;
            Ok::<_, crate::Error>(samples)
        }
    }))
    .await?;
    Ok(LoadSamples {
        samples: each.concat(),
        elapsed: begun.elapsed(),
    })
}

async fn warm_up<C: Clock>(benches: &mut [C]) -> Result<()> {
    for bench in benches {
        bench.sample().await?;
    }
    Ok(())
}
