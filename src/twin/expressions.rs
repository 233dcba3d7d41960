//! Statistics of expressions in CREATE STATISTICS: they are those of a table's columns for a while, and are then put into the
//! object's own.

use std::collections::BTreeMap;

use super::{
    session::run,
    snapshot::{ColumnStatistics, Snapshot},
};
use crate::{Error, Result, db::Session};

/// Temporary tables whose columns are the expressions of an object.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    /// The object's schema and name, and its table.
    tables: Vec<(String, String, String)>,
}

/// Makes the tables, and returns the statistics as those of their columns. An object of which not all expressions are known is
/// left out.
pub(super) async fn as_columns(
    session: &Session,
    snapshot: &Snapshot,
) -> Result<(Expressions, Vec<ColumnStatistics>)> {
    let mut made = Expressions::default();
    let mut columns = Vec::new();
    let mut objects: BTreeMap<(&str, &str), Vec<&ColumnStatistics>> = BTreeMap::new();
    for one in &snapshot.expressions {
        objects
            .entry((&one.schema, &one.relation))
            .or_default()
            .push(one);
    }
    for ((schema, name), known) in objects {
        let row = session
            .query_opt(
                "SELECT e.stxrelid::regclass::text, pg_get_statisticsobjdef_expressions(e.oid)
                 FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace
                 WHERE n.nspname = $1 AND e.stxname = $2",
                &[&schema, &name],
            )
            .await
            .map_err(Error::server("looking for the expressions of statistics"))?;
        let Some(row) = row else { continue };
        let (table, expressions): (String, Vec<String>) = (row.get(0), row.get(1));
        if !expressions
            .iter()
            .all(|text| known.iter().any(|one| one.column == *text))
        {
            continue;
        }
        let own = format!("expressions_{}", made.tables.len());
        let list: Vec<String> = expressions
            .iter()
            .enumerate()
            .map(|(n, text)| format!("({text}) AS c{n}"))
            .collect();
        let make = format!(
            "CREATE TEMP TABLE {own} AS SELECT {} FROM {table} WITH NO DATA",
            list.join(", ")
        );
        run(session, "making the statistics of expressions", &make).await?;
        let temporary: String = session
            .query_one(
                "SELECT nspname::text FROM pg_namespace WHERE oid = pg_my_temp_schema()",
                &[],
            )
            .await
            .map_err(Error::server("making the statistics of expressions"))?
            .get(0);
        for one in known {
            if let Some(n) = expressions.iter().position(|text| *text == one.column) {
                columns.push(ColumnStatistics {
                    schema: temporary.clone(),
                    relation: own.clone(),
                    column: format!("c{n}"),
                    ..one.clone()
                });
            }
        }
        made.tables.push((schema.to_owned(), name.to_owned(), own));
    }
    Ok((made, columns))
}

impl Expressions {
    /// Puts what the tables' columns have into the objects, whose rows must be there, and drops the tables.
    pub(super) async fn give(self, session: &Session, has_inherited: bool) -> Result<()> {
        let same = if has_inherited {
            " AND s.stainherit = d.stxdinherit"
        } else {
            ""
        };
        let doing = "writing the statistics of expressions";
        for (schema, name, own) in self.tables {
            let update = format!(
                "UPDATE pg_statistic_ext_data d
                 SET stxdexpr = (SELECT array_agg(s ORDER BY staattnum) FROM pg_statistic s
                                 WHERE s.starelid = 'pg_temp.{own}'::regclass{same})
                 FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace
                 WHERE d.stxoid = e.oid AND n.nspname = $1 AND e.stxname = $2"
            );
            session
                .execute(&update, &[&schema, &name])
                .await
                .map_err(Error::server(doing))?;
            run(session, doing, &format!("DROP TABLE pg_temp.{own}")).await?;
        }
        Ok(())
    }
}
