//! What reading cost the server.

use std::{fmt, time::Instant};

use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::reader::{Fields, Reader};
use crate::db::describe_error;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub queries: usize,
    /// From the first to the last.
    pub elapsed_ms: f64,
    /// Of it, the time with a query under way at the server; the rest was spent here.
    #[serde(default)]
    pub server_ms: f64,
    /// Blocks of tables and indexes that the queries read.
    #[serde(default)]
    pub blocks: Option<Blocks>,
    /// Why the blocks are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks_unknown: Option<String>,
}

/// Blocks, of the system's catalogs and of what pgstattuple measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// Found in shared buffers.
    pub hit: u64,
    /// Read from the operating system.
    pub read: u64,
}

impl Cost {
    /// Since reading started.
    pub(super) async fn since(reader: &Reader<'_>, started: Instant, measured: &[u32]) -> Self {
        let row = |row: &mut Fields<'_>| {
            let on: bool = row.get()?;
            let (hit, read) = (row.count()?, row.count()?);
            Ok(on.then_some(Blocks { hit, read }))
        };
        let params = [(&measured as _, Type::OID_ARRAY)];
        let asked = reader.rows(include_str!("cost.sql"), &params, row).await;
        let (blocks, blocks_unknown) = match asked.map(|rows| rows.into_iter().next().flatten()) {
            Ok(Some(blocks)) => (Some(blocks), None),
            Ok(None) => (None, Some("track_counts is off".to_owned())),
            Err(error) => (None, Some(describe_error(&error))),
        };
        Self {
            queries: reader.statements(),
            elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
            server_ms: reader.under_way().as_secs_f64() * 1000.0,
            blocks,
            blocks_unknown,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queries, elapsed, server) = (self.queries, self.elapsed_ms, self.server_ms);
        write!(
            f,
            "{queries} queries, {elapsed:.0} ms, {server:.0} ms of it on the server, "
        )?;
        match (self.blocks, &self.blocks_unknown) {
            (Some(Blocks { hit, read }), _) => {
                write!(f, "{hit} blocks from shared buffers and {read} read")
            }
            (None, Some(reason)) => write!(f, "blocks unknown: {reason}"),
            (None, None) => f.write_str("blocks unknown"),
        }
    }
}
