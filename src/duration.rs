//! Durations in human notation: `100ms`, `5s`, `1m 30s`, `2h`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A non-negative duration that is read and shown with its unit. A bare number is refused: 100 what?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "0" {
            return Ok(HumanDuration(Duration::ZERO));
        }
        let span: jiff::SignedDuration = text
            .parse()
            .map_err(|_| format!("`{text}` is not a duration (try 100ms, 5s, 10m or 2h)"))?;
        Duration::try_from(span).map(HumanDuration).map_err(|_| {
            format!("`{text}` is negative, and a duration cannot be (try 100ms, 5s, 10m or 2h)")
        })
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0;
        let seconds = total.as_secs();
        if total.is_zero() {
            f.write_str("0s")
        } else if total.subsec_nanos() != 0 || seconds == 0 {
            let ms = total.as_secs_f64() * 1000.0;
            write!(f, "{ms}ms")
        } else if seconds.is_multiple_of(3600) {
            write!(f, "{}h", seconds / 3600)
        } else if seconds.is_multiple_of(60) {
            write!(f, "{}m", seconds / 60)
        } else {
            write!(f, "{seconds}s")
        }
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// In milliseconds, the unit of every figure that is shown or saved.
pub fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_show_themselves_as_they_are_written() {
        for (text, ms, shown) in [
            ("100ms", 100, "100ms"),
            ("5s", 5_000, "5s"),
            ("1m 30s", 90_000, "90s"),
            ("2h", 7_200_000, "2h"),
            ("0", 0, "0s"),
            ("1500ms", 1_500, "1500ms"),
        ] {
            let parsed: HumanDuration = text.parse().unwrap();
            assert_eq!(parsed.0, Duration::from_millis(ms), "{text}");
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(shown.parse::<HumanDuration>().unwrap(), parsed);
        }
        for bad in ["100", "", "-5s", "fast"] {
            assert!(bad.parse::<HumanDuration>().is_err(), "{bad}");
        }
    }
}
