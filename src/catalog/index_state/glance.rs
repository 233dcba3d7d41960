//! A glance: enough to see that there is nothing to do, and no more.

use std::collections::{BTreeMap, HashSet};

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::{AskedTable, IndexCatalog, IndexState, Oid, Relation, Wanted};
use crate::{Error, Result, catalog::quote_literal};

/// What a glance shows.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The tables and their indexes.
    pub catalog: IndexCatalog,
    /// The history: versions and refinery's checksums.
    pub recorded: BTreeMap<i64, u64>,
}

/// Reads the tables' indexes and the history, in one message. What it does not read is set to what promises least: the role owns
/// nothing and may make nothing. So a plan made of it may say that all is as desired, and anything else it says means
/// that [`super::load`] has to be asked.
///
/// `None`: there is something that a glance does not show, such as a partitioned table.
///
/// # Errors
/// The server's, also where there is no history.
pub async fn glance(client: &Client, wanted: &Wanted) -> Result<Option<Glance>> {
    if !wanted.named.is_empty() || wanted.tables.is_empty() {
        return Ok(None);
    }
    let mut names: Vec<&str> = wanted.tables.iter().map(|(t, _)| t.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let tables: Vec<String> = names
        .iter()
        .map(|name| format!("{}::regclass", quote_literal(name)))
        .collect();
    let sql = include_str!("glance.sql")
        .replace("/* history */", &wanted.history)
        .replace("/* tables */", &tables.join(", "));
    let answer = client
        .simple_query(&sql)
        .await
        .map_err(Error::server("glancing at the tables and their indexes"))?;
    Ok(read(wanted, &names, &answer))
}

/// `None`: as [`glance`].
fn read(wanted: &Wanted, names: &[&str], answer: &[SimpleQueryMessage]) -> Option<Glance> {
    // The statements answer in their order, and each answer names its columns.
    let rows = |column: &'static str| {
        answer.iter().filter_map(move |message| match message {
            SimpleQueryMessage::Row(row) if row.columns().first()?.name() == column => Some(row),
            _ => None,
        })
    };
    let block_size = number(rows("block_size").next()?, "block_size")?;
    let server = rows("asked").next()?;
    let oids = oids(server.get("asked")?);
    let mut relations: Vec<Relation> = Vec::new();
    for row in rows("indrelid") {
        let (relation, index) = relation_and_index(row, block_size)?;
        match relations.iter_mut().find(|known| known.oid == relation.oid) {
            Some(known) => known.indexes.push(index),
            None => relations.push(Relation {
                indexes: vec![index],
                ..relation
            }),
        }
    }
    let asked = |(table, _): &(String, String)| {
        let at = names.iter().position(|name| name == table);
        AskedTable {
            asked: table.clone(),
            oid: at.and_then(|at| oids.get(at).copied().flatten()),
        }
    };
    let recorded =
        rows("version").map(|row| Some((number(row, "version")?, number(row, "checksum")?)));
    let recorded = recorded.collect::<Option<_>>()?;
    let catalog = IndexCatalog {
        in_recovery: is(server, "in_recovery")?,
        version_num: 0,
        user: String::new(),
        database: String::new(),
        may_create_temporary: false,
        history: None,
        history_schema: None,
        may_make_history: false,
        tables: wanted.tables.iter().map(asked).collect(),
        named: Vec::new(),
        taken: Vec::new(),
        relations,
        names: HashSet::new(),
    };
    Some(Glance { catalog, recorded })
}

/// `None`: a partitioned table, a table of TOAST, a definition that begins otherwise than expected, or an index that
/// was dropped meanwhile.
fn relation_and_index(row: &SimpleQueryRow, block_size: u64) -> Option<(Relation, IndexState)> {
    let definition = row.get("definition")?;
    let head = Head::of(definition)?;
    let oid = number(row, "indrelid")?;
    let bytes = |pages: &str| {
        let pages: i64 = number(row, pages)?;
        pages.max(0).unsigned_abs().checked_mul(block_size)
    };
    let relation = Relation {
        oid,
        parent: None,
        root: oid,
        // Or a materialized view, which is treated alike.
        kind: "r".to_owned(),
        schema: head.schema.clone(),
        name: head.table,
        owned: false,
        owner: String::new(),
        may_become_owner: false,
        may_create: false,
        bytes: bytes("table_pages")?,
        indexes: Vec::new(),
        holders: Vec::new(),
    };
    let index = IndexState {
        oid: number(row, "indexrelid")?,
        schema: head.schema,
        name: head.index,
        partitioned: false,
        valid: is(row, "indisvalid")?,
        ready: is(row, "indisready")?,
        live: is(row, "indislive")?,
        unique: head.unique,
        replica_identity: false,
        attached_to: None,
        constraint: None,
        comment: None,
        tablespace: None,
        bytes: bytes("index_pages")?,
        definition: definition.to_owned(),
        tail: head.tail.to_owned(),
    };
    Some((relation, index))
}

