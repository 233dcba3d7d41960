//! A migration file's text → its statements, by Postgres' own grammar (squawk): dollar quotes, nested
//! comments and quoted names with `;` or `--` in them are no trouble.

mod tokens;

use std::path::Path;

use squawk_syntax::{
    SourceFile,
    ast::{AstNode, Stmt},
};

use self::tokens::{Tokens, Wrong};
use super::{Comment, CreateIndex, DropIndex, Reindex, ReindexTarget, Statement};
use crate::{Error, Result, error::FileProblem};

/// What may stand in a migration, for messages.
const ALLOWED: &str = "a migration holds CREATE [UNIQUE] INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY, \
                       REINDEX … CONCURRENTLY and COMMENT ON INDEX, nothing else";

/// Parses a migration file.
///
/// # Errors
/// [`Error::Migration`] with line and column.
pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<Statement>> {
    statements(text).map_err(|Wrong { at, message, hint }| {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Error::Migration(FileProblem {
            file: file.to_owned(),
            line: Some(before.matches('\n').count() + 1),
            column: Some(before[line_start..].chars().count() + 1),
            message,
            hint,
        })
    })
}

fn statements(text: &str) -> Result<Vec<Statement>, Wrong> {
    if let Some(at) = text.find('\0') {
        return Err(Wrong::new(
            at,
            "a NUL byte",
            "Postgres takes no NUL in SQL; remove it",
        ));
    }
    let parsed = SourceFile::parse(text);
    let mut errors = parsed.errors();
    // The parser recovers from errors, so the tree is only to be trusted without any.
    errors.sort_by_key(|error| error.range().start());
    if let Some(error) = errors.first() {
        return Err(Wrong::new(
            usize::from(error.range().start()),
            format!("syntax error: {}", error.message()),
            ALLOWED,
        ));
    }
    let mut found = Vec::new();
    for stmt in parsed.tree().syntax().children().filter_map(Stmt::cast) {
        if let Stmt::EmptyStmt(_) = stmt {
            continue;
        }
        let tokens = Tokens::of(stmt.syntax());
        found.push(match stmt {
            Stmt::CreateIndex(_) => Statement::Create(create(tokens)?),
            Stmt::DropIndex(_) => Statement::Drop(drop_index(tokens)?),
            Stmt::Reindex(_) => Statement::Reindex(reindex(tokens)?),
            Stmt::CommentOn(_) => Statement::Comment(comment(tokens)?),
            _ => {
                return Err(Wrong::new(
                    tokens.offset(),
                    format!(
                        "{} does not belong into an index migration",
                        tokens.opening()
                    ),
                    ALLOWED,
                ));
            }
        });
    }
    if found.is_empty() {
        return Err(Wrong::new(0, "no statement in this file", ALLOWED));
    }
    Ok(found)
}

fn create(mut tokens: Tokens) -> Result<CreateIndex, Wrong> {
    tokens.word("CREATE")?;
    let unique = tokens.take("UNIQUE");
    tokens.word("INDEX")?;
    if !tokens.take("CONCURRENTLY") {
        return Err(Wrong::new(
            tokens.offset(),
            "this build would lock out every writer of the table: CONCURRENTLY is missing",
            "write CREATE INDEX CONCURRENTLY",
        ));
    }
    // IF NOT EXISTS says success over an invalid or different index of that name; the plan looks itself.
    if tokens.take("IF") {
        tokens.word("NOT")?;
        tokens.word("EXISTS")?;
    }
    if tokens.peek("ON") {
        return Err(Wrong::new(
            tokens.offset(),
            "the index has no name, so it could not be recognised on the next run",
            "name it: CREATE INDEX CONCURRENTLY idx_table_column ON …",
        ));
    }
    let at = tokens.offset();
    let name = tokens.name()?;
    if name.schema.is_some() {
        return Err(Wrong::new(
            at,
            "an index's name takes no schema here: it lives in its table's",
            "put the schema before the table's name",
        ));
    }
    tokens.word("ON")?;
    if tokens.peek("ONLY") {
        return Err(Wrong::new(
            tokens.offset(),
            "ONLY would leave the partitions without the index",
            "leave ONLY out: dbaudit builds each partition's index concurrently and attaches it",
        ));
    }
    let table = tokens.name()?;
    let (definition, predicate_at) = tokens.rest_and_predicate();
    Ok(CreateIndex {
        unique,
        name: name.name,
        table,
        definition,
        predicate_at,
    })
}

