//! Exponential backoff with full jitter: the wait before try n is drawn evenly from 0 to base · 2ⁿ, capped.
//! Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::time::Duration;

const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(15);

/// The wait before the try after the `failures`th failure (from 1). `draw` is in 0..=1.
pub(super) fn wait(failures: u32, draw: f64) -> Duration {
    let limit = BASE
        .saturating_mul(2u32.saturating_pow(failures.min(20).saturating_sub(1)))
        .min(CAP);
    limit.mul_f64(draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_capped() {
        assert_eq!(wait(1, 1.0), Duration::from_millis(200));
        assert_eq!(wait(3, 1.0), Duration::from_millis(800));
        assert_eq!(wait(3, 0.5), Duration::from_millis(400));
        assert_eq!(wait(60, 1.0), CAP);
    }
}
