//! What the planner reads of an index's first page: the height of a B-tree, and how many pages wait in a GIN index's pending list.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio_postgres::Row;

use super::{
    pages,
    session::{AT_ONCE, Question, read, run},
    snapshot::Snapshot,
};
use crate::{
    Result,
    catalog::{extension_schema, quote_identifier},
    db::Session,
};

/// So that a level of a B-tree costs 50, and every B-tree is used.
const COSTS: &str =
    "SET cpu_operator_cost = 1; SET enable_seqscan = off; SET enable_bitmapscan = off;
    SET enable_sort = off; SET enable_indexscan = on; SET enable_indexonlyscan = on";
const PER_LEVEL: f64 = 50.0;

/// Completes the snapshot's relations.
pub(super) async fn read_metapages(session: &Session, snapshot: &mut Snapshot) -> Result<()> {
    run(session, "preparing the session", COSTS).await?;
    let b_trees = read(session, "B-trees", include_str!("heights.sql")).await?;
    let heights = ask(session, b_trees, height).await;
    let schema = extension_schema(session, "pgstattuple").await?;
    let schema = quote_identifier(schema.as_deref().unwrap_or("pg_catalog"));
    let pending = include_str!("pending.sql").replace("{schema}", &schema);
    let gin = read(session, "GIN indexes", &pending).await?;
    let pending = ask(session, gin, |row, _| {
        u32::try_from(row.get::<_, i32>(0)).ok()
    })
    .await;
    for relation in &mut snapshot.relations {
        let key = (relation.schema.clone(), relation.name.clone());
        if let Some(height) = heights.get(&key) {
            relation.height = height.or_else(|| Some(pages::usual_height(relation.blocks)));
        }
        relation.pending = pending.get(&key).copied().flatten();
    }
    if pending.values().any(Option::is_none) {
        snapshot.missing.push(
            "the pending lists of GIN indexes, which the extension pgstattuple and a member of pg_stat_scan_tables can read: \
             these indexes are planned as if nothing waited there"
                .into(),
        );
    }
    Ok(())
}

/// By schema and name; nothing where the server refused an answer.
async fn ask(
    session: &Session,
    questions: Vec<Question>,
    answer: impl Fn(&Row, &str) -> Option<u32>,
) -> HashMap<(String, String), Option<u32>> {
    stream::iter(questions)
        .map(|question| async move { (session.query_one(&question.query, &[]).await, question) })
        .buffered(AT_ONCE)
        .map(|(row, question)| {
            let answer = row.ok().and_then(|row| answer(&row, &question.name));
            ((question.schema, question.name), answer)
        })
        .collect()
        .await
}

/// What the planner charged before the first row: 50 for each level and for the leaf, and less than 50 to compare.
fn height(row: &Row, index: &str) -> Option<u32> {
    let plan: Value = row.try_get(0).ok()?;
    let plan = plan.pointer("/0/Plan")?;
    if plan.get("Index Name")?.as_str()? != index {
        return None;
    }
    let levels = (plan.get("Startup Cost")?.as_f64()? / PER_LEVEL).floor() - 1.0;
    (0.0..20.0).contains(&levels).then_some(levels as u32)
}