fn drop_index(mut tokens: Tokens) -> Result<DropIndex, Wrong> {
    tokens.word("DROP")?;
    tokens.word("INDEX")?;
    if !tokens.take("CONCURRENTLY") {
        return Err(Wrong::new(
            tokens.offset(),
            "this drop would wait for, and then lock out, every session that uses the table: \
             CONCURRENTLY is missing",
            "write DROP INDEX CONCURRENTLY",
        ));
    }
    if tokens.take("IF") {
        tokens.word("EXISTS")?;
    }
    let index = tokens.name()?;
    if !tokens.is_at_end() && !tokens.take("RESTRICT") {
        return Err(Wrong::new(
            tokens.offset(),
            "DROP INDEX CONCURRENTLY takes one index, and no CASCADE",
            "write one statement for each index",
        ));
    }
    Ok(DropIndex { index })
}

fn reindex(mut tokens: Tokens) -> Result<Reindex, Wrong> {
    let start = tokens.offset();
    let concurrently = tokens.contains("CONCURRENTLY");
    tokens.word("REINDEX")?;
    if tokens.take("(") {
        while !tokens.is_at_end() && !tokens.take(")") {
            tokens.skip();
        }
    }
    let target = if tokens.take("INDEX") {
        ReindexTarget::Index
    } else if tokens.take("TABLE") {
        ReindexTarget::Table
    } else {
        return Err(Wrong::new(
            tokens.offset(),
            "only REINDEX INDEX and REINDEX TABLE belong into a migration",
            "name the indexes or tables to rebuild",
        ));
    };
    if !concurrently {
        return Err(Wrong::new(
            start,
            "this rebuild would lock out every writer of the table: CONCURRENTLY is missing",
            "write REINDEX INDEX CONCURRENTLY",
        ));
    }
    tokens.take("CONCURRENTLY");
    Ok(Reindex {
        target,
        name: tokens.name()?,
    })
}

