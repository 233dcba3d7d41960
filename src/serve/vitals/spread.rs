//! How durations are spread, over the last hour, in five-minute windows of counts.

/// Each bucket reaches a tenth further than the one before: from 1 ms to 10 minutes. Before them is one for nothing.
const GROWTH: f64 = 1.1;
const BUCKETS: usize = 142;
const WINDOW_S: u64 = 300;
const WINDOWS: u64 = 12;
/// Number of windows that the figures cover, the current one included: ten to fifteen minutes.
const RECENT: u64 = 3;

/// Counts in five-minute windows.
#[derive(Debug, Default)]
pub(super) struct WindowedHistogram {
    windows: Vec<(u64, Counts)>,
    total: u64,
}

#[derive(Debug)]
struct Counts(Box<[u32; BUCKETS]>);

impl WindowedHistogram {
    /// Counts a duration in milliseconds, or as many like it. `now`: in seconds.
    pub(super) fn add(&mut self, now: u64, ms: f64, times: u32) {
        let number = now / WINDOW_S;
        self.total += u64::from(times);
        let at = match self.windows.iter().position(|(known, _)| *known == number) {
            Some(at) => at,
            None => {
                self.windows.retain(|(known, _)| known + WINDOWS > number);
                self.windows.push((number, Counts(Box::new([0; BUCKETS]))));
                self.windows.len() - 1
            }
        };
        if let Some((_, counts)) = self.windows.get_mut(at)
            && let Some(count) = counts.0.get_mut(bucket(ms))
        {
            *count = count.saturating_add(times);
        }
    }

    /// Takes back what was counted at that time.
    pub(super) fn take_back(&mut self, then: u64, ms: f64) {
        self.total = self.total.saturating_sub(1);
        let number = then / WINDOW_S;
        let of = self.windows.iter_mut().find(|(known, _)| *known == number);
        if let Some(count) = of.and_then(|(_, counts)| counts.0.get_mut(bucket(ms))) {
            *count = count.saturating_sub(1);
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// A quantile of the last windows; `None` where nothing was counted in them.
    pub(super) fn quantile(&self, now: u64, fraction: f64) -> Option<f64> {
        let number = now / WINDOW_S;
        quantile(
            self.windows
                .iter()
                .filter(|(known, _)| known + RECENT > number)
                .map(|(_, counts)| counts),
            fraction,
        )
    }

    /// A quantile of each window of the last hour, the oldest first.
    pub(super) fn trend(&self, now: u64, fraction: f64) -> Vec<Option<f64>> {
        let number = now / WINDOW_S;
        (0..WINDOWS)
            .rev()
            .map(|back| {
                let wanted = number.checked_sub(back)?;
                let of = self.windows.iter().filter(|(known, _)| *known == wanted);
                quantile(of.map(|(_, counts)| counts), fraction)
            })
            .collect()
    }
}

fn bucket(ms: f64) -> usize {
    if ms < 0.5 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and small numbers are meant"
    )]
    let at = (ms.max(1.0).ln() / GROWTH.ln()) as usize;
    (at + 1).min(BUCKETS - 1)
}

/// Within a bucket as if its counts were spread evenly.
#[expect(clippy::cast_precision_loss, reason = "counts, and bucket numbers")]
fn quantile<'a>(of: impl Iterator<Item = &'a Counts> + Clone, fraction: f64) -> Option<f64> {
    let count = |at: usize| -> f64 {
        of.clone()
            .filter_map(|counts| counts.0.get(at))
            .map(|count| f64::from(*count))
            .sum()
    };
    let all: f64 = (0..BUCKETS).map(count).sum();
    if all == 0.0 {
        return None;
    }
    let wanted = (all * fraction).max(1.0);
    let mut below = 0.0;
    for at in 0..BUCKETS {
        let here = count(at);
        if below + here >= wanted {
            if at == 0 {
                return Some(0.0);
            }
            let low = GROWTH.powf((at - 1) as f64);
            return Some(low + (low * GROWTH - low) * (wanted - below) / here);
        }
        below += here;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_tenth_and_old_windows_are_forgotten() {
        let mut spread = WindowedHistogram::default();
        for n in 1..=1_000 {
            spread.add(0, f64::from(n), 1);
        }
        for (fraction, expected) in [(0.5, 500.0), (0.75, 750.0), (0.95, 950.0)] {
            let found = spread.quantile(0, fraction).unwrap();
            assert!(
                (found / expected - 1.0).abs() < 0.1,
                "{found} for {expected}"
            );
        }
        assert!(spread.quantile(WINDOW_S * 2, 0.5).is_some());
        assert_eq!(spread.quantile(WINDOW_S * 3, 0.5), None);
        for n in 501..=1_000 {
            spread.take_back(0, f64::from(n));
        }
        let found = spread.quantile(0, 0.5).unwrap();
        assert!((225.0..=275.0).contains(&found), "{found} for 250");
        assert_eq!(spread.total(), 500);
        let trend = spread.trend(WINDOW_S * 2, 0.5);
        assert_eq!(trend.iter().filter(|point| point.is_some()).count(), 1);
        assert!(trend[9].is_some());
    }

    #[test]
    fn a_day_of_windows_takes_no_more_room_than_an_hour() {
        let mut spread = WindowedHistogram::default();
        for second in (0..86_400).step_by(60) {
            spread.add(second, 100.0, 1);
        }
        assert_eq!(spread.windows.len(), 12);
        assert_eq!(spread.total(), 1_440);
    }
}
