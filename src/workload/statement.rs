//! The statement of a query file: exactly one, of a kind that can be timed, and its parameters.

use squawk_syntax::{SourceFile, SyntaxKind};

use super::header::Problem;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Without a final semicolon.
    pub(super) sql: String,
    /// The highest `$n`.
    pub(super) parameters: usize,
    /// The line it starts on.
    pub(super) line: usize,
}

/// What may be timed. Statements that write are let through to the server, which refuses them in a
/// read-only transaction; what could end that transaction or change the session's settings is not.
const FIRST_WORDS: [&str; 8] = [
    "select", "with", "values", "table", "insert", "update", "delete", "merge",
];

impl Statement {
    /// `text` starts after `lines_before` lines of the file.
    pub(super) fn parse(text: &str, lines_before: usize) -> Result<Self, Problem> {
        let line_at = |at: usize| lines_before + 1 + text[..at].matches('\n').count();
        let problem = |at: usize, message: String, hint: &str| {
            Err(Problem {
                line: line_at(at),
                message,
                hint: hint.to_owned(),
            })
        };
        // Only the tokens: whether it is good SQL is for the server to say.
        let tree = SourceFile::parse(text).syntax_node();
        let mut start = None;
        let mut end = None;
        let mut last = 0;
        let mut used = Vec::new();
        for token in tree
            .descendants_with_tokens()
            .filter_map(|it| it.into_token())
        {
            let range = token.text_range();
            let (from, to) = (usize::from(range.start()), usize::from(range.end()));
            match token.kind() {
                SyntaxKind::WHITESPACE | SyntaxKind::COMMENT => {}
                SyntaxKind::SEMICOLON => end = end.or(start.and(Some(from))),
                _ if end.is_some() => {
                    return problem(
                        from,
                        "a second statement begins here".into(),
                        "one file holds one statement",
                    );
                }
                kind => {
                    if start.is_none() {
                        let word = token.text().to_ascii_lowercase();
                        if !FIRST_WORDS.contains(&word.as_str()) && word != "(" {
                            return problem(
                                from,
                                format!("`{}` is not a query", token.text()),
                                "a query begins with SELECT, WITH, VALUES or TABLE",
                            );
                        }
                        start = Some(from);
                    }
                    if kind == SyntaxKind::POSITIONAL_PARAM {
                        let Some(n) = token.text()[1..].parse().ok().filter(|n| *n > 0) else {
                            return problem(
                                from,
                                format!("`{}` is no parameter", token.text()),
                                "parameters are $1, $2, …",
                            );
                        };
                        used.push(n);
                    }
                    last = to;
                }
            }
        }
        let Some(start) = start else {
            return problem(
                0,
                "there is no statement".into(),
                "write the query after the header",
            );
        };
        let parameters = used.iter().copied().max().unwrap_or(0);
        if let Some(gap) = (1..=parameters).find(|n| !used.contains(n)) {
            return problem(
                start,
                format!("the statement uses ${parameters} but not ${gap}"),
                "number the parameters without a gap",
            );
        }
        Ok(Self {
            sql: text[start..last].to_owned(),
            parameters,
            line: line_at(start),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_found_between_comments_and_its_parameters_are_counted() {
        let text = "/* a; */ -- b;\nSELECT ';', $$;$$, $2::int + $1 -- c; $9\n;\n-- the end\n";
        let statement = Statement::parse(text, 10).unwrap();
        assert_eq!(statement.sql, "SELECT ';', $$;$$, $2::int + $1");
        assert_eq!((statement.parameters, statement.line), (2, 12));
    }

    #[test]
    fn what_is_not_one_query_is_refused_with_its_line() {
        for (text, line, message) in [
            ("", 1, "there is no statement"),
            ("-- only\n;", 1, "there is no statement"),
            ("SELECT 1;\nSELECT 2", 2, "a second statement begins here"),
            (
                "SELECT 1;\n;\nROLLBACK",
                3,
                "a second statement begins here",
            ),
            ("\nCOMMIT", 2, "`COMMIT` is not a query"),
            ("SELECT $1, $3", 1, "the statement uses $3 but not $2"),
            ("SELECT $0", 1, "`$0` is no parameter"),
        ] {
            let problem = Statement::parse(text, 0).unwrap_err();
            assert_eq!(
                (problem.line, problem.message.as_str()),
                (line, message),
                "{text}"
            );
        }
    }
}
