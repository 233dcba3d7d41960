//! A migration file's text → its statements, by Postgres' own grammar (squawk): dollar quotes, nested
//! comments and quoted names with `;` or `--` in them are handled.

pub(super) mod tokens;

use std::path::Path;

use squawk_syntax::{
    SourceFile,
    ast::{self, AstNode, Stmt},
};

use self::tokens::{SyntaxProblem, Tokens};
use super::{
    Comment, CreateIndex, DropIndex, Reindex, ReindexTarget, Statement, section::down_parts,
};
use crate::error::FileProblem;

/// What may stand in a migration, for messages.
const ALLOWED: &str = "a migration may contain only CREATE [UNIQUE] INDEX CONCURRENTLY, DROP INDEX \
     CONCURRENTLY, REINDEX … CONCURRENTLY and COMMENT ON INDEX";

/// How the message ends about a statement of another kind.
pub(super) const NO_INDEX_STATEMENT: &str = "is not allowed in an index migration";

#[derive(Debug)]
pub(super) struct ParsedMigration {
    /// In order, those of a Down part left out.
    pub(super) statements: Vec<Statement>,
    /// The line that each begins on, from 1.
    pub(super) lines: Vec<usize>,
    /// How many statements of a Down part were left out.
    pub(super) left_out: usize,
}

/// Parses a migration file.
///
/// # Errors
/// Everything that is wrong with it, with line and column.
pub(super) fn parse(file: &Path, text: &str) -> Result<ParsedMigration, Vec<FileProblem>> {
    let in_file = |SyntaxProblem { at, message, hint }: SyntaxProblem| {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        FileProblem {
            file: file.to_owned(),
            line: Some(before.matches('\n').count() + 1),
            column: Some(before[line_start..].chars().count() + 1),
            message,
            hint,
        }
    };
    statements(text).map_err(|wrong| wrong.into_iter().map(in_file).collect())
}

fn statements(text: &str) -> Result<ParsedMigration, Vec<SyntaxProblem>> {
    if let Some(at) = text.find('\0') {
        let hint = "Postgres does not accept NUL in SQL; remove it";
        return Err(vec![SyntaxProblem::new(at, "a NUL byte", hint)]);
    }
    // A byte order mark, which some editors write, is blank here: every place in the text stays where it is.
    let text = text.replacen('\u{feff}', "   ", usize::from(text.starts_with('\u{feff}')));
    let source = SourceFile::parse(&text);
    // The parser recovers from errors, so the tree is only to be trusted without any.
    let mut errors = source.errors();
    errors.sort_by_key(|error| error.range().start());
    if let Some(error) = errors.first() {
        let at = usize::from(error.range().start());
        let message = format!("syntax error: {}", error.message());
        return Err(vec![SyntaxProblem::new(at, message, ALLOWED)]);
    }
    let down = down_parts(&text);
    let (mut found, mut lines, mut wrong, mut left_out) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for stmt in source.tree().syntax().children().filter_map(Stmt::cast) {
        let at = usize::from(stmt.syntax().text_range().start());
        if let Stmt::EmptyStmt(_) = stmt {
            continue;
        }
        if down.iter().any(|part| part.contains(&at)) {
            left_out += 1;
            continue;
        }
        let statement = statement(&stmt).and_then(|statement| {
            undoes_nothing(&found, &statement, at)?;
            Ok(statement)
        });
        match statement {
            Ok(statement) => {
                found.push(statement);
                lines.push(text[..at].matches('\n').count() + 1);
            }
            Err(error) => wrong.push(error),
        }
    }
    // Comments alone are an example, or what is still to come.
    let is_empty = found.is_empty() && wrong.is_empty();
    if is_empty && (left_out > 0 || text.trim().is_empty()) {
        wrong.push(SyntaxProblem::new(
            0,
            "the file contains no statement",
            ALLOWED,
        ));
    }
    if wrong.is_empty() {
        Ok(ParsedMigration {
            statements: found,
            lines,
            left_out,
        })
    } else {
        Err(wrong)
    }
}

/// A file that drops what it creates itself is one with a Down part that nothing marks.
fn undoes_nothing(
    before: &[Statement],
    statement: &Statement,
    at: usize,
) -> Result<(), SyntaxProblem> {
    let Statement::Drop(DropIndex { index }) = statement else {
        return Ok(());
    };
    let creates = before.iter().any(|statement| match statement {
        Statement::Create(create) => {
            // Where only one of them says a schema, the server knows: crate::plan.
            create.name == index.name && create.table.schema == index.schema
        }
        _ => false,
    });
    if !creates {
        return Ok(());
    }
    Err(SyntaxProblem::new(
        at,
        format!("this file creates index {index} and drops it again"),
        "if the end of the file is a Down section, mark it as its tool does (-- +goose Down, -- \
         migrate:down), or remove it",
    ))
}

