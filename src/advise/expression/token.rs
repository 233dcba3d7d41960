//! The text of a condition in tokens, and how they nest.

use crate::workload::{TokenKind, tokens};

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
    let mut found: Vec<Token<'_>> = Vec::new();
    for token in tokens(text) {
        let kind = match (token.kind, token.text) {
            (TokenKind::Word, _) => Kind::Word,
            (TokenKind::Quoted, _) => Kind::Quoted,
            (TokenKind::Text, _) => Kind::Text,
            (TokenKind::Number, _) => Kind::Number,
            (TokenKind::Parameter, _) => Kind::Parameter,
            (_, "(" | "[") => Kind::Open,
            (_, ")" | "]") => Kind::Close,
            (_, ",") => Kind::Comma,
            (_, ".") => Kind::Dot,
            (_, ":") => Kind::Cast,
            _ => Kind::Operator,
        };
        let (from, to) = (token.range.start, token.range.end);
        // An operator comes character by character.
        match found.last_mut() {
            Some(last)
                if last.kind == kind
                    && last.to == from
                    && matches!(kind, Kind::Operator | Kind::Cast) =>
            {
                last.to = to;
                last.text = text.get(last.from..to).unwrap_or_default();
            }
            _ => found.push(Token {
                kind,
                text: token.text,
                from,
                to,
            }),
        }
    }
    found
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
pub(super) fn unwrapped<'a, 't>(tokens: &'a [Token<'t>]) -> &'a [Token<'t>] {
    let opened = tokens.iter().take_while(|token| token.text == "(").count();
    let closed = tokens
        .iter()
        .rev()
        .take_while(|token| token.text == ")")
        .count();
    let depths = depths(tokens);
    let inner = depths
        .get(opened..tokens.len() - closed)
        .unwrap_or_default();
    let around = inner.iter().copied().min().unwrap_or(opened);
    let around = around.min(opened).min(closed);
    &tokens[around..tokens.len() - around]
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
