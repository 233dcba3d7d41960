//! The heaviest SELECTs that the server remembers, as query files.

use std::{path::Path, time::Duration};

use super::Draft;
use crate::{
    Error, Result,
    db::{self, Session},
    measure::{HeavyStatement, heaviest_statements},
    stats::Percentile,
    workload::{QueryFile, TokenKind, tokens},
};

/// How many are taken.
const MOST: usize = 10;

/// How many statements of any kind are looked at for them.
const LOOKED_AT: u32 = 500;

const BUDGET: Duration = Duration::from_millis(100);

/// `notes` says where there are none, and which are left out.
///
/// # Errors
/// The server's, other than that it has no statistics of statements.
pub(super) async fn heaviest_selects(
    session: &Session,
    notes: &mut Vec<String>,
) -> Result<Vec<Draft>> {
    let heavy = match heaviest_statements(session, (BUDGET, Percentile::P95), LOOKED_AT).await {
        Ok(heavy) => heavy,
        Err(Error::CannotJudge { message, hint }) => {
            notes.push(format!("no queries were imported: {message}; {hint}"));
            return Ok(Vec::new());
        }
        Err(Error::Server { doing, source }) => {
            notes.push(format!(
                "no queries were imported: {doing}: {}",
                db::describe_error(&source)
            ));
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut drafts: Vec<Draft> = Vec::new();
    for one in heavy.into_iter().filter(|one| reads(&one.query)) {
        if drafts.len() == MOST {
            break;
        }
        if let Err(error) = session.prepare(&one.query.sql).await {
            notes.push(format!(
                "{} is left out: {}",
                one.query.name,
                db::describe_error(&error)
            ));
            continue;
        }
        match draft(&one) {
            Some(draft) => drafts.push(draft),
            None => notes.push(format!(
                "{} is left out: its text cannot be a query file",
                one.query.name
            )),
        }
    }
    if drafts.is_empty() && notes.is_empty() {
        notes.push(
            "no queries were imported: pg_stat_statements has no SELECT of this database yet"
                .to_owned(),
        );
    }
    Ok(drafts)
}

/// It begins as a query and writes nothing, as far as the text tells.
fn reads(query: &QueryFile) -> bool {
    let first = tokens(&query.sql).find(|token| token.text != "(");
    let begins = first.is_some_and(|token| {
        ["select", "with", "values", "table"]
            .iter()
            .any(|word| token.is(word))
    });
    begins && !query.writes
}

/// The file, if it says the same when it is read.
fn draft(heavy: &HeavyStatement) -> Option<Draft> {
    let sql = &heavy.query.sql;
    let name = name(&heavy.query);
    let file = format!("{name}.sql");
    let share = heavy.weight * 100.0;
    let description = format!(
        "{share:.1} % of the server's time, {:.2} ms on average",
        heavy.mean_ms
    );
    let text =
        format!("-- name: {name}\n-- description: {description}\n-- budget: 100ms\n{sql};\n");
    let read = QueryFile::parse(Path::new(&file), &text, None).ok()?;
    (read.len() == 1 && read[0].sql == *sql).then_some(Draft {
        name: file,
        text,
        about: description,
    })
}

/// `content_1f3c`: the first table that it reads, and what tells it from others.
fn name(query: &QueryFile) -> String {
    let mut all = tokens(&query.sql)
        .skip_while(|token| !token.is("from"))
        .skip(1)
        .peekable();
    let mut table = String::new();
    while let Some(token) = all.next() {
        if !matches!(token.kind, TokenKind::Word | TokenKind::Quoted) {
            break;
        }
        table = token.text.trim_matches('"').to_ascii_lowercase();
        // The schema is no part of it.
        if all.next_if(|next| next.text == ".").is_none() {
            break;
        }
    }
    let table: String = table
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let table = if table.is_empty() {
        "statement"
    } else {
        &table
    };
    let id = query.name.trim_start_matches("statement_");
    format!("{table}_{}", id.get(..8).unwrap_or(id))
}