fn statement(stmt: &Stmt) -> Result<Statement, SyntaxProblem> {
    let tokens = Tokens::of(stmt.syntax());
    Ok(match stmt {
        Stmt::CreateIndex(_) => Statement::Create(create(tokens)?),
        Stmt::DropIndex(_) => Statement::Drop(drop_index(tokens)?),
        Stmt::Reindex(tree) => Statement::Reindex(reindex(tree, tokens)?),
        Stmt::CommentOn(tree) => Statement::Comment(comment(tree, tokens)?),
        _ => {
            return Err(SyntaxProblem::new(
                tokens.offset(),
                format!("{} {NO_INDEX_STATEMENT}", tokens.opening()),
                ALLOWED,
            ));
        }
    })
}

fn create(mut tokens: Tokens) -> Result<CreateIndex, SyntaxProblem> {
    tokens.word("CREATE")?;
    let unique = tokens.take("UNIQUE");
    tokens.word("INDEX")?;
    if !tokens.take("CONCURRENTLY") {
        return Err(SyntaxProblem::new(
            tokens.offset(),
            "this build would block every writer of the table: CONCURRENTLY is missing",
            "write CREATE INDEX CONCURRENTLY",
        ));
    }
    // IF NOT EXISTS says success over an invalid or different index of that name; the plan looks itself.
    if tokens.take("IF") {
        tokens.word("NOT")?;
        tokens.word("EXISTS")?;
    }
    if tokens.peek("ON") {
        return Err(SyntaxProblem::new(
            tokens.offset(),
            "the index has no name, so the next run could not recognise it",
            "name it: CREATE INDEX CONCURRENTLY idx_table_column ON …",
        ));
    }
    let at = tokens.offset();
    let name = tokens.name()?;
    if name.schema.is_some() {
        return Err(SyntaxProblem::new(
            at,
            "the index name has a schema; an index always has the schema of its table",
            "put the schema before the table name instead",
        ));
    }
    tokens.word("ON")?;
    if tokens.peek("ONLY") {
        return Err(SyntaxProblem::new(
            tokens.offset(),
            "ONLY would leave the partitions without the index",
            "remove ONLY: dbaudit builds the index of each partition concurrently and attaches it",
        ));
    }
    let table = tokens.name()?;
    let (definition, predicate_at) = tokens.rest_and_predicate(&table);
    Ok(CreateIndex {
        unique,
        name: name.name,
        table,
        definition,
        predicate_at,
    })
}

fn drop_index(mut tokens: Tokens) -> Result<DropIndex, SyntaxProblem> {
    tokens.word("DROP")?;
    tokens.word("INDEX")?;
    if !tokens.take("CONCURRENTLY") {
        return Err(SyntaxProblem::new(
            tokens.offset(),
            "this drop would wait for every session that uses the table and block new ones: CONCURRENTLY is \
             missing",
            "write DROP INDEX CONCURRENTLY",
        ));
    }
    if tokens.take("IF") {
        tokens.word("EXISTS")?;
    }
    let index = tokens.name()?;
    if !tokens.is_at_end() && !tokens.take("RESTRICT") {
        return Err(SyntaxProblem::new(
            tokens.offset(),
            "DROP INDEX CONCURRENTLY drops one index at a time, without CASCADE",
            "write one statement per index",
        ));
    }
    Ok(DropIndex { index })
}

fn reindex(tree: &ast::Reindex, mut tokens: Tokens) -> Result<Reindex, SyntaxProblem> {
    let start = tokens.offset();
    let mut concurrently = tokens.contains("CONCURRENTLY");
    let mut tablespace = None;
    for option in tree
        .reindex_option_list()
        .iter()
        .flat_map(|list| list.reindex_options())
    {
        let mut option = Tokens::of(option.syntax());
        let at = option.offset();
        if option.take("TABLESPACE") {
            tablespace = Some(option.identifier()?);
        } else if option.take("CONCURRENTLY") {
            concurrently = option.switch()?;
        } else if !option.take("VERBOSE") {
            // VERBOSE only has the server say more; nothing else is carried through.
            return Err(SyntaxProblem::new(
                at,
                format!(
                    "REINDEX does not support the option {} here",
                    option.opening()
                ),
                "dbaudit supports CONCURRENTLY, TABLESPACE and VERBOSE: remove the option",
            ));
        }
    }
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
        return Err(SyntaxProblem::new(
            tokens.offset(),
            format!("REINDEX {} is not allowed in a migration", tokens.opening()),
            "name the indexes or tables to rebuild: REINDEX INDEX CONCURRENTLY, REINDEX TABLE CONCURRENTLY",
        ));
    };
    if !concurrently {
        return Err(SyntaxProblem::new(
            start,
            "this rebuild would block every writer of the table: CONCURRENTLY is missing",
            "write REINDEX INDEX CONCURRENTLY",
        ));
    }
    tokens.take("CONCURRENTLY");
    Ok(Reindex {
        target,
        name: tokens.name()?,
        tablespace,
    })
}

