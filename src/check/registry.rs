//! The registry: every check, in the order in which findings of one severity are shown.

use super::{
    Check, connection_saturation, dead_tuples, duplicate_index, invalid_index, unused_index,
};

/// Every check.
pub static CHECKS: &[&Check] = &[
    &invalid_index::CHECK,
    &connection_saturation::CHECK,
    &dead_tuples::CHECK,
    &duplicate_index::CHECK,
    &unused_index::CHECK,
];

/// The check with this code.
#[must_use]
pub fn find(code: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_check_is_explained_and_has_a_code_of_its_own() {
        let mut codes = HashSet::new();
        for check in CHECKS {
            assert!(codes.insert(check.code), "{} twice", check.code);
            assert!(
                check
                    .code
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                check.code
            );
            assert!(
                check.explanation.split("\n\n").count() >= 3,
                "{}: say what it means, how to confirm it and how to mend it",
                check.code
            );
            assert!(!check.needs.is_empty(), "{} needs no fact?", check.code);
        }
    }
}
