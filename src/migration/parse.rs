//! A migration file's text → its statements, by Postgres' own grammar (squawk): dollar quotes, nested
//! comments and quoted names with `;` or `--` in them are handled.

#[cfg(test)]
mod tests;
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
