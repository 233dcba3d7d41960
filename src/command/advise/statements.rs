//! The statements that take most of the server's time, as queries to advise on.

use std::{collections::BTreeMap, path::PathBuf};

use super::look::{self, Looked};
use crate::{
    Error, Result,
    advise::{TableFacts, parameter_columns, preparable},
    catalog::{QualifiedName, load_table_facts},
    config::AdviseConfig,
    db::{Session, is_connection_loss},
    stats::Percentile,
    workload::{Case, Label, PlanMode, QueryFile, Source},
};

/// A statement with its share of all time.
struct Heavy {
    query: QueryFile,
    weight: f64,
    mean_ms: f64,
}

/// Understands the heaviest statements; what cannot be is told in the answers.
///
/// # Errors
/// There is no pg_stat_statements, or it may not be read.
pub(super) async fn look_at_statements(
    session: &Session,
    settings: &AdviseConfig,
    most: u32,
) -> Result<Vec<Looked>> {
    let mut all = Vec::new();
    for (number, heavy) in heaviest(session, settings, most)
        .await?
        .into_iter()
        .enumerate()
    {
        let mut looked = match understand(session, &heavy, number, settings.max_cases).await {
            Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                return Err(Error::Server { source, doing });
            }
            Err(error) => {
                let mut looked = Looked::new(&heavy.query, String::new());
                looked.error = Some((error.to_string(), error.hint()));
                looked
            }
            Ok(looked) => looked,
        };
        looked.weight = heavy.weight;
        all.push(looked);
    }
    Ok(all)
}

async fn heaviest(session: &Session, settings: &AdviseConfig, most: u32) -> Result<Vec<Heavy>> {
    let schema = session
        .query_opt(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension e
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'",
            &[],
        )
        .await
        .map_err(Error::server("looking for pg_stat_statements"))?;
    let Some(schema) = schema.map(|row| row.get::<_, String>(0)) else {
        return Err(Error::CannotJudge {
            message: "the extension pg_stat_statements is not in this database".into(),
            hint: "put it into shared_preload_libraries and run CREATE EXTENSION pg_stat_statements, or give \
                   query files with --queries"
                .into(),
        });
    };
    let sql = include_str!("statements.sql")
        .replace("/* schema */", &crate::catalog::quote_identifier(&schema));
    let rows = session
        .query(&sql, &[&i64::from(most)])
        .await
        .map_err(Error::server("reading pg_stat_statements"))?;
    Ok(rows
        .iter()
        .map(|row| {
            let id: i64 = row.get(0);
            Heavy {
                query: QueryFile {
                    name: format!("statement_{:016x}", id.cast_unsigned()),
                    file: PathBuf::from("pg_stat_statements"),
                    line: 1,
                    description: None,
                    budget: settings.budget,
                    percentile: Percentile::P95,
                    buffers: None,
                    rows: None,
                    tags: Vec::new(),
                    skip: None,
                    parameters: Vec::new(),
                    sql: preparable(row.get::<_, String>(1).trim().trim_end_matches(';')),
                },
                weight: row.get::<_, f64>(2).max(1e-6),
                mean_ms: row.get(3),
            }
        })
        .collect())
}

async fn understand(
    session: &Session,
    heavy: &Heavy,
    number: usize,
    max_cases: u32,
) -> Result<Looked> {
    let query = &heavy.query;
    let mut looked = look::prepare(session, query, number).await?;
    let row = session
        .query_one(
            "SELECT coalesce(cardinality(parameter_types), 0)::int4 FROM pg_catalog.pg_prepared_statements
              WHERE name = $1",
            &[&looked.prepared],
        )
        .await
        .map_err(Error::server("reading the types of a statement's parameters"))?;
    let parameters = usize::try_from(row.get::<_, i32>(0)).unwrap_or(0);
    let unknown = Case {
        label: "given".into(),
        kind: Label::Given,
        parameters: vec![None; parameters],
        mode: PlanMode::Auto,
    };
    looked.cases = vec![unknown];
    let plan = look::bare_plan(session, &looked).await?;
    looked.bare_plan = plan;
    let facts = load_table_facts(session, &looked.relations()).await?;
    let tables: BTreeMap<QualifiedName, &TableFacts> = facts
        .iter()
        .map(|(name, facts)| (name.clone(), facts))
        .collect();
    let columns = parameter_columns(&looked.bare_plan, &tables);
    let limits = looked.clauses.parameters();
    let mut sources = Vec::new();
    for n in 1..=parameters {
        sources.push(match (columns.get(&n), limits.get(&n)) {
            (Some(column), _) => Source::Column(column.clone()),
            (None, Some(value)) => Source::Values(vec![Some((*value).to_owned())]),
            (None, None) => {
                looked.generic_only = true;
                looked.known_ms = Some(heavy.mean_ms);
                looked.notes.push(format!(
                    "nothing tells which values ${n} takes: only the plan for all values was asked for, and \
                     its time is the statement's mean"
                ));
                return Ok(looked);
            }
        });
    }
    let query = QueryFile {
        parameters: sources,
        ..query.clone()
    };
    session
        .batch_execute(&format!("DEALLOCATE {}", looked.prepared))
        .await
        .map_err(Error::server("forgetting a prepared statement"))?;
    let mut looked = look::look(session, &query, number, max_cases).await?;
    if looked.clauses.writes {
        looked.known_ms = Some(heavy.mean_ms);
    }
    Ok(looked)
}
