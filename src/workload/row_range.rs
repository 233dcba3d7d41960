use std::{fmt, str::FromStr};

/// How many rows a query must return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

impl RowRange {
    /// Whether a result of `rows` rows is as expected.
    pub fn contains(self, rows: u64) -> bool {
        (self.min..=self.max).contains(&rows)
    }
}

impl fmt::Display for RowRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}..{}", self.min, self.max)
        }
    }
}

impl FromStr for RowRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        match (number(min), number(max)) {
            (Some(min), Some(max)) if min <= max => Ok(Self { min, max }),
            _ => Err(format!(
                "`{text}` is not a number of rows (try 20 or 1..20)"
            )),
        }
    }
}
