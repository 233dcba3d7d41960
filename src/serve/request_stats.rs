//! Requests, counted: in flight, in all, in the last minute, average and maximum.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

/// What the requests of one application come to. Cheap to update from many threads.
#[derive(Debug)]
pub struct RequestStats {
    begun: Instant,
    total: AtomicU64,
    errors: AtomicU64,
    in_flight: AtomicU64,
    micros: AtomicU64,
    max_micros: AtomicU64,
    seconds: Mutex<[SecondCount; SECONDS]>,
}

/// How far back "per minute" looks.
const SECONDS: usize = 60;

/// How many requests ended in one second of the application's life.
#[derive(Debug, Clone, Copy, Default)]
struct SecondCount {
    number: u64,
    requests: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RequestFigures {
    pub total: u64,
    /// Those answered with a status of 500 or more.
    pub errors: u64,
    pub in_flight: u64,
    /// Requests answered within the last 60 seconds.
    pub per_minute: u64,
    pub average_ms: f64,
    pub max_ms: f64,
}

impl Default for RequestStats {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            total: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            micros: AtomicU64::new(0),
            max_micros: AtomicU64::new(0),
            seconds: Mutex::new([SecondCount::default(); SECONDS]),
        }
    }
}

impl RequestStats {
    /// A request has come; it counts as in flight until the guard is dropped, also where the client goes away.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    pub(super) fn end(&self, elapsed: Duration, error: bool) {
        self.end_at(self.begun.elapsed().as_secs(), elapsed, error);
    }

    fn end_at(&self, second: u64, elapsed: Duration, error: bool) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.total.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(error), Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.max_micros.fetch_max(micros, Ordering::Relaxed);
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = seconds.get_mut(slot_of(second)) {
            if slot.number != second {
                *slot = SecondCount {
                    number: second,
                    requests: 0,
                };
            }
            slot.requests += 1;
        }
    }

    pub fn figures(&self) -> RequestFigures {
        self.figures_at(self.begun.elapsed().as_secs())
    }

    #[expect(clippy::cast_precision_loss, reason = "an average")]
    fn figures_at(&self, second: u64) -> RequestFigures {
        let total = self.total.load(Ordering::Relaxed);
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = seconds
            .iter()
            .filter(|slot| slot.number + SECONDS as u64 > second && slot.number <= second);
        RequestFigures {
            total,
            errors: self.errors.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            per_minute: recent.map(|slot| slot.requests).sum(),
            average_ms: self.micros.load(Ordering::Relaxed) as f64 / 1000.0 / total.max(1) as f64,
            max_ms: self.max_micros.load(Ordering::Relaxed) as f64 / 1000.0,
        }
    }
}

fn slot_of(second: u64) -> usize {
    usize::try_from(second % SECONDS as u64).unwrap_or(0)
}

/// A request in flight, until dropped.
pub(super) struct InFlight<'a>(&'a RequestStats);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_forgets_what_is_older_and_the_totals_do_not() {
        let stats = RequestStats::default();
        stats.end_at(0, Duration::from_millis(10), false);
        stats.end_at(5, Duration::from_millis(30), true);
        stats.end_at(61, Duration::from_millis(20), false);
        let figures = stats.figures_at(64);
        assert_eq!((figures.total, figures.errors), (3, 1));
        assert_eq!(figures.per_minute, 2, "seconds 5 and 61");
        assert_eq!((figures.average_ms, figures.max_ms), (20.0, 30.0));
        assert_eq!(stats.figures_at(200).per_minute, 0);
    }

    #[test]
    fn a_request_given_up_is_no_longer_in_flight() {
        let stats = RequestStats::default();
        let one = stats.begin();
        let two = stats.begin();
        assert_eq!(stats.figures().in_flight, 2);
        drop(one);
        assert_eq!(stats.figures().in_flight, 1);
        drop(two);
        assert_eq!(stats.figures().in_flight, 0);
    }
}