fn comment(mut tokens: Tokens) -> Result<Comment, Wrong> {
    let start = tokens.offset();
    tokens.word("COMMENT")?;
    tokens.word("ON")?;
    if !tokens.take("INDEX") {
        return Err(Wrong::new(
            start,
            "only COMMENT ON INDEX belongs into an index migration",
            ALLOWED,
        ));
    }
    let index = tokens.name()?;
    tokens.word("IS")?;
    let at = tokens.offset();
    let text = tokens.rest();
    let text = if text.eq_ignore_ascii_case("null") {
        None
    } else {
        let plain = text
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''));
        Some(plain.map(|text| text.replace("''", "'")).ok_or_else(|| {
            Wrong::new(
                at,
                "the comment is not a plain string",
                "write it as 'text'",
            )
        })?)
    };
    Ok(Comment { index, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Name;

    fn parsed(text: &str) -> Vec<Statement> {
        parse(Path::new("V1__x.sql"), text).unwrap()
    }

    fn refused(text: &str) -> (Option<usize>, Option<usize>, String) {
        match parse(Path::new("V1__x.sql"), text) {
            Err(Error::Migration(problem)) => (problem.line, problem.column, problem.message),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_index_is_read_with_its_definition_as_written() {
        let text = "-- a comment; with a semicolon\n/* and /* a nested */ one */\n\
                    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"Odd; -- \"\"name\" ON Shop.\"Orders\"\n  \
                    USING btree (lower(email) DESC /* why */, id) INCLUDE (x) WITH (fillfactor = 70) \
                    WHERE note <> $q$;--$q$;";
        let [Statement::Create(create)] = &parsed(text)[..] else {
            panic!()
        };
        assert!(create.unique);
        assert_eq!(create.name, "Odd; -- \"name");
        assert_eq!(
            create.table,
            Name {
                schema: Some("shop".into()),
                name: "Orders".into()
            }
        );
        assert_eq!(
            create.definition,
            "USING btree (lower(email) DESC , id) INCLUDE (x) WITH (fillfactor = 70) WHERE note <> $q$;--$q$"
        );
    }

    #[test]
    fn only_the_text_that_the_server_prints_is_taken_for_the_same_index() {
        for (definition, printed, same) in [
            ("(a, b DESC)", "USING btree (a, b DESC)", true),
            ("( a,  b /* x */ DESC )", "USING btree ( a, b DESC )", true),
            ("USING hash (a)", "USING hash (a)", true),
            (
                "(a) WHERE b = true",
                "USING btree (a) WHERE (b = true)",
                true,
            ),
            (
                "(a) WHERE (b = true)",
                "USING btree (a) WHERE (b = true)",
                true,
            ),
            ("(a) WHERE b OR c", "USING btree (a) WHERE (b OR c)", true),
            ("(a)", "USING btree (a DESC)", false),
            ("(a)", "USING hash (a)", false),
            ("(a)", "USING btree (a) WHERE (b = true)", false),
            ("(a text_pattern_ops)", "USING btree (a)", false),
            (
                "((CASE WHEN a THEN 1 END)) WHERE c",
                "USING btree ((CASE WHEN a THEN 1 END)) WHERE (c)",
                true,
            ),
        ] {
            let text = format!("CREATE INDEX CONCURRENTLY i ON t {definition};");
            let [Statement::Create(create)] = &parsed(&text)[..] else {
                panic!()
            };
            assert_eq!(create.reads_as(printed), same, "{definition} as {printed}");
        }
    }

    #[test]
    fn every_kind_of_statement_is_read() {
        let text = "CREATE INDEX CONCURRENTLY a ON t (x); DROP INDEX CONCURRENTLY IF EXISTS s.b;\n\
                    REINDEX INDEX CONCURRENTLY c; REINDEX (VERBOSE, CONCURRENTLY) TABLE t;\n\
                    COMMENT ON INDEX a IS 'it''s'; COMMENT ON INDEX a IS NULL;;";
        let statements = parsed(text);
        assert_eq!(statements.len(), 6);
        assert_eq!(
            statements[4],
            Statement::Comment(Comment {
                index: Name {
                    schema: None,
                    name: "a".into()
                },
                text: Some("it's".into())
            })
        );
        assert!(
            matches!(&statements[3], Statement::Reindex(r) if r.target == ReindexTarget::Table)
        );
    }

    #[test]
    fn what_may_not_stand_in_a_migration_is_refused_at_its_place() {
        for (text, line, column, part) in [
            ("CREATE INDEX i ON t (a);", 1, 14, "CONCURRENTLY is missing"),
            ("\n  CREATE INDEX CONCURRENTLY ON t (a);", 2, 29, "no name"),
            ("DROP INDEX i;", 1, 12, "CONCURRENTLY is missing"),
            ("DROP INDEX CONCURRENTLY a, b;", 1, 26, "one index"),
            ("REINDEX INDEX i;", 1, 1, "CONCURRENTLY is missing"),
            ("REINDEX SCHEMA CONCURRENTLY s;", 1, 9, "only REINDEX INDEX"),
            (
                "CREATE INDEX CONCURRENTLY i ON t (a);\nALTER TABLE t ADD x int;",
                2,
                1,
                "ALTER TABLE",
            ),
            ("COMMENT ON TABLE t IS 'x';", 1, 1, "COMMENT ON INDEX"),
            ("CREATE INDEX CONCURRENTLY i ON ONLY t (a);", 1, 32, "ONLY"),
            (
                "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT;",
                1,
                1,
                "BEGIN",
            ),
            ("-- nothing\n", 1, 1, "no statement"),
        ] {
            let (at_line, at_column, message) = refused(text);
            assert_eq!(
                (at_line, at_column),
                (Some(line), Some(column)),
                "{text}: {message}"
            );
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(
            refused("CREATE INDEX CONCURRENTLY i ON t (a")
                .2
                .contains("syntax error")
        );
        let long = "i".repeat(64);
        assert!(
            refused(&format!("CREATE INDEX CONCURRENTLY {long} ON t (a)"))
                .2
                .contains("63 bytes")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = parse(Path::new("V1__x.sql"), &text);
        }

        #[test]
        fn no_broken_statement_makes_the_parser_panic(cut in 0usize..120, with in "[\"'();$/*-]{0,3}") {
            let text = "CREATE UNIQUE INDEX CONCURRENTLY \"é\" ON s.t USING gin (lower(a) gin_trgm_ops, b) \
                        WHERE a <> 'x'; COMMENT ON INDEX i IS 'x';";
            let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let _ = parse(Path::new("V1__x.sql"), &format!("{}{with}", &text[..at]));
            let _ = parse(Path::new("V1__x.sql"), &format!("{}{with}{}", &text[..at], &text[at..]));
        }
    }
}
