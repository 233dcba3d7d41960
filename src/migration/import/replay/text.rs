//! Names and words of statements.

use crate::{
    migration::{Name, Statement, parse::tokens::Tokens},
    sql::quote_identifier,
};

/// The name in a statement that may have a schema: the table's, or the index's.
pub(super) fn name_in(statement: &mut Statement) -> &mut Name {
    match statement {
        Statement::Create(create) => &mut create.table,
        Statement::Drop(drop) => &mut drop.index,
        Statement::Reindex(reindex) => &mut reindex.name,
        Statement::Comment(comment) => &mut comment.index,
    }
}

/// Names parted by commas, behind an IF EXISTS or without.
pub(super) fn names(tokens: &mut Tokens) -> Vec<Name> {
    if tokens.take("IF") {
        tokens.skip();
    }
    let mut names = Vec::new();
    while let Ok(name) = tokens.name() {
        names.push(name);
        if !tokens.take(",") {
            break;
        }
    }
    names
}

/// One and the same, as far as the files tell.
pub(super) fn same(one: &Name, other: &Name) -> bool {
    one.name == other.name && schemas_agree(one.schema.as_ref(), other.schema.as_ref())
}

/// No schema is public: that is where unqualified names are looked for.
pub(super) fn schemas_agree(one: Option<&String>, other: Option<&String>) -> bool {
    let schema = |own: Option<&String>| own.map_or("public".to_owned(), Clone::clone);
    schema(one) == schema(other)
}

/// Whether a definition names the column.
pub(super) fn mentions(definition: &str, column: &str) -> bool {
    let sql = format!("CREATE INDEX CONCURRENTLY i ON t {definition}");
    with_column(&sql, column, "another name") != sql
}

/// The statement with a column's new name. What stands before a parenthesis is a function's.
pub(super) fn with_column(sql: &str, old: &str, new: &str) -> String {
    let new = quote_identifier(new);
    let mut tokens = Tokens::of(&squawk_syntax::SourceFile::parse(sql).syntax_node());
    // Index and table have names of their own.
    while !tokens.is_at_end() && !tokens.take("ON") {
        tokens.skip();
    }
    let _ = tokens.name();
    let (mut text, mut from) = (String::with_capacity(sql.len()), 0);
    while !tokens.is_at_end() {
        let at = tokens.offset();
        let is_name = tokens.identifier().is_ok_and(|name| name == old);
        if is_name && !tokens.peek("(") {
            text.push_str(sql.get(from..at).unwrap_or_default());
            text.push_str(&new);
            let written = sql.get(at..).unwrap_or_default();
            from = at + length_of_name(written);
        }
    }
    text.push_str(sql.get(from..).unwrap_or_default());
    text
}

/// How long the name at the beginning of a text is written.
pub(super) fn length_of_name(text: &str) -> usize {
    let quoted = text.starts_with('"');
    let mut characters = text.char_indices().skip(usize::from(quoted)).peekable();
    while let Some((at, c)) = characters.next() {
        if quoted && c == '"' {
            if characters.peek().is_none_or(|(_, next)| *next != '"') {
                return at + 1;
            }
            characters.next();
        } else if !(quoted || c.is_alphanumeric() || matches!(c, '_' | '$')) {
            return at;
        }
    }
    text.len()
}

/// The first words of an index statement, with the index.
pub(in crate::migration::import) fn described(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut said = Vec::new();
    for word in words.by_ref() {
        let upper = word.to_ascii_uppercase();
        let is_keyword = [
            "CREATE",
            "UNIQUE",
            "DROP",
            "INDEX",
            "CONCURRENTLY",
            "IF",
            "NOT",
            "EXISTS",
        ]
        .contains(&upper.as_str());
        said.push(word.trim_end_matches(';').to_owned());
        if !is_keyword || said.len() > 8 {
            break;
        }
    }
    said.retain(|word| !["IF", "NOT", "EXISTS"].contains(&word.to_ascii_uppercase().as_str()));
    said.join(" ")
}

pub(super) fn first_word(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}
