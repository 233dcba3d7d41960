//! Conditions as the server prints them in a plan → terms that an index could serve.
//!
//! The server parenthesises every operation and qualifies every column (`VERBOSE`), so that no precedence is
//! needed: `((c.user_id = $1) AND (c.kind = 'x'::text))`.

mod token;

use self::token::{Kind, Token, depths, split, tokenize, unwrapped};

/// A column of a scan, by the scan's alias.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnUse {
    /// The alias; empty where the plan reads one table only and leaves it out.
    pub alias: String,
    pub column: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// As SQL, without the aliases.
    pub sql: String,
    /// The columns in it.
    pub columns: Vec<ColumnUse>,
    /// It is nothing but the one column, perhaps behind a cast to this type.
    pub bare: Option<Option<String>>,
    /// The number of the parameter that it is, perhaps behind a cast.
    pub parameter: Option<usize>,
    /// The numbers of all parameters in it.
    pub parameters: Vec<usize>,
    /// The text of the string literal that it is, perhaps behind a cast.
    pub literal: Option<String>,
    /// A parameter occurs in it, or something that is not known when an index is built.
    pub varies: bool,
    /// A constant occurs in it that may be another in the statement's next call, such as the place from which a
    /// distance is taken; not one that says what is computed, such as the field of a document.
    pub fitted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// `left operator right`; `= ANY` for a list.
    Compare {
        left: Operand,
        /// `=`, `<`, `~~`, `= ANY`, …
        operator: String,
        right: Operand,
        /// The whole as SQL, without the aliases.
        sql: String,
    },
    /// Anything else that is true or false: `t.flag`, `(NOT t.flag)`, `(t.x IS NULL)`.
    Holds(Operand),
    Any(Vec<Vec<Term>>),
}

/// The terms of a condition, all of which must hold.
pub fn terms(condition: &str) -> Vec<Term> {
    let tokens = tokenize(condition);
    let mut found = Vec::new();
    collect(condition, &tokens, &mut found);
    found
}

/// One expression, such as a sort key without its direction.
pub(super) fn operand_of(text: &str) -> Operand {
    operand(text, &tokenize(text))
}

