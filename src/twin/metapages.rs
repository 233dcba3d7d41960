//! What the planner reads of an index's first page: the height of a B-tree, and the numbers of a GIN index's pages and entries.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::Row;

use super::{
    pages,
    session::{AT_ONCE, Question, read, run, with_column_type},
    snapshot::{GinCounts, Snapshot},
};
use crate::{
    Result,
    catalog::{QualifiedName, extension_schema, quote_identifier, quote_literal},
    db::Session,
    explain::QueryPlan,
};

/// So that a level of a B-tree costs 50, and every B-tree is used.
const B_TREE_COSTS: &str =
    "SET cpu_operator_cost = 1; SET enable_seqscan = off; SET enable_bitmapscan = off;
    SET enable_sort = off; SET enable_indexscan = on; SET enable_indexonlyscan = on";
const PER_LEVEL: f64 = 50.0;
/// So that pages alone cost something, and every GIN index is used.
const GIN_COSTS: &str =
    "SET cpu_operator_cost = 0; SET cpu_index_tuple_cost = 0; SET random_page_cost = 1;
    SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = on";

/// A superuser can read all of the numbers in a GIN index's metapage.
const PAGEINSPECT: &str =
    "SELECT ARRAY[n_pending_pages, n_total_pages, n_entry_pages, n_data_pages, n_entries]::int8[]
    FROM {schema}.gin_metapage_info({schema}.get_raw_page({name}, 0))";

#[derive(Deserialize)]
struct GinIndex {
    #[serde(flatten)]
    question: Question,
    page_cost: f64,
    blocks: u32,
}

/// Completes the snapshot's relations.
pub(super) async fn read_metapages(session: &Session, snapshot: &mut Snapshot) -> Result<()> {
    run(session, "preparing the session", B_TREE_COSTS).await?;
    let b_trees = read(session, "B-trees", include_str!("heights.sql")).await?;
    let mut heights = HashMap::new();
    for (question, row) in ask(session, b_trees).await {
        let height = row.and_then(|row| height(&row, &question.name));
        heights.insert((question.schema, question.name), height);
    }
    let gin = gin_indexes(session).await?;
    for relation in &mut snapshot.relations {
        let key = (relation.schema.clone(), relation.name.clone());
        if let Some(height) = heights.get(&key) {
            relation.height = height.or_else(|| Some(pages::usual_height(relation.blocks)));
        }
        relation.gin = gin.get(&key).copied().flatten();
    }
    let unread: Vec<String> = gin
        .iter()
        .filter(|(_, counts)| counts.is_none())
        .map(|((schema, name), _)| format!("{schema}.{name}"))
        .collect();
    if !unread.is_empty() {
        snapshot.missing.push(format!(
            "the pending lists of {}, from which no simple query is planned: these indexes are planned as if the lists were empty",
            unread.join(", ")
        ));
    }
    Ok(())
}

/// By schema and name.
async fn gin_indexes(session: &Session) -> Result<BTreeMap<(String, String), Option<GinCounts>>> {
    run(session, "preparing the session", GIN_COSTS).await?;
    let query = with_column_type(include_str!("gin.sql"));
    let indexes: Vec<GinIndex> = read(session, "GIN indexes", &query).await?;
    let questions: Vec<Question> = indexes.iter().map(|it| it.question.clone()).collect();
    let mut counts: BTreeMap<_, _> = ask(session, questions.clone())
        .await
        .into_iter()
        .zip(&indexes)
        .map(|((question, row), index)| {
            let counts = row.and_then(|row| charged(&row, index));
            ((question.schema, question.name), counts)
        })
        .collect();
    let Some(schema) = extension_schema(session, "pageinspect").await? else {
        return Ok(counts);
    };
    let questions = questions.into_iter().map(|index| {
        let name = QualifiedName::new(&*index.schema, &*index.name).quoted();
        let query = PAGEINSPECT
            .replace("{schema}", &quote_identifier(&schema))
            .replace("{name}", &quote_literal(&name));
        Question { query, ..index }
    });
    for (question, row) in ask(session, questions.collect()).await {
        let read: Option<Vec<i64>> = row.and_then(|row| row.try_get(0).ok());
        if let Some(read) = read {
            counts.insert((question.schema, question.name), Some(gin_counts(&read)));
        }
    }
    Ok(counts)
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

/// From the pages that the planner charges: those of the pending list, of the way down to each key, and of what is found, one for
/// as many rows as it holds (`gincostestimate` in selfuncs.c). Where another index of the table answers, because fewer wait
/// there, its are taken.
fn charged(row: &Row, index: &GinIndex) -> Option<GinCounts> {
    const ROWS_PER_PAGE: f64 = 2730.0;
    let plan = QueryPlan::parse(&row.try_get(0).ok()?)?;
    let scans: Vec<f64> = plan
        .root
        .walk()
        .filter(|node| node.kind == "Bitmap Index Scan")
        .map(|scan| {
            let found = (scan.estimated_rows / ROWS_PER_PAGE).ceil().max(1.0);
            scan.total_cost / index.page_cost - found
        })
        .collect();
    let [three, four] = scans.try_into().ok()?;
    let way = (four - three).round().max(1.0);
    let pending = (three - 3.0 * way).round().max(0.0);
    let pages = (f64::from(index.blocks) - pending).max(10.0);
    let guess = (pages * 0.9).floor();
    // The way down is the 0.15th power of the number, rounded.
    let number = |way: f64| way.powf(1.0 / 0.15);
    let entry_pages = guess.clamp(number(way - 0.5).ceil(), number(way + 0.5).floor());
    if entry_pages == guess {
        return Some(GinCounts {
            pending: pending as u32,
            ..GinCounts::default()
        });
    }
    Some(GinCounts {
        pending: pending as u32,
        pages: index.blocks,
        entry_pages: entry_pages as u32,
        data_pages: (pages - entry_pages).max(0.0) as u32,
        entries: (entry_pages * 100.0) as u32,
    })
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
