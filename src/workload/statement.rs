//! A file's queries, told apart: the comments before each, and its one statement, its parameters numbered.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    ops::Range,
};

use super::{
    comment::{Comment, Problem},
    role::{Role, roles},
    token::{Token, TokenKind, replaced, tokens_and_comments},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Without a final semicolon; named parameters numbered.
    pub(super) sql: String,
    /// The name of each parameter, from `$1`; `None` where the file has numbers.
    pub(super) parameters: Vec<Option<String>>,
    /// What the text tells of each parameter.
    pub(super) roles: Vec<Option<Role>>,
    pub(super) line: usize,
    /// It writes, or locks rows.
    pub(super) writes: bool,
    /// Its first word, where that begins nothing that can be timed.
    pub(super) untimed: Option<String>,
}

/// The comments at the beginning of lines before a statement, and the statement.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    pub(super) comments: Vec<Comment>,
    pub(super) statement: Option<Statement>,
    /// The line after everything in it, for what is missing.
    pub(super) end: usize,
}

/// What may be timed; those that write, in a transaction that is rolled back. What could end that transaction or
/// change the session's settings is not.
const FIRST_WORDS: [&str; 8] = [
    "select", "with", "values", "table", "insert", "update", "delete", "merge",
];

/// The queries of a file. One begins with its comments, and ends with a semicolon, or where a comment names the next.
pub(super) fn sections(text: &str) -> Result<Vec<Section>, Problem> {
    let line_at = |at: usize| 1 + text[..at].matches('\n').count();
    // Only the tokens: whether it is good SQL is for the server to say.
    let mut all = Vec::new();
    let mut open = Open::default();
    for token in tokens_and_comments(text) {
        let range = token.range.clone();
        match token.kind {
            TokenKind::Comment => {
                let begins_line = text[..range.start]
                    .rsplit('\n')
                    .next()
                    .is_none_or(|before| before.trim().is_empty());
                let Some(comment) = Comment::of(token.text, line_at(range.start)) else {
                    continue;
                };
                if !begins_line || (open.is_inside() && !comment.is_name()) {
                    continue;
                }
                if !open.tokens.is_empty() {
                    all.push(std::mem::take(&mut open).close(text, line_at(range.start))?);
                }
                open.comments.push(comment);
            }
            TokenKind::Semicolon => open.is_done = !open.tokens.is_empty(),
            _ => {
                if open.is_done {
                    all.push(std::mem::take(&mut open).close(text, line_at(range.start))?);
                }
                open.tokens.push(token);
            }
        }
    }
    let is_named = open.comments.iter().any(Comment::is_name);
    if !open.tokens.is_empty() || is_named || all.is_empty() {
        all.push(open.close(text, line_at(text.len()))?);
    }
    Ok(all)
}

#[derive(Debug, Default)]
struct Open<'t> {
    comments: Vec<Comment>,
    tokens: Vec<Token<'t>>,
    is_done: bool,
}

impl<'t> Open<'t> {
    fn is_inside(&self) -> bool {
        !self.tokens.is_empty() && !self.is_done
    }

    fn close(self, text: &'t str, end: usize) -> Result<Section, Problem> {
        let statement = if self.tokens.is_empty() {
            None
        } else {
            Some(Statement::of(text, self.tokens)?)
        };
        Ok(Section {
            comments: self.comments,
            statement,
            end,
        })
    }
}

impl Statement {
    /// A text that is one statement and nothing else.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut sections = sections(text)?.into_iter();
        let first = sections.next().unwrap_or_default();
        let lacks = first.lacks_statement();
        let second = sections.find_map(|section| section.statement);
        match (first.statement, second) {
            (Some(statement), None) => statement.timed(),
            (_, Some(second)) => Err(second.is_second()),
            (None, None) => Err(lacks),
        }
    }

    /// The statement, if it is of a kind that can be timed.
    pub(super) fn timed(self) -> Result<Self, Problem> {
        match &self.untimed {
            Some(word) => Err(Problem {
                line: self.line,
                message: format!("`{word}` is not a query"),
                hint: "a query begins with SELECT, WITH, VALUES or TABLE".into(),
            }),
            None => Ok(self),
        }
    }

    pub(super) fn is_second(&self) -> Problem {
        Problem {
            line: self.line,
            message: "a second statement begins here".into(),
            hint: "start each query of a file with a line `-- name: …`".into(),
        }
    }

    fn of(text: &str, tokens: Vec<Token<'_>>) -> Result<Self, Problem> {
        let line_at = |at: usize| 1 + text[..at].matches('\n').count();
        let (first, last) = match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => (first.range.start, last.range.end),
            _ => (0, 0),
        };
        let numbered = number(text, &tokens).map_err(|(at, message)| Problem {
            line: line_at(at),
            message,
            hint: "write parameters as $1, $2, …, as @name or as :name".into(),
        })?;
        let parts: Vec<(Range<usize>, String)> = numbered
            .replacements
            .into_iter()
            .map(|(range, new)| (range.start - first..range.end - first, new))
            .collect();
        let sql = replaced(&text[first..last], &parts);
        let count = numbered.parameters.len();
        if let Some(gap) = (1..=count).find(|n| !numbered.used.contains(n)) {
            return Err(Problem {
                line: line_at(first),
                message: format!("the statement uses ${count} but not ${gap}"),
                hint: "number the parameters without gaps".into(),
            });
        }
        let untimed = tokens
            .iter()
            .find(|token| token.text != "(")
            .filter(|token| !FIRST_WORDS.iter().any(|word| token.is(word)))
            .map(|token| token.text.to_owned());
        Ok(Self {
            roles: roles(&super::token::tokens(&sql).collect::<Vec<_>>(), count),
            sql,
            parameters: numbered.parameters,
            line: line_at(first),
            writes: writes(&tokens),
            untimed,
        })
    }
}

