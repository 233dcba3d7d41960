//! Finding the duplicates that prevent a unique index.

use tokio_postgres::SimpleQueryMessage;

use crate::{
    Error, Result,
    catalog::{QualifiedName, index_state::Definition},
    db::Session,
};

/// A query that lists every key that occurs more than once, the commonest first.
pub(super) fn duplicates_query(table: &QualifiedName, definition: &Definition) -> String {
    let keys = definition.keys.join(", ");
    // NULLs are distinct from each other, unless the index says otherwise.
    let mut conditions: Vec<String> = if definition.tail.contains("NULLS NOT DISTINCT") {
        Vec::new()
    } else {
        definition
            .keys
            .iter()
            .map(|key| format!("({key}) IS NOT NULL"))
            .collect()
    };
    conditions.extend(
        definition
            .predicate
            .iter()
            .map(|predicate| format!("({predicate})")),
    );
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    format!(
        "SELECT {keys}, count(*) FROM {}{filter} GROUP BY {keys} HAVING count(*) > 1 ORDER BY count(*) DESC",
        table.quoted()
    )
}

/// Looks for a duplicate, without a lock that keeps anyone out. Reads the table.
pub(super) async fn find(session: &Session, query: &str) -> Result<Option<String>> {
    let rows = session
        .simple_query(&format!("{query} LIMIT 1"))
        .await
        .map_err(Error::server("looking for duplicates"))?;
    Ok(rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let values: Vec<&str> = (0..row.len())
                .map(|at| row.get(at).unwrap_or("NULL"))
                .collect();
            let (count, key) = values.split_last()?;
            Some(format!("({}) occurs {count} times", key.join(", ")))
        }
        _ => None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_lists_what_the_index_would_refuse() {
        let mut definition = Definition {
            unique: true,
            tail: "USING btree (a, lower(b)) WHERE (c > 0)".into(),
            tablespace: None,
            keys: vec!["a".into(), "lower(b)".into()],
            predicate: Some("(c > 0)".into()),
        };
        let table = QualifiedName::new("public", "T");
        assert_eq!(
            duplicates_query(&table, &definition),
            "SELECT a, lower(b), count(*) FROM public.\"T\" WHERE (a) IS NOT NULL AND (lower(b)) IS NOT NULL \
             AND ((c > 0)) GROUP BY a, lower(b) HAVING count(*) > 1 ORDER BY count(*) DESC"
        );
        definition.tail.push_str(" NULLS NOT DISTINCT");
        definition.predicate = None;
        assert!(!duplicates_query(&table, &definition).contains("WHERE"));
    }
}
