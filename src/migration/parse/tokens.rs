//! The significant tokens of one statement, read from left to right.

use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

use crate::{migration::Name, sql::MAX_NAME_BYTES};

/// A byte offset into the text and what is wrong there.
#[derive(Debug)]
pub(in crate::migration) struct SyntaxProblem {
    pub(in crate::migration) at: usize,
    pub(in crate::migration) message: String,
    pub(in crate::migration) hint: String,
}

impl SyntaxProblem {
    pub(in crate::migration) fn new(
        at: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            at,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

pub(in crate::migration) struct Tokens {
    tokens: Vec<SyntaxToken>,
    next: usize,
}

impl Tokens {
    pub(in crate::migration) fn of(node: &SyntaxNode) -> Self {
        let tokens = node
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
            .filter(|token| {
                !matches!(
                    token.kind(),
                    SyntaxKind::COMMENT | SyntaxKind::WHITESPACE | SyntaxKind::SEMICOLON
                )
            })
            .collect();
        Self { tokens, next: 0 }
    }

    fn current(&self) -> Option<&SyntaxToken> {
        self.tokens.get(self.next)
    }

    pub(in crate::migration) fn is_at_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    /// Where the current token begins; at the end, where the last one does.
    pub(in crate::migration) fn offset(&self) -> usize {
        self.current()
            .or(self.tokens.last())
            .map_or(0, |token| usize::from(token.text_range().start()))
    }

    /// The first words, for a message.
    pub(in crate::migration) fn opening(&self) -> String {
        let words: Vec<_> = self
            .tokens
            .iter()
            .take(2)
            .map(|t| t.text().to_uppercase())
            .collect();
        words.join(" ")
    }

    pub(in crate::migration) fn peek(&self, word: &str) -> bool {
        self.current()
            .is_some_and(|token| token.text().eq_ignore_ascii_case(word))
    }

    pub(in crate::migration) fn contains(&self, word: &str) -> bool {
        self.tokens
            .iter()
            .any(|token| token.text().eq_ignore_ascii_case(word))
    }

    pub(in crate::migration) fn take(&mut self, word: &str) -> bool {
        let here = self.peek(word);
        self.next += usize::from(here);
        here
    }

    pub(in crate::migration) fn skip(&mut self) {
        self.next += 1;
    }

    pub(in crate::migration) fn word(&mut self, word: &str) -> Result<(), SyntaxProblem> {
        if self.take(word) {
            return Ok(());
        }
        Err(SyntaxProblem::new(
            self.offset(),
            format!("expected {word} here"),
            super::ALLOWED,
        ))
    }

    pub(in crate::migration) fn name(&mut self) -> Result<Name, SyntaxProblem> {
        let first = self.identifier()?;
        if !self.take(".") {
            return Ok(Name {
                schema: None,
                name: first,
            });
        }
        let second = self.identifier()?;
        if self.peek(".") {
            return Err(SyntaxProblem::new(
                self.offset(),
                "the name includes a database",
                "write schema.name: the connection decides the database",
            ));
        }
        Ok(Name {
            schema: Some(first),
            name: second,
        })
    }

    /// The value of a boolean option; none is "on".
    pub(in crate::migration) fn switch(&mut self) -> Result<bool, SyntaxProblem> {
        if self.is_at_end() || ["true", "on", "1"].iter().any(|word| self.take(word)) {
            return Ok(true);
        }
        if ["false", "off", "0"].iter().any(|word| self.take(word)) {
            return Ok(false);
        }
        let message = format!("{} is not a boolean", self.opening());
        Err(SyntaxProblem::new(
            self.offset(),
            message,
            "write on or off",
        ))
    }

    /// An identifier as the server reads it: folded to lower case unless quoted.
    pub(in crate::migration) fn identifier(&mut self) -> Result<String, SyntaxProblem> {
        let at = self.offset();
        let text = self
            .current()
            .map(|token| token.text().to_owned())
            .unwrap_or_default();
        self.skip();
        let name = if let Some(quoted) = text.strip_prefix('"') {
            quoted
                .strip_suffix('"')
                .unwrap_or(quoted)
                .replace("\"\"", "\"")
        } else if text.starts_with(|c: char| c.is_alphabetic() || c == '_') && !text.contains('&') {
            text.to_ascii_lowercase()
        } else {
            let message = format!("`{text}` is not a name that dbaudit can read");
            return Err(SyntaxProblem::new(at, message, "write it as \"name\""));
        };
        if name.len() > MAX_NAME_BYTES {
            let message =
                format!("`{name}` is longer than 63 bytes, and the server would truncate it");
            return Err(SyntaxProblem::new(at, message, "shorten it"));
        }
        Ok(name)
    }

    /// What is left, its comments taken out and its white space made single; and where in it the condition of a
    /// `WHERE` outside all parentheses begins.
    ///
    /// The schema is taken off columns qualified by `table`, which Postgres never needs: it would not be that of the
    /// empty copy that definitions are compared on.
    pub(in crate::migration) fn rest_and_predicate(
        &mut self,
        table: &Name,
    ) -> (String, Option<usize>) {
        let is_schema = |at: usize| {
            let is = |at: usize, text: &str| self.tokens.get(at).is_some_and(|t| t.text() == text);
            let name = |at: usize| {
                let token = self.tokens.get(at..=at)?.to_vec();
                Self {
                    tokens: token,
                    next: 0,
                }
                .identifier()
                .ok()
            };
            !(at > 0 && is(at - 1, "."))
                && is(at + 1, ".")
                && is(at + 3, ".")
                && name(at + 2).as_ref() == Some(&table.name)
                && name(at)
                    .is_some_and(|first| table.schema.is_none() || table.schema == Some(first))
        };
        let mut text = String::new();
        let mut end = None;
        let (mut depth, mut behind_where, mut predicate_at) = (0, false, None);
        let mut skipped = 0;
        for at in self.next..self.tokens.len() {
            let token = &self.tokens[at];
            let range = token.text_range();
            if skipped == 0 && is_schema(at) {
                skipped = 2;
            }
            if skipped > 0 {
                // The schema, and the dot behind it. What is before them stays apart from what is behind.
                if skipped == 2 && end.is_some_and(|end| end != range.start()) {
                    text.push(' ');
                }
                skipped -= 1;
                end = Some(range.end());
                continue;
            }
            if end.is_some_and(|end| end != range.start()) {
                text.push(' ');
            }
            if behind_where {
                predicate_at = predicate_at.or(Some(text.len()));
            }
            match token.text() {
                "(" => depth += 1,
                ")" => depth -= 1,
                word => behind_where |= depth == 0 && word.eq_ignore_ascii_case("where"),
            }
            text.push_str(token.text());
            end = Some(range.end());
        }
        self.next = self.tokens.len();
        (text, predicate_at)
    }
}
