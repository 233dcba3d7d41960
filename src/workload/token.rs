//! The tokens of SQL, in order, none of them kept: a text of a megabyte is read in the memory of one token.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind as Lexed};

/// Postgres takes at most this many parameters.
pub(super) const MOST_PARAMETERS: usize = 65_535;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// `"name"`
    Quoted,
    /// A constant in quotes of any kind.
    Text,
    Number,
    /// `$1`
    Parameter,
    /// `-- …` or `/* … */`
    Comment,
    /// `;`
    Semicolon,
    /// One character of an operator, a parenthesis or anything else.
    Symbol,
}

/// A token that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'t> {
    pub kind: TokenKind,
    /// As it is written.
    pub text: &'t str,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

impl Token<'_> {
    /// It is this word, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// As the catalog holds it, where it is a name or a keyword.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_lowercase()),
            TokenKind::Quoted => {
                let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
                Some(inner.replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    /// Of `$1`; none that the protocol has no room for.
    pub fn parameter(&self) -> Option<usize> {
        let number = (self.kind == TokenKind::Parameter).then(|| self.text.get(1..))??;
        let number = number.parse().ok()?;
        (1..=MOST_PARAMETERS).contains(&number).then_some(number)
    }
}

/// All tokens of a text but its blanks, comments included.
pub(super) fn tokens_and_comments(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    squawk_lexer::tokenize(text).filter_map(move |lexed| {
        let from = at;
        at += usize::try_from(lexed.len).unwrap_or(0);
        let kind = match lexed.kind {
            Lexed::Whitespace | Lexed::Eof => return None,
            Lexed::LineComment | Lexed::BlockComment { .. } => TokenKind::Comment,
            Lexed::Ident => TokenKind::Word,
            Lexed::QuotedIdent { .. } => TokenKind::Quoted,
            Lexed::Literal {
                kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. },
            } => TokenKind::Number,
            Lexed::Literal { .. } => TokenKind::Text,
            Lexed::PositionalParam { .. } => TokenKind::Parameter,
            Lexed::Semi => TokenKind::Semicolon,
            _ => TokenKind::Symbol,
        };
        Some(Token {
            kind,
            text: text.get(from..at)?,
            range: from..at,
        })
    })
}

/// The tokens of a text, without its comments.
pub fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    tokens_and_comments(text).filter(|token| token.kind != TokenKind::Comment)
}

/// The text with some of its parts replaced. The parts come in order and do not overlap.
pub fn replaced(text: &str, parts: &[(Range<usize>, String)]) -> String {
    let mut new = String::with_capacity(text.len());
    let mut from = 0;
    for (range, part) in parts {
        new.push_str(text.get(from..range.start).unwrap_or_default());
        new.push_str(part);
        from = range.end;
    }
    new.push_str(text.get(from..).unwrap_or_default());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_where_they_are_written() {
        let text = "SELECT \"a b\", $1::int -- no\n/* nor */ FROM t WHERE x = 'it''s' AND y >= 1.5e3 OR z = $q$;$q$;";
        let found: Vec<(TokenKind, &str)> =
            tokens(text).map(|token| (token.kind, token.text)).collect();
        for wanted in [
            (TokenKind::Quoted, "\"a b\""),
            (TokenKind::Parameter, "$1"),
            (TokenKind::Text, "'it''s'"),
            (TokenKind::Number, "1.5e3"),
            (TokenKind::Text, "$q$;$q$"),
            (TokenKind::Semicolon, ";"),
        ] {
            assert!(found.contains(&wanted), "{wanted:?}: {found:?}");
        }
        assert!(tokens(text).all(|token| text[token.range.clone()] == *token.text));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_nothing_but_blanks_is_left_out(text in "\\PC{0,80}") {
            let mut at = 0;
            for token in tokens_and_comments(&text) {
                let left_out = text[at..token.range.start].trim_matches('\u{feff}').trim();
                proptest::prop_assert!(left_out.is_empty());
                at = token.range.end;
            }
        }
    }
}