fn collect(text: &str, tokens: &[Token<'_>], found: &mut Vec<Term>) {
    let tokens = unwrapped(tokens);
    let all = split(tokens, "AND");
    if all.len() > 1 {
        for part in all {
            collect(text, part, found);
        }
        return;
    }
    let any = split(tokens, "OR");
    if any.len() > 1 {
        let arms = any.into_iter().map(|part| {
            let mut terms = Vec::new();
            collect(text, part, &mut terms);
            terms
        });
        found.push(Term::Any(arms.collect()));
        return;
    }
    let depths = depths(tokens);
    let operator = (0..tokens.len())
        .find(|at| depths[*at] == 0 && tokens[*at].kind == Kind::Operator && *at > 0);
    match operator {
        Some(at) => {
            let (left, mut right) = (&tokens[..at], &tokens[at + 1..]);
            let mut operator = tokens[at].text.to_owned();
            if let Some(word) = right.first().filter(|token| token.kind == Kind::Word)
                && matches!(word.text, "ANY" | "ALL")
            {
                operator = format!("{operator} {}", word.text);
                right = unwrapped(&right[1..]);
            }
            found.push(Term::Compare {
                left: operand(text, left),
                operator,
                right: operand(text, right),
                sql: sql(text, tokens),
            });
        }
        None => found.push(Term::Holds(operand(text, tokens))),
    }
}

fn operand(text: &str, tokens: &[Token<'_>]) -> Operand {
    let tokens = unwrapped(tokens);
    let columns = columns(tokens);
    // `column`, `alias.column` or `(alias.column)::type`.
    let cast = depths(tokens)
        .iter()
        .zip(tokens)
        .position(|(depth, token)| *depth == 0 && token.kind == Kind::Cast);
    let (inner, cast) = match cast {
        Some(at) => (
            unwrapped(&tokens[..at]),
            Some(slice(text, &tokens[at + 1..]).to_owned()),
        ),
        None => (tokens, None),
    };
    let is_column =
        columns.len() == 1 && matches!(inner.len(), 1 | 3) && inner.iter().all(is_name_part);
    let only = match inner {
        [only] => Some(*only),
        _ => None,
    };
    Operand {
        sql: sql(text, tokens),
        bare: is_column.then_some(cast),
        parameter: only
            .filter(|token| token.kind == Kind::Parameter)
            .and_then(|token| token.text[1..].parse().ok()),
        parameters: tokens
            .iter()
            .filter(|token| token.kind == Kind::Parameter)
            .filter_map(|token| token.text[1..].parse().ok())
            .collect(),
        literal: only
            .filter(|token| token.kind == Kind::Text)
            .map(|token| unquote(token.text)),
        varies: tokens.iter().any(|token| {
            token.kind == Kind::Parameter || (token.kind == Kind::Word && is_unsteady(token.text))
        }),
        fitted: is_fitted(tokens),
        columns,
    }
}

/// What is sorted by where the nearest are asked for: the two sides of the one operator in it, of which one is a constant
/// or parameter: `p <-> $1`.
pub(super) fn measured(text: &str) -> Option<(Operand, String, Operand)> {
    let tokens = tokenize(text);
    let tokens = unwrapped(&tokens);
    let depths = depths(tokens);
    let mut operators =
        (1..tokens.len()).filter(|at| depths[*at] == 0 && tokens[*at].kind == Kind::Operator);
    let at = operators.next().filter(|_| operators.next().is_none())?;
    let (left, right) = (
        operand(text, &tokens[..at]),
        operand(text, &tokens[at + 1..]),
    );
    let is_measured = left.columns.is_empty() != right.columns.is_empty();
    is_measured.then(|| (left, tokens[at].text.to_owned(), right))
}

/// Functions whose constants say what is computed.
const SHAPING: [&str; 20] = [
    "coalesce",
    "nullif",
    "date_trunc",
    "date_part",
    "extract",
    "date_bin",
    "timezone",
    "substring",
    "substr",
    "left",
    "right",
    "split_part",
    "to_char",
    "to_tsvector",
    "round",
    "trunc",
    "btrim",
    "ltrim",
    "rtrim",
    "replace",
];
/// Operators of which the same holds: what is taken out of a document, and what makes one number of another.
const SHAPING_OPERATORS: [&str; 8] = ["->", "->>", "#>", "#>>", "*", "/", "%", "||"];

fn is_fitted(tokens: &[Token<'_>]) -> bool {
    // The word before each parenthesis that is open.
    let mut open: Vec<&str> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        match token.kind {
            Kind::Open => open.push(
                before
                    .filter(|before| before.kind == Kind::Word)
                    .map_or("", |before| before.text),
            ),
            Kind::Close => {
                open.pop();
            }
            Kind::Text | Kind::Number => {
                let shapes = |word: &&str| SHAPING.iter().any(|one| one.eq_ignore_ascii_case(word));
                let next = tokens.get(at + 1);
                let beside = [before, next].into_iter().flatten();
                let is_shape = beside
                    .filter(|token| token.kind == Kind::Operator)
                    .any(|token| SHAPING_OPERATORS.contains(&token.text));
                // `numeric(10,2)`
                let is_modifier = open.last().is_some_and(|word| {
                    matches!(
                        *word,
                        "numeric" | "varchar" | "char" | "bpchar" | "varying" | "character"
                    )
                });
                if !is_shape && !is_modifier && !open.iter().any(shapes) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// What gives another value tomorrow, or is not of this row.
fn is_unsteady(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "now"
            | "current_date"
            | "current_timestamp"
            | "localtimestamp"
            | "localtime"
            | "current_time"
            | "transaction_timestamp"
            | "statement_timestamp"
            | "clock_timestamp"
            | "random"
            | "current_user"
            | "session_user"
            | "current_setting"
            | "subplan"
            | "initplan"
            | "alternatives"
            | "current_database"
            | "current_schema"
            | "nextval"
            | "timeofday"
            | "gen_random_uuid"
    )
}

fn is_name_part(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Dot)
}

/// `alias.column` anywhere; a lone name only where it can be nothing else.
fn columns(tokens: &[Token<'_>]) -> Vec<ColumnUse> {
    let name = |token: &Token<'_>| matches!(token.kind, Kind::Word | Kind::Quoted);
    let mut found: Vec<ColumnUse> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_type = at > 0 && tokens[at - 1].kind == Kind::Cast;
        let dotted = tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Dot)
            && tokens.get(at + 2).is_some_and(name);
        let called = |at: usize| tokens.get(at).is_some_and(|t| t.text == "(");
        if name(&tokens[at]) && dotted && !is_type && !called(at + 3) {
            found.push(ColumnUse {
                alias: unquote(tokens[at].text),
                column: unquote(tokens[at + 2].text),
            });
            at += 3;
            continue;
        }
        // A lone column is the whole of its text: `id`.
        if tokens.len() == 1 && name(&tokens[at]) && !is_constant(tokens[at].text) {
            found.push(ColumnUse {
                alias: String::new(),
                column: unquote(tokens[at].text),
            });
        }
        at += 1;
    }
    found.sort();
    found.dedup();
    found
}

fn is_constant(word: &str) -> bool {
    matches!(word, "true" | "false" | "NULL")
}

fn unquote(text: &str) -> String {
    let text = text
        .strip_prefix('E')
        .filter(|t| t.starts_with('\''))
        .unwrap_or(text);
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            return inner.replace(&format!("{quote}{quote}"), &quote.to_string());
        }
    }
    text.to_owned()
}

fn slice<'t>(text: &'t str, tokens: &[Token<'_>]) -> &'t str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => &text[first.from..last.to],
        _ => "",
    }
}

