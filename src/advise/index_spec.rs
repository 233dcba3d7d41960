//! An index that could be built.

use crate::catalog::{QualifiedName, name_with_suffix, quote_identifier};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Btree,
    /// By hash code: equality alone, however long the value.
    Hash,
    /// Per value within a value: trigrams, elements, words.
    Gin,
    /// By what lies within what: ranges, shapes, networks, trees.
    Gist,
    /// The same, for values that can be told apart by their beginning.
    Spgist,
    Brin,
}

impl Method {
    /// The extension hypopg knows it, so that the planner can be asked.
    pub fn is_plannable(self) -> bool {
        matches!(self, Method::Btree | Method::Hash | Method::Brin)
    }

    /// By the name of the access method.
    pub fn of_name(name: &str) -> Option<Self> {
        use Method::{Brin, Btree, Gin, Gist, Hash, Spgist};
        [Btree, Hash, Gin, Gist, Spgist, Brin]
            .into_iter()
            .find(|method| method.as_str() == name)
    }

    /// As SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Btree => "btree",
            Method::Hash => "hash",
            Method::Gin => "gin",
            Method::Gist => "gist",
            Method::Spgist => "spgist",
            Method::Brin => "brin",
        }
    }
}

/// What an index is sorted by at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// As SQL: a quoted column, or an expression without outer parentheses.
    pub sql: String,
    /// The columns in it; one, itself, where it is a column.
    pub columns: Vec<String>,
    pub expression: bool,
    /// ` text_pattern_ops`, ` DESC`, ` DESC NULLS LAST`; empty for none.
    pub order: String,
}

impl Key {
    pub fn column(name: &str) -> Self {
        Self {
            sql: quote_identifier(name),
            columns: vec![name.to_owned()],
            expression: false,
            order: String::new(),
        }
    }

    /// As it stands in the list of keys.
    pub fn as_sql(&self) -> String {
        if self.expression {
            format!("({}){}", self.sql, self.order)
        } else {
            format!("{}{}", self.sql, self.order)
        }
    }
}

/// An index that could be built. Its order is that in which equals are preferred.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexSpec {
    /// The table; of a partition, the root of its tree.
    pub table: QualifiedName,
    pub method: Method,
    /// What it is sorted by.
    pub keys: Vec<Key>,
    pub include: Vec<String>,
    /// Which rows are in it, as SQL.
    pub predicate: Option<String>,
}

impl IndexSpec {
    /// Everything behind the table's name: `USING btree (a, b DESC) INCLUDE (c) WHERE …`.
    pub fn definition(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(Key::as_sql).collect();
        let mut text = String::new();
        if self.method != Method::Btree {
            text.push_str(&format!("USING {} ", self.method.as_str()));
        }
        text.push_str(&format!("({})", keys.join(", ")));
        if !self.include.is_empty() {
            let columns: Vec<String> = self.include.iter().map(|c| quote_identifier(c)).collect();
            text.push_str(&format!(" INCLUDE ({})", columns.join(", ")));
        }
        if let Some(predicate) = &self.predicate {
            text.push_str(&format!(" WHERE {predicate}"));
        }
        text
    }

    /// For people: `content(user_id, generated_at DESC)`.
    pub fn shown(&self) -> String {
        format!("{}{}", self.table.name, self.definition()).replacen(
            &format!("{}USING", self.table.name),
            &format!("{} USING", self.table.name),
            1,
        )
    }

    /// The statement that builds it without a writer waiting.
    pub fn statement(&self, name: &str) -> String {
        format!(
            "CREATE INDEX CONCURRENTLY {} ON {} {}",
            quote_identifier(name),
            self.table.quoted(),
            self.definition()
        )
    }

    /// The statement that builds it at once, or hypothetically, on this table or partition.
    pub fn plain_statement(&self, name: Option<&str>, on: &QualifiedName) -> String {
        let name = name
            .map(|name| format!("{} ", quote_identifier(name)))
            .unwrap_or_default();
        format!(
            "CREATE INDEX {name}ON {} {}",
            on.quoted(),
            self.definition()
        )
    }

    /// The columns of keys and INCLUDE, in order.
    pub fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        let keys = self.keys.iter().flat_map(|key| &key.columns);
        for column in keys.chain(&self.include) {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    }

    /// A name made of the table and what it is sorted by: letters, digits and underscores, at most 63 bytes,
    /// none of those taken.
    pub fn name(&self, taken: &[String]) -> String {
        let mut words = vec![plain(&self.table.name)];
        words.extend(self.keys.iter().map(|key| match key.columns.as_slice() {
            [] => "expression".to_owned(),
            [only] if !key.expression => plain(only),
            columns => format!("{}_expression", plain(&columns.join("_"))),
        }));
        if self.method != Method::Btree {
            words.push(self.method.as_str().to_owned());
        }
        if !self.include.is_empty() {
            words.push("covering".to_owned());
        }
        if self.predicate.is_some() {
            words.push("partial".to_owned());
        }
        let full = format!("idx_{}", words.join("_"));
        for number in 1.. {
            let suffix = if number == 1 {
                String::new()
            } else {
                format!("_{number}")
            };
            let name = name_with_suffix(&full, &suffix);
            if !taken.contains(&name) {
                return name;
            }
        }
        full
    }
}

/// ASCII letters, digits and underscores alone: good in a file's name and in an identifier.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c.to_ascii_lowercase());
        } else if !text.ends_with('_') {
            text.push('_');
        }
    }
    text.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_reads_as_its_statement_and_has_a_name_of_its_own() {
        let spec = IndexSpec {
            table: QualifiedName::new("Shop", "Order Lines"),
            method: Method::Btree,
            keys: vec![
                Key::column("Kind"),
                Key {
                    order: " DESC".into(),
                    ..Key::column("at")
                },
                Key {
                    sql: "lower(note)".into(),
                    columns: vec!["note".into()],
                    expression: true,
                    order: String::new(),
                },
            ],
            include: vec!["order".into()],
            predicate: Some("(open)".into()),
        };
        assert_eq!(
            spec.statement("i"),
            "CREATE INDEX CONCURRENTLY i ON \"Shop\".\"Order Lines\" \
             (\"Kind\", at DESC, (lower(note))) INCLUDE (\"order\") WHERE (open)"
        );
        let name = spec.name(&[]);
        assert_eq!(
            name,
            "idx_order_lines_kind_at_note_expression_covering_partial"
        );
        assert_eq!(spec.name(std::slice::from_ref(&name)), format!("{name}_2"));
        let hash = IndexSpec {
            table: QualifiedName::new("public", "t"),
            method: Method::Hash,
            keys: vec![Key::column("a")],
            include: vec![],
            predicate: None,
        };
        assert_eq!(hash.shown(), "t USING hash (a)");
    }
}
