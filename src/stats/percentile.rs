//! The percentile that a budget applies to.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// A percentile such as p95, strictly between p0 and p100. JSON: a number, `95.0`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percentile(f64);

impl Percentile {
    /// p95, the default of every budget.
    pub const P95: Percentile = Percentile(95.0);

    /// p75: what page loads are judged by, as the Core Web Vitals are.
    pub const P75: Percentile = Percentile(75.0);

    /// As a fraction: 0.95.
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }

    /// The share of samples that may exceed the budget: 0.05 for p95.
    pub fn tolerated(self) -> f64 {
        // Not `1.0 - fraction`: 100 − 95 is exact.
        (100.0 - self.0) / 100.0
    }
}

impl FromStr for Percentile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text
            .strip_prefix(['p', 'P'])
            .filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
            .and_then(|digits| digits.parse::<f64>().ok())
            .filter(|value| *value > 0.0 && *value < 100.0);
        number
            .map(Percentile)
            .ok_or_else(|| format!("`{text}` is not a percentile (try p50, p95, p99 or p99.9)"))
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl Serialize for Percentile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_and_shown_as_people_write_them() {
        for text in ["p50", "p95", "p99", "p99.9"] {
            assert_eq!(text.parse::<Percentile>().unwrap().to_string(), text);
        }
        assert!((Percentile::P95.tolerated() - 0.05).abs() < f64::EPSILON);
        for bad in ["", "95", "p", "p0", "p100", "p-1", "pNaN", "pinf", "p9e1x"] {
            assert!(bad.parse::<Percentile>().is_err(), "{bad}");
        }
    }
}
