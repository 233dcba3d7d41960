//! The text of a condition in tokens, and how they nest.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Quoted,
    Text,
    Number,
    Parameter,
    Operator,
    Cast,
    Open,
    Close,
    Comma,
    Dot,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) from: usize,
    pub(super) to: usize,
}

pub(super) fn tokenize(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let from = text.len() - rest.len();
        let second = rest[first.len_utf8()..].chars().next();
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            'E' | 'B' | 'X' if second == Some('\'') => {
                (Kind::Text, 1 + quoted(&rest[1..], '\'', first == 'E'))
            }
            '\'' => (Kind::Text, quoted(rest, '\'', false)),
            '"' => (Kind::Quoted, quoted(rest, '"', false)),
            '$' => (Kind::Parameter, 1 + run(&rest[1..], |c| c.is_ascii_digit())),
            c if c.is_ascii_digit() => (
                Kind::Number,
                run(rest, |c| c.is_ascii_alphanumeric() || c == '.'),
            ),
            c if c.is_alphabetic() || c == '_' => (
                Kind::Word,
                run(rest, |c| c.is_alphanumeric() || c == '_' || c == '$'),
            ),
            '(' | '[' => (Kind::Open, 1),
            ')' | ']' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '.' => (Kind::Dot, 1),
            ':' if rest.starts_with("::") => (Kind::Cast, 2),
            _ => (
                Kind::Operator,
                run(rest, |c| "+-*/<>=~!@#%^&|`?".contains(c)).max(first.len_utf8()),
            ),
        };
        tokens.push(Token {
            kind,
            text: &rest[..length],
            from,
            to: from + length,
        });
        rest = &rest[length..];
    }
    tokens
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of a quoted text, its quotes included; doubled quotes belong to it.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if escapes && c == '\\' {
            characters.next();
        } else if c == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
            } else {
                return at + c.len_utf8();
            }
        }
    }
    text.len()
}

/// How deep in parentheses, brackets and CASEs each token stands.
pub(super) fn depths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    tokens
        .iter()
        .map(|token| {
            let is = |word: &str| token.kind == Kind::Word && token.text == word;
            if token.kind == Kind::Open || is("CASE") {
                depth += 1;
                depth - 1
            } else {
                if token.kind == Kind::Close || is("END") {
                    depth = depth.saturating_sub(1);
                }
                depth
            }
        })
        .collect()
}

/// Without the parentheses around all of it.
pub(super) fn unwrapped<'a, 't>(mut tokens: &'a [Token<'t>]) -> &'a [Token<'t>] {
    loop {
        let depths = depths(tokens);
        let around = tokens.len() >= 2
            && tokens.first().is_some_and(|token| token.text == "(")
            && tokens.last().is_some_and(|token| token.text == ")")
            && depths[1..tokens.len() - 1].iter().all(|depth| *depth > 0);
        if !around {
            return tokens;
        }
        tokens = &tokens[1..tokens.len() - 1];
    }
}

/// The parts between the word `at`, where it stands at the top.
pub(super) fn split<'a, 't>(tokens: &'a [Token<'t>], word: &str) -> Vec<&'a [Token<'t>]> {
    let depths = depths(tokens);
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        if depths[at] == 0 && token.kind == Kind::Word && token.text == word {
            parts.push(&tokens[start..at]);
            start = at + 1;
        }
    }
    parts.push(&tokens[start..]);
    parts
}
