//! How the planner gets to see the candidates.

use std::collections::BTreeMap;

use super::{WhatIfConfig, built::Built, planner::WhatIf};
use crate::{
    Error, Result,
    advise::{IndexSpec, TableFacts},
    catalog::{QualifiedName, extension_schema},
    db::{self, Session, is_connection_loss},
    explain::QueryPlan,
};

/// The way by the extension hypopg, where it is in this database already.
pub(super) async fn hypothetical(session: &Session) -> Result<Option<WhatIf>> {
    Ok(extension_schema(session, "hypopg")
        .await?
        .map(WhatIf::Hypothetical))
}

/// How the candidates come before the planner.
pub(super) async fn choose_what_if(
    session: &Session,
    settings: &WhatIfConfig,
    all: &[IndexSpec],
    built: &Built,
) -> Result<WhatIf> {
    if all.is_empty() {
        return Ok(WhatIf::Built(BTreeMap::new()));
    }
    let version = session.version.major();
    let ways = format!(
        "install its package (Debian, Ubuntu: postgresql-{version}-hypopg) and run CREATE EXTENSION hypopg \
         (--create-extension runs it for you); or build real indexes on a copy of the database: --prove \
         --disposable"
    );
    if settings.create_extension {
        let created = session.batch_execute("CREATE EXTENSION hypopg").await;
        return match created {
            Ok(()) => {
                tracing::info!(
                    "the extension hypopg was installed; DROP EXTENSION hypopg removes it"
                );
                let schema = extension_schema(session, "hypopg").await?;
                Ok(WhatIf::Hypothetical(
                    schema.unwrap_or_else(|| "public".into()),
                ))
            }
            Err(error) if is_connection_loss(&error) => {
                Err(Error::server("installing the extension hypopg")(error))
            }
            Err(error) => Err(Error::CannotJudge {
                message: format!("CREATE EXTENSION hypopg: {}", db::describe_error(&error)),
                hint: ways,
            }),
        };
    }
    if settings.prove {
        return built.build_candidates(session, all).await;
    }
    Err(Error::CannotJudge {
        message: "a query is over its budget, and this database lacks the extension hypopg, with which the \
             planner can judge indexes that do not exist"
            .into(),
        hint: ways,
    })
}

/// The share of the table's rows that each candidate holds, as the planner sees it.
pub async fn shares(
    session: &Session,
    all: &[IndexSpec],
    tables: &BTreeMap<QualifiedName, TableFacts>,
) -> Result<Vec<f64>> {
    let mut known: BTreeMap<(QualifiedName, String), f64> = BTreeMap::new();
    let mut shares = Vec::with_capacity(all.len());
    for spec in all {
        let Some(predicate) = &spec.predicate else {
            shares.push(1.0);
            continue;
        };
        let key = (spec.table.clone(), predicate.clone());
        if !known.contains_key(&key) {
            let sql = format!(
                "EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE {predicate}",
                spec.table.quoted()
            );
            let rows = match session.query_one(&sql, &[]).await {
                Ok(row) => row
                    .try_get(0)
                    .ok()
                    .and_then(|plan| Some(QueryPlan::parse(&plan)?.root.estimated_rows)),
                Err(error) if is_connection_loss(&error) => {
                    return Err(Error::server(
                        "estimating how many rows a partial index would hold",
                    )(error));
                }
                Err(_) => None,
            };
            let of = tables
                .get(&spec.table)
                .map_or(1.0, |facts| facts.rows.max(1.0));
            known.insert(
                key.clone(),
                rows.map_or(1.0, |rows| (rows / of).clamp(0.0, 1.0)),
            );
        }
        shares.push(known.get(&key).copied().unwrap_or(1.0));
    }
    Ok(shares)
}
