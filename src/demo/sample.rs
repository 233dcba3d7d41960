//! Puts the sample schema and its rows into a database.

use std::pin::pin;

use futures_util::SinkExt;
use tokio_postgres::{Client, CopyInSink};

use super::data::{Contents, Metadata, Users, user_count};
use crate::{Error, Result};

/// The seed of every demo, so that every demo shows the same data.
pub const SEED: u64 = 2026;
/// Bytes sent at a time.
const CHUNK: usize = 64 * 1024;

/// Creates the tables and `rows` rows of content with their users and metadata. `progress` receives how
/// many contents have been sent. [`analyze`] comes next.
pub async fn load(client: &Client, rows: u64, seed: u64, progress: impl Fn(u64)) -> Result<()> {
    client
        .batch_execute(include_str!("schema.sql"))
        .await
        .map_err(Error::server("creating the sample tables"))?;

    let mut users = Users::new(seed);
    copy(
        client,
        "COPY users (id, email, display_name, is_active, created_at, last_used_at) FROM STDIN",
        1..=user_count(rows),
        |id, line| users.line(id, line),
    )
    .await?;

    let mut contents = Contents::new(seed, rows).ok_or_else(|| Error::Demo {
        message: format!("cannot create {rows} rows"),
        hint: "set --rows to at least 1".into(),
    })?;
    let mut words = Vec::new();
    copy(
        client,
        "COPY content (id, user_id, topic, content_type, audience_level, generated_at, body) \
         FROM STDIN",
        1..=rows,
        |id, line| {
            words.push(contents.line(id, line));
            if id % 1_000 == 0 {
                progress(id);
            }
        },
    )
    .await?;

    let mut metadata = Metadata::new(seed);
    copy(
        client,
        "COPY content_metadata (content_id, word_count, estimated_read_time) FROM STDIN",
        (1..).zip(words),
        |(content, words), line| metadata.line(content, words, line),
    )
    .await?;

    client
        .batch_execute(include_str!("finish.sql"))
        .await
        .map_err(Error::server("finishing the sample tables"))
}

/// Gives the planner its statistics. Over another connection than [`load`], and once that is closed: a
/// session that has just filled a table still owes the server its counters, and they would be counted on
/// top of what ANALYZE finds.
pub async fn analyze(client: &Client) -> Result<()> {
    client
        .batch_execute("ANALYZE users, content, content_metadata")
        .await
        .map_err(Error::server("analyzing the sample tables"))
}

/// Leaves behind what years of use leave behind, for the report to find.
pub async fn age(client: &Client) -> Result<()> {
    client
        .batch_execute(include_str!("age.sql"))
        .await
        .map_err(Error::server("ageing the sample tables"))
}

/// Sends one line per item.
async fn copy<T>(
    client: &Client,
    statement: &str,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) -> Result<()> {
    let filling = || Error::server("filling the sample tables");
    let sink: CopyInSink<bytes::Bytes> = client.copy_in(statement).await.map_err(filling())?;
    let mut sink = pin!(sink);
    let mut lines = String::with_capacity(CHUNK + 4_096);
    for item in items {
        write(item, &mut lines);
        if lines.len() >= CHUNK {
            let full = std::mem::replace(&mut lines, String::with_capacity(CHUNK + 4_096));
            sink.send(full.into()).await.map_err(filling())?;
        }
    }
    if !lines.is_empty() {
        sink.send(lines.into()).await.map_err(filling())?;
    }
    sink.finish().await.map_err(filling())?;
    Ok(())
}