/// The text of the tokens without the aliases before columns.
fn sql(text: &str, tokens: &[Token<'_>]) -> String {
    let mut shown = String::new();
    let mut at = 0;
    let mut end = tokens.first().map_or(0, |token| token.from);
    while at < tokens.len() {
        let token = tokens[at];
        shown.push_str(&text[end..token.from]);
        end = token.to;
        let is_type = at > 0 && tokens[at - 1].kind == Kind::Cast;
        let dotted = tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Dot);
        let called = tokens.get(at + 3).is_some_and(|t| t.text == "(");
        if matches!(token.kind, Kind::Word | Kind::Quoted) && dotted && !is_type && !called {
            end = tokens[at + 1].to;
            at += 2;
            continue;
        }
        shown.push_str(token.text);
        at += 1;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(condition: &str) -> Vec<String> {
        terms(condition).iter().map(show).collect()
    }

    fn show(term: &Term) -> String {
        match term {
            Term::Compare {
                left,
                operator,
                right,
                ..
            } => {
                format!("{} {operator} {}", side(left), side(right))
            }
            Term::Holds(operand) => side(operand),
            Term::Any(arms) => {
                let arms: Vec<String> = arms
                    .iter()
                    .map(|arm| arm.iter().map(show).collect::<Vec<_>>().join(" & "))
                    .collect();
                arms.join(" | ")
            }
        }
    }

    fn side(operand: &Operand) -> String {
        match (&operand.bare, operand.parameter, &operand.literal) {
            (Some(None), ..) => format!(
                "<{}.{}>",
                operand.columns[0].alias, operand.columns[0].column
            ),
            (Some(Some(cast)), ..) => format!("<{}:{cast}>", operand.columns[0].column),
            (_, Some(n), _) => format!("p{n}"),
            (_, _, Some(literal)) => format!("'{literal}'"),
            _ if operand.varies => format!("~{}", operand.sql),
            _ => operand.sql.clone(),
        }
    }

    #[test]
    fn conditions_are_read_as_the_server_prints_them() {
        for (condition, wanted) in [
            ("(c.user_id = $1)", vec!["<c.user_id> = p1"]),
            (
                "((c.content_type = $1) AND (c.audience_level = 'it''s'::text))",
                vec!["<c.content_type> = p1", "<c.audience_level> = 'it's'"],
            ),
            ("(cm.content_id = c.id)", vec!["<cm.content_id> = <c.id>"]),
            (
                "(t.flag AND (NOT t.flag) AND (t.b ~~ '%x%'::text))",
                vec!["<t.flag>", "NOT flag", "<t.b> ~~ '%x%'"],
            ),
            (
                "((t.v)::text = ANY ('{a,b}'::text[]))",
                vec!["<v:text> = ANY '{a,b}'"],
            ),
            ("(lower(t.b) = $3)", vec!["lower(b) = p3"]),
            (
                "(t.ts > (now() - '1 day'::interval))",
                vec!["<t.ts> > ~now() - '1 day'::interval"],
            ),
            (
                "((t.a = 3) OR ((t.b = $2) AND (t.c < 4)))",
                vec!["<t.a> = 3 | <t.b> = p2 & <t.c> < 4"],
            ),
            (
                "(\"Odd T\".\"a\"\"b\" = ($1)::bigint)",
                vec!["<Odd T.a\"b> = p1"],
            ),
            ("(t.x IS NULL)", vec!["x IS NULL"]),
            ("(hashed SubPlan 1)", vec!["~hashed SubPlan 1"]),
            (
                "(CASE WHEN (t.a = 1) THEN 2 ELSE 3 END = $1)",
                vec!["CASE WHEN (a = 1) THEN 2 ELSE 3 END = p1"],
            ),
            ("(s.f(t.a) = E'a\\\\b'::text)", vec!["s.f(a) = 'a\\\\b'"]),
        ] {
            assert_eq!(shown(condition), wanted, "{condition}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = terms(&text);
            let _ = operand_of(&text);
        }

        #[test]
        fn no_brackets_make_it_panic(text in "[ ()'\"a.$1=:\\[\\]ORE]{0,40}") {
            let _ = terms(&text);
        }
    }
}
