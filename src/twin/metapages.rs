//! What the planner reads of an index's first page: the height of a B-tree, and the numbers of a GIN index's pages and entries.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio_postgres::Row;

use super::{
    pages,
    session::{AT_ONCE, Question, read, run},
    snapshot::{GinCounts, Snapshot},
};
use crate::{
    Result,
    catalog::{QualifiedName, extension_schema, quote_identifier, quote_literal},
    db::Session,
};

/// So that a level of a B-tree costs 50, and every B-tree is used.
const COSTS: &str =
    "SET cpu_operator_cost = 1; SET enable_seqscan = off; SET enable_bitmapscan = off;
    SET enable_sort = off; SET enable_indexscan = on; SET enable_indexonlyscan = on";
const PER_LEVEL: f64 = 50.0;

/// Where the numbers in a GIN index's metapage can be read: all by a superuser, or the pages that wait.
const GIN: [(&str, &str); 2] = [
    (
        "pageinspect",
        "SELECT ARRAY[n_pending_pages, n_total_pages, n_entry_pages, n_data_pages, n_entries]::int8[]
         FROM {schema}.gin_metapage_info({schema}.get_raw_page({name}, 0))",
    ),
    (
        "pgstattuple",
        "SELECT ARRAY[pending_pages]::int8[] FROM {schema}.pgstatginindex({oid})",
    ),
];

/// Completes the snapshot's relations.
pub(super) async fn read_metapages(session: &Session, snapshot: &mut Snapshot) -> Result<()> {
    run(session, "preparing the session", COSTS).await?;
    let b_trees = read(session, "B-trees", include_str!("heights.sql")).await?;
    let mut heights = HashMap::new();
    for (question, row) in ask(session, b_trees).await {
        let height = row.and_then(|row| height(&row, &question.name));
        heights.insert((question.schema, question.name), height);
    }
    let mut unread: Vec<Question> = read(session, "GIN indexes", include_str!("gin.sql")).await?;
    let mut counts = HashMap::new();
    for (extension, query) in GIN {
        let Some(schema) = extension_schema(session, extension).await? else {
            continue;
        };
        let questions = unread.iter().map(|index| {
            let name = QualifiedName::new(&*index.schema, &*index.name).quoted();
            let query = query
                .replace("{schema}", &quote_identifier(&schema))
                .replace("{oid}", &quote_literal(&index.query))
                .replace("{name}", &quote_literal(&name));
            Question {
                query,
                ..index.clone()
            }
        });
        for (question, row) in ask(session, questions.collect()).await {
            let read: Option<Vec<i64>> = row.and_then(|row| row.try_get(0).ok());
            if let Some(read) = read {
                counts.insert((question.schema, question.name), gin_counts(&read));
            }
        }
        unread.retain(|index| !counts.contains_key(&(index.schema.clone(), index.name.clone())));
    }
    for relation in &mut snapshot.relations {
        let key = (relation.schema.clone(), relation.name.clone());
        if let Some(height) = heights.get(&key) {
            relation.height = height.or_else(|| Some(pages::usual_height(relation.blocks)));
        }
        relation.gin = counts.get(&key).copied();
    }
    if !unread.is_empty() {
        snapshot.missing.push(
            "the pending lists of GIN indexes, which take the extension pgstattuple and the rights of pg_stat_scan_tables to read: \
             these indexes are planned as if their lists were empty"
                .into(),
        );
    }
    Ok(())
}

fn gin_counts(read: &[i64]) -> GinCounts {
    let number = |at: usize| {
        let read = read.get(at).copied().unwrap_or(0);
        u32::try_from(read).unwrap_or(0)
    };
    GinCounts {
        pending: number(0),
        pages: number(1),
        entry_pages: number(2),
        data_pages: number(3),
        entries: number(4),
    }
}

/// No row where the server refused an answer.
async fn ask(session: &Session, questions: Vec<Question>) -> Vec<(Question, Option<Row>)> {
    stream::iter(questions)
        .map(|question| async move {
            let row = session.query_one(&question.query, &[]).await;
            (question, row.ok())
        })
        .buffered(AT_ONCE)
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
