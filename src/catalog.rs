//! What the server holds: one file per entity, with its `.sql` files and the only row mapping.

mod activity;
mod advise;
#[cfg(test)]
mod bare;
mod birth;
mod bloat;
mod blocking_session;
mod collation;
mod column;
mod column_ref;
mod column_statistics;
mod column_values;
mod combinations;
mod connection_summary;
mod constraint;
mod cost;
mod database;
mod definition;
mod dialect;
mod extension;
mod fact;
mod hidden;
pub mod host;
mod index;
pub mod index_state;
mod index_text;
mod load;
mod lock;
mod operator_class;
mod options;
mod progress;
mod read_only;
mod reader;
mod replication;
mod sampled_values;
mod sequence;
mod sequence_value;
mod server;
mod setting;
pub mod shadow;
mod size;
mod snapshot;
mod statement;
mod table;
mod table_facts;
mod table_indexes;
mod trigger;
mod wal;

pub use crate::sql::{
    MAX_NAME_BYTES, QualifiedName, cut_name, name_with_suffix, quote_identifier, quote_literal,
};

pub use self::{
    activity::Activity,
    advise::load_table_facts,
    birth::Births,
    bloat::ExactBloat,
    blocking_session::BlockingSession,
    collation::CollationDrift,
    column::Column,
    column_ref::ColumnRef,
    column_statistics::ColumnStatistics,
    column_values::{ColumnDraw, ColumnValues, draw_values},
    combinations::{Combinations, draw_combinations},
    connection_summary::ConnectionSummary,
    constraint::{Constraint, ConstraintKind},
    cost::{Blocks, Cost},
    database::{Database, Neighbour},
    extension::{Extension, extension_schema},
    fact::{Fact, UnreadFact},
    index::Index,
    index_text::IndexTexts,
    load::{BloatSuspects, ClusterDatabase, GRANTS, LeftOut, LoadOptions, cluster_databases, load},
    lock::ExclusiveLock,
    operator_class::OperatorClass,
    options::StorageOptions,
    progress::{IndexProgress, VacuumProgress},
    read_only::read_only,
    replication::{PreparedTransaction, ReplicationSender, ReplicationSlot, Standby},
    sequence::Sequence,
    server::{Role, Server},
    setting::{Setting, Settings},
    snapshot::Catalog,
    statement::{Statement, Statements},
    table::{BLOCK_BYTES, Table, TableCounters, TableKind, TableSize},
    table_facts::{ClassFacts, ColumnFacts, PresentIndex, RowCounters, TableFacts},
    table_indexes::{TableIndex, load_table_indexes},
    trigger::Trigger,
    wal::{Archiver, Checkpoints, Io, Wal},
};
