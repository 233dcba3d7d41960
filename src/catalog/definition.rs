//! Index definitions, composed from facts: `pg_get_indexdef` on all of 15,000 indexes takes most of a
//! second, and waits for locks.

use super::{Catalog, Index, quote_identifier, quote_literal};

impl Index {
    /// Whether its definition has to be asked of the server: it has expressions, or operator classes
    /// that may carry parameters of their own, which the raw vectors do not show.
    pub(super) fn needs_server(&self) -> bool {
        self.has_expressions || !matches!(self.method.as_str(), "btree" | "hash")
    }

    /// The definition as `pg_get_indexdef` prints it; `None`: it has expressions or a predicate that
    /// could not be read.
    pub fn definition(&self, catalog: &Catalog) -> Option<String> {
        if let Some(definition) = &self.definition {
            return Some(definition.clone());
        }
        if self.has_expressions || (self.has_predicate && self.predicate.is_none()) {
            return None;
        }
        let table = catalog.table(self.table)?;
        let mut text = format!(
            "CREATE {}INDEX {} ON {}{} USING {} (",
            if self.unique { "UNIQUE " } else { "" },
            quote_identifier(&self.name),
            if self.partitioned { "ONLY " } else { "" },
            table.qualified().quoted(),
            quote_identifier(&self.method),
        );
        for (at, number) in self.keys().iter().enumerate() {
            if at > 0 {
                text.push_str(", ");
            }
            self.write_key(&mut text, catalog, at, *number)?;
        }
        text.push(')');
        if !self.included().is_empty() {
            let names: Vec<String> = catalog
                .column_names(self.table, self.included())
                .into_iter()
                .map(quote_identifier)
                .collect();
            text.push_str(&format!(" INCLUDE ({})", names.join(", ")));
        }
        if self.nulls_not_distinct {
            text.push_str(" NULLS NOT DISTINCT");
        }
        if !self.options.0.is_empty() {
            let options: Vec<String> = self
                .options
                .0
                .iter()
                .map(|option| show_option(option))
                .collect();
            text.push_str(&format!(" WITH ({})", options.join(", ")));
        }
        if let Some(predicate) = &self.predicate {
            text.push_str(&format!(" WHERE {predicate}"));
        }
        Some(text)
    }

    fn write_key(
        &self,
        text: &mut String,
        catalog: &Catalog,
        at: usize,
        number: i16,
    ) -> Option<()> {
        let column = catalog.column(self.table, number)?;
        text.push_str(&quote_identifier(&column.name));
        let collation = self.collations.get(at).copied().unwrap_or(0);
        if collation != 0 && collation != column.collation {
            text.push_str(&format!(" COLLATE {}", catalog.collations.get(&collation)?));
        }
        let class = catalog
            .operator_classes
            .get(self.operator_classes.get(at)?)?;
        if !class.default {
            text.push_str(&format!(" {}", class.name));
        }
        let order = self.orders.get(at).copied().unwrap_or(0);
        let (descending, nulls_first) = (order & 1 != 0, order & 2 != 0);
        match (descending, nulls_first) {
            (true, true) => text.push_str(" DESC"),
            (true, false) => text.push_str(" DESC NULLS LAST"),
            (false, true) => text.push_str(" NULLS FIRST"),
            (false, false) => {}
        }
        Some(())
    }
}

/// `fillfactor='70'`: the value is quoted unless it could stand as an identifier.
fn show_option(option: &str) -> String {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = if quote_identifier(value) == value {
        value.to_owned()
    } else {
        quote_literal(value)
    };
    format!("{}={value}", quote_identifier(name))
}