fn comment(tree: &ast::CommentOn, mut tokens: Tokens) -> Result<Comment, SyntaxProblem> {
    let start = tokens.offset();
    tokens.word("COMMENT")?;
    tokens.word("ON")?;
    if !tokens.take("INDEX") {
        return Err(SyntaxProblem::new(
            start,
            "the only COMMENT allowed in an index migration is COMMENT ON INDEX",
            ALLOWED,
        ));
    }
    let index = tokens.name()?;
    tokens.word("IS")?;
    let at = tokens.offset();
    let text = match tree.literal() {
        None => None,
        Some(literal) => Some(literal.string_value().ok_or_else(|| {
            SyntaxProblem::new(at, "the comment is not a string", "write it as 'text'")
        })?),
    };
    Ok(Comment {
        index,
        // Postgres takes an empty comment for none.
        text: text.filter(|text| !text.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Name;

    fn parsed(text: &str) -> Vec<Statement> {
        parse(Path::new("V1__x.sql"), text).unwrap().statements
    }

    fn refused(text: &str) -> (Option<usize>, Option<usize>, String) {
        match parse(Path::new("V1__x.sql"), text) {
            Err(problems) => {
                let problem = problems[0].clone();
                (problem.line, problem.column, problem.message)
            }
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
            ("REINDEX SCHEMA CONCURRENTLY s;", 1, 9, "REINDEX SCHEMA"),
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
            (" \n", 1, 1, "no statement"),
            ("-- +goose Down\nDROP INDEX i;", 1, 1, "no statement"),
            (
                "REINDEX (CONCURRENTLY off) INDEX i;",
                1,
                1,
                "CONCURRENTLY is missing",
            ),
            (
                "DROP INDEX CONCURRENTLY i CASCADE;",
                1,
                27,
                "without CASCADE",
            ),
            (
                "CREATE INDEX CONCURRENTLY i ON s.t (a);\n DROP INDEX CONCURRENTLY IF EXISTS s.i;",
                2,
                2,
                "drops it again",
            ),
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

    #[test]
    fn everything_wrong_with_a_file_is_told_at_once() {
        let problems =
            parse(Path::new("V1__x.sql"), "VACUUM;\nDROP INDEX i;\nANALYZE t;").unwrap_err();
        let lines: Vec<_> = problems.iter().filter_map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }

    #[test]
    fn the_options_of_a_reindex_are_carried_through() {
        for (text, tablespace) in [
            (
                "REINDEX (TABLESPACE fast) INDEX CONCURRENTLY i",
                Some("fast"),
            ),
            (
                "REINDEX (TABLESPACE \"Fast \", VERBOSE, CONCURRENTLY true) INDEX i",
                Some("Fast "),
            ),
            ("REINDEX (VERBOSE off) TABLE CONCURRENTLY i", None),
            ("REINDEX (CONCURRENTLY) TABLE i", None),
        ] {
            let [Statement::Reindex(reindex)] = &parsed(text)[..] else {
                panic!("{text}")
            };
            assert_eq!(reindex.tablespace.as_deref(), tablespace, "{text}");
        }
    }

    #[test]
    fn a_comment_may_be_written_in_every_form_of_a_string() {
        for (literal, text) in [
            ("'it''s'", Some("it's")),
            (r"E'a\nb'", Some("a\nb")),
            ("$x$plain$x$", Some("plain")),
            (r"U&'\00e9'", Some("é")),
            ("''", None),
            ("NULL", None),
        ] {
            let [Statement::Comment(comment)] =
                &parsed(&format!("COMMENT ON INDEX i IS {literal}"))[..]
            else {
                panic!("{literal}")
            };
            assert_eq!(comment.text.as_deref(), text, "{literal}");
        }
    }

    #[test]
    fn columns_qualified_by_the_table_lose_its_schema() {
        for (sql, definition) in [
            (
                "public.t ((public.t.a)) WHERE public.t.b > 0",
                "((t.a)) WHERE t.b > 0",
            ),
            ("t ((public . t . a))", "(( t . a))"),
            ("s.\"T\" ((s.\"T\".a), (s.f(a)))", "((\"T\".a), (s.f(a)))"),
            ("s.t ((x.t.a))", "((x.t.a))"),
        ] {
            let [Statement::Create(create)] =
                &parsed(&format!("CREATE INDEX CONCURRENTLY i ON {sql}"))[..]
            else {
                panic!("{sql}")
            };
            assert_eq!(create.definition, definition);
        }
    }

    #[test]
    fn a_down_part_is_left_out_and_counted() {
        let text = "-- +goose Up\n-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY i ON t (a);\n\
                    -- +goose Down\nDROP INDEX CONCURRENTLY i;\nDROP TABLE t;";
        let parsed = parse(Path::new("V1__x.sql"), text).unwrap();
        assert_eq!((parsed.statements.len(), parsed.left_out), (1, 2));
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
