//! `SETTING=a,b`: one server setting with two values to compare.

use std::{fmt, str::FromStr};

/// A setting and its two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingPair {
    /// Its name: letters, digits, `_` and `.` only.
    pub name: String,
    pub a: String,
    /// The second.
    pub b: String,
}

impl fmt::Display for SettingPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={},{}", self.name, self.a, self.b)
    }
}

impl FromStr for SettingPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not SETTING=A,B (try work_mem=4MB,64MB)");
        let (name, values) = text.split_once('=').ok_or_else(wrong)?;
        let (a, b) = values.split_once(',').ok_or_else(wrong)?;
        let (name, a, b) = (name.trim(), a.trim(), b.trim());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if name.is_empty() || !name.chars().all(plain) || a.is_empty() || b.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            name: name.into(),
            a: a.into(),
            b: b.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_needs_a_name_and_two_values() {
        let pair: SettingPair = "work_mem=4MB, 64MB".parse().unwrap();
        assert_eq!(pair.to_string(), "work_mem=4MB,64MB");
        for bad in ["", "work_mem", "work_mem=4MB", "=a,b", "a;b=1,2", "a=,b"] {
            assert!(bad.parse::<SettingPair>().is_err(), "{bad}");
        }
    }
}