impl Section {
    pub(super) fn lacks_statement(&self) -> Problem {
        Problem {
            line: self.end,
            message: "the file contains no statement after the header".into(),
            hint: "write the query after the header".into(),
        }
    }
}

/// A part of the statement that writes, or that locks rows: INSERT INTO, UPDATE, DELETE FROM, MERGE INTO at its beginning
/// or in parentheses, FOR UPDATE and its kin.
fn writes(tokens: &[Token<'_>]) -> bool {
    (0..tokens.len()).any(|at| {
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(word));
        let begins = at == 0 || is(at - 1, "(") || is(at - 1, ")");
        let follows = |word: &str| at > 0 && is(at - 1, word);
        (is(at, "insert") && is(at + 1, "into"))
            || (is(at, "delete") && is(at + 1, "from") && !follows("on"))
            || (is(at, "merge") && is(at + 1, "into"))
            || (is(at, "update") && (begins || follows("for") || follows("key")))
            || (is(at, "share") && (follows("for") || follows("key")))
    })
}

struct NumberedParameters {
    /// The name of each, from `$1`.
    parameters: Vec<Option<String>>,
    used: BTreeSet<usize>,
    replacements: Vec<(Range<usize>, String)>,
}

/// Finds the parameters: `$1`; sqlc's `@name`, `sqlc.arg(name)` and `sqlc.narg(name)`, and Yesql's `:name`, which get the
/// numbers that no `$1` has, in the order they come in, as with sqlc. `sqlc.embed(t)` becomes `t.*`.
fn number(text: &str, tokens: &[Token<'_>]) -> Result<NumberedParameters, (usize, String)> {
    let explicit: BTreeSet<usize> = tokens.iter().filter_map(Token::parameter).collect();
    let mut free = (1..).filter(|n| !explicit.contains(n));
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut numbered = NumberedParameters {
        parameters: Vec::new(),
        used: BTreeSet::new(),
        replacements: Vec::new(),
    };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let mut name = None;
        let mut end = token.range.end;
        let mut skip = 1;
        if token.kind == TokenKind::Parameter {
            let Some(n) = token.parameter() else {
                let message = format!("`{}` is not a parameter", token.text);
                return Err((token.range.start, message));
            };
            numbered.used.insert(n);
        } else if matches!(token.text, "@" | ":")
            && let Some(next) = tokens.get(at + 1)
            && next.range.start == token.range.end
            && is_word(next.text)
            && !joins(text, token)
        {
            name = Some(next.text.to_owned());
            end = next.range.end;
            skip = 2;
        } else if let Some((function, argument, close)) = call_of_sqlc(&tokens[at..]) {
            end = close;
            skip = 6;
            if function == "embed" {
                numbered
                    .replacements
                    .push((token.range.start..end, format!("{argument}.*")));
            } else {
                name = Some(argument);
            }
        }
        if let Some(name) = name {
            let n = match numbers.entry(name) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(free.next().unwrap_or(1)),
            };
            numbered.used.insert(n);
            let range = token.range.start..end;
            numbered.replacements.push((range, format!("${n}")));
        }
        at += skip;
    }
    numbered.parameters = vec![None; numbered.used.last().copied().unwrap_or(0)];
    for (name, n) in numbers {
        if let Some(parameter) = numbered.parameters.get_mut(n - 1) {
            *parameter = Some(name);
        }
    }
    Ok(numbered)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether what stands right before `@` or `:` makes it a part of something else: an operator (`<@`), a cast (`::`), a
/// slice (`a[1:n]`).
fn joins(text: &str, token: &Token<'_>) -> bool {
    let before = text[..token.range.start].chars().next_back();
    before.is_some_and(|c| match token.text {
        "@" => "+-*/<>=~!@#%^&|`?".contains(c),
        _ => c == ':' || c.is_alphanumeric() || "_])\"'$".contains(c),
    })
}

/// `sqlc . arg ( name )`: the function, its argument, and where it ends.
fn call_of_sqlc(tokens: &[Token<'_>]) -> Option<(String, String, usize)> {
    let [sqlc, dot, function, open, argument, close, ..] = tokens else {
        return None;
    };
    let function = function.text.to_ascii_lowercase();
    let is_call = sqlc.is("sqlc") && dot.text == "." && open.text == "(" && close.text == ")";
    if !is_call || !["arg", "narg", "slice", "embed"].contains(&function.as_str()) {
        return None;
    }
    let argument = argument.text.trim_matches('\'').to_owned();
    Some((function, argument, close.range.end))
}
