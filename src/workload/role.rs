//! What the text of a statement tells of a parameter, where no condition of the plan does: a page's length, a column
//! that is written.

use super::{ColumnRef, token::Token};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Behind LIMIT or FETCH FIRST.
    Limit,
    Offset,
    /// A value of a row that is inserted.
    Inserted(ColumnRef),
    /// A column is set to it, or to something made of it.
    Set(ColumnRef),
    /// Whatever its own type is, it is cast to this one, by name: `$1::text::jsonb`.
    Cast(String),
}

/// The role of each parameter, as far as the text shows it.
pub(super) fn roles(tokens: &[Token<'_>], count: usize) -> Vec<Option<Role>> {
    let mut found = vec![None; count];
    let mut add = |token: &Token<'_>, role: Role| {
        let place = token.parameter().and_then(|n| found.get_mut(n - 1));
        if let Some(place) = place {
            place.get_or_insert(role);
        }
    };
    let mut table = None;
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        if token.is("limit") || token.is("offset") || (token.is("fetch") && !rest.is_empty()) {
            // `LIMIT $1`, `OFFSET ($1)`, `FETCH FIRST $1 ROWS ONLY`
            let value = rest
                .iter()
                .find(|t| !(t.text == "(" || t.is("first") || t.is("next")));
            if let Some(value) = value {
                let role = if token.is("offset") {
                    Role::Offset
                } else {
                    Role::Limit
                };
                add(value, role);
            }
        } else if token.is("into") || token.is("update") {
            // Not of `ON CONFLICT … DO UPDATE SET`, whose table is that of the INSERT.
            if !rest.first().is_some_and(|t| t.is("set")) {
                let names = rest.iter().skip_while(|t| t.is("only"));
                table = table_of(names).or(table);
            }
            if token.is("into") {
                for (value, column) in inserted(rest) {
                    if let Some(column) = column_of(table.as_deref(), &column) {
                        add(value, Role::Inserted(column));
                    }
                }
            }
        } else if token.is("set") {
            for (value, column) in set(rest) {
                if let Some(column) = column_of(table.as_deref(), &column) {
                    add(value, Role::Set(column));
                }
            }
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let n = token.parameter().and_then(|n| n.checked_sub(1));
        if let Some(role @ None) = n.and_then(|n| found.get_mut(n)) {
            *role = last_cast(tokens.get(at + 1..).unwrap_or_default()).map(Role::Cast);
        }
    }
    found
}

/// Of `::text::jsonb` or `::text)::jsonb` behind a parameter: the type of the last of several casts.
fn last_cast(rest: &[Token<'_>]) -> Option<String> {
    let text = |at: usize| rest.get(at).map_or("", |token| token.text);
    let (mut at, mut casts, mut last) = (0, 0, "");
    loop {
        while text(at) == ")" {
            at += 1;
        }
        if text(at) != ":" || text(at + 1) != ":" {
            break;
        }
        (last, casts, at) = (text(at + 2), casts + 1, at + 3);
    }
    // `text[]`, or a schema's name.
    let is_whole = !matches!(text(at), "[" | ".");
    (casts > 1 && is_whole).then(|| last.to_ascii_lowercase())
}

/// `schema.table`, as it is written.
fn table_of<'t>(tokens: impl Iterator<Item = &'t Token<'t>>) -> Option<String> {
    let mut name = String::new();
    for token in tokens {
        let expects_name = name.is_empty() || name.ends_with('.');
        if expects_name == (token.text == ".") {
            break;
        }
        name.push_str(token.text);
    }
    (!name.is_empty()).then_some(name)
}

fn column_of(table: Option<&str>, column: &str) -> Option<ColumnRef> {
    format!("{}.{column}", table?).parse().ok()
}

