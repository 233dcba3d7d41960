//! A comment that may belong to a header, and what is wrong with a line.

/// A comment at the beginning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) line: usize,
    pub(super) text: String,
}

impl Comment {
    /// `-- …`, or `/* … */` on one line.
    pub(super) fn of(token: &str, line: usize) -> Option<Self> {
        let inside = token
            .strip_prefix("--")
            .or_else(|| token.strip_prefix("/*")?.strip_suffix("*/"))?;
        (!inside.contains('\n')).then(|| Self {
            line,
            text: inside.trim().to_owned(),
        })
    }

    pub(super) fn is_name(&self) -> bool {
        self.key_and_value().is_some_and(|(key, _)| key == "name")
    }

    /// Of `key: value`, where the key is one word. A URL (`https://…`) is not a key.
    pub(super) fn key_and_value(&self) -> Option<(&str, &str)> {
        let (key, value) = self.text.split_once(':')?;
        let key = key.trim();
        let one_word = key
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        (!key.is_empty()
            && one_word
            && (value.is_empty() || value.starts_with(char::is_whitespace)))
        .then(|| (key, value.trim()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) message: String,
    pub(super) hint: String,
}