fn is(row: &SimpleQueryRow, column: &str) -> Option<bool> {
    match row.get(column)? {
        "t" => Some(true),
        "f" => Some(false),
        _ => None,
    }
}

fn number<T: std::str::FromStr>(row: &SimpleQueryRow, column: &str) -> Option<T> {
    row.get(column)?.parse().ok()
}

/// `{16385,NULL}`
fn oids(array: &str) -> Vec<Option<Oid>> {
    array
        .trim_matches(['{', '}'])
        .split(',')
        .map(|oid| oid.parse().ok())
        .collect()
}

/// A definition as `pg_get_indexdef` prints it, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    unique: bool,
    index: String,
    schema: String,
    table: String,
    /// `USING …`
    tail: &'a str,
}

impl<'a> Head<'a> {
    /// `CREATE [UNIQUE] INDEX name ON schema.table USING …`; a partitioned table's has `ON ONLY`.
    fn of(definition: &'a str) -> Option<Self> {
        let rest = definition.strip_prefix("CREATE ")?;
        let (unique, rest) = match rest.strip_prefix("UNIQUE ") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (index, rest) = identifier(rest.strip_prefix("INDEX ")?)?;
        let (schema, rest) = identifier(rest.strip_prefix(" ON ")?)?;
        let (table, rest) = identifier(rest.strip_prefix('.')?)?;
        let tail = rest.strip_prefix(' ')?;
        (schema != "pg_toast").then_some(Self {
            unique,
            index,
            schema,
            table,
            tail,
        })
    }
}

/// A name that the text begins with, as the server quotes it, and what follows.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let end = text.find(|c| !plain(c)).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        let Some(more) = after.strip_prefix('"') else {
            return Some((name, after));
        };
        name.push('"');
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_taken_apart() {
        let cases = [
            (
                "CREATE INDEX i ON public.t USING btree (a)",
                Some((false, "i", "public", "t", "USING btree (a)")),
            ),
            (
                r#"CREATE UNIQUE INDEX "A ""b"" ON" ON "S.x"."Tab" USING hash ("C") WHERE (d > 0)"#,
                Some((
                    true,
                    r#"A "b" ON"#,
                    "S.x",
                    "Tab",
                    r#"USING hash ("C") WHERE (d > 0)"#,
                )),
            ),
            (
                r#"CREATE INDEX """" ON größe."é" USING gin (a)"#,
                // A server quotes this schema.
                None,
            ),
            (
                r#"CREATE INDEX """" ON "größe"."only" USING gin (a)"#,
                Some((false, "\"", "größe", "only", "USING gin (a)")),
            ),
            ("CREATE INDEX i ON ONLY public.t USING btree (a)", None),
            ("CREATE INDEX i ON pg_toast.t USING btree (a)", None),
            ("CREATE INDEX i ON t USING btree (a)", None),
            (r#"CREATE INDEX "i ON public.t USING btree (a)"#, None),
            ("CREATE INDEX  ON public.t USING btree (a)", None),
            ("CREATE INDEX i ON public.t", None),
            ("", None),
        ];
        for (definition, expected) in cases {
            let head = Head::of(definition);
            let found = head.as_ref().map(|head| {
                let names = (&head.index, &head.schema, &head.table);
                (
                    head.unique,
                    names.0.as_str(),
                    names.1.as_str(),
                    names.2.as_str(),
                    head.tail,
                )
            });
            assert_eq!(found, expected, "{definition}");
        }
    }

    #[test]
    fn the_tables_asked_for_are_read_in_order() {
        assert_eq!(oids("{16385,NULL,7}"), [Some(16_385), None, Some(7)]);
        assert_eq!(oids("{NULL}"), [None]);
    }
}