/// Of `t (a, b) VALUES ($1, $2), (…)`: each value that holds a parameter, and its column.
fn inserted<'a, 't>(rest: &'a [Token<'t>]) -> Vec<(&'a Token<'t>, String)> {
    let Some(open) = rest.iter().position(|t| t.text == "(") else {
        return Vec::new();
    };
    let (columns, after) = list(&rest[open..]);
    let columns: Vec<String> = columns
        .iter()
        .map(|column| column.iter().map(|t| t.text).collect())
        .collect();
    let mut rest = &rest[open + after..];
    if !rest.first().is_some_and(|t| t.is("values")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    while let Some(open) = rest.get(1).filter(|t| t.text == "(").map(|_| 1) {
        let (values, after) = list(&rest[open..]);
        for (value, column) in values.into_iter().zip(&columns) {
            found.extend(
                value
                    .iter()
                    .filter(|t| t.parameter().is_some())
                    .map(|t| (t, column.clone())),
            );
        }
        rest = rest.get(open + after..).unwrap_or_default();
        if rest.first().is_none_or(|t| t.text != ",") {
            break;
        }
    }
    found
}

/// Of `a = $1, b = coalesce($2, b) WHERE …`: each parameter, and the column it goes into.
fn set<'a, 't>(rest: &'a [Token<'t>]) -> Vec<(&'a Token<'t>, String)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut column: Option<String> = None;
    let mut expects_column = true;
    for token in rest {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => break,
            },
            "," if depth == 0 => expects_column = true,
            _ if depth == 0
                && ["where", "from", "returning"]
                    .iter()
                    .any(|word| token.is(word)) =>
            {
                break;
            }
            _ if expects_column && depth == 0 => {
                column = Some(token.text.to_owned());
                expects_column = false;
            }
            _ => {}
        }
        if let (Some(column), Some(_)) = (&column, token.parameter()) {
            found.push((token, column.clone()));
        }
    }
    found
}

/// The items of a parenthesised list, and how many tokens it takes.
fn list<'a, 't>(tokens: &'a [Token<'t>]) -> (Vec<&'a [Token<'t>]>, usize) {
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut from = 1;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    items.extend(tokens.get(from..at));
                    return (items, at + 1);
                }
            }
            "," if depth == 1 => {
                items.extend(tokens.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
    }
    (items, tokens.len())
}

#[cfg(test)]
mod tests {
    use super::{super::token::tokens, *};

    fn shown(sql: &str, count: usize) -> Vec<String> {
        roles(&tokens(sql).collect::<Vec<_>>(), count)
            .iter()
            .map(|role| match role {
                Some(Role::Limit) => "limit".into(),
                Some(Role::Offset) => "offset".into(),
                Some(Role::Inserted(column)) => format!("into {column}"),
                Some(Role::Set(column)) => format!("set {column}"),
                Some(Role::Cast(name)) => format!("cast {name}"),
                None => "?".into(),
            })
            .collect()
    }

    #[test]
    fn pages_and_written_columns_are_read_from_the_text() {
        assert_eq!(
            shown("SELECT * FROM t WHERE a = $1 LIMIT $2::int OFFSET ($3)", 3),
            ["?", "limit", "offset"]
        );
        assert_eq!(shown("SELECT 1 FETCH FIRST $1 ROWS ONLY", 1), ["limit"]);
        assert_eq!(
            shown(
                "INSERT INTO app.t (a, \"B\", c) VALUES ($1, lower($2), now()), ($3, $4, $5) ON CONFLICT (a) DO UPDATE \
                 SET c = $6 RETURNING *",
                6
            ),
            [
                "into app.t.a",
                "into app.t.\"B\"",
                "into app.t.a",
                "into app.t.\"B\"",
                "into app.t.c",
                "set app.t.c"
            ]
        );
        assert_eq!(
            shown(
                "UPDATE ONLY t SET a = $1, b = coalesce($2, b, (SELECT 1)), c = 1 WHERE d = $3",
                3
            ),
            ["set t.a", "set t.b", "?"]
        );
        assert_eq!(
            shown(
                "WITH x AS (UPDATE t SET a = $1 RETURNING *) SELECT $2 FROM x",
                2
            ),
            ["set t.a", "?"]
        );
        assert_eq!(shown("INSERT INTO t SELECT $1", 1), ["?"]);
        let casts = "SELECT $1::text::JSONB, ($2::text)::numeric(9, 2), $3::text, $4::text::text[], ($5 ::varchar) :: uuid";
        let expected = ["cast jsonb", "cast numeric", "?", "?", "cast uuid"];
        assert_eq!(shown(casts, 5), expected);
        assert_eq!(shown("INSERT INTO t (", 0), [] as [&str; 0]);
    }
}
