//! Reading everything: one connection, one snapshot, two pipelined rounds.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use tokio_postgres::types::Type;

use super::{
    Activity, Archiver, Catalog, Checkpoints, CollationDrift, Column, Constraint, ConstraintKind,
    Cost, Database, ExclusiveLock, Extension, Index, IndexProgress, IndexTexts, Io, Neighbour,
    PreparedTransaction, ReplicationSender, ReplicationSlot, Sequence, Server, Setting, Standby,
    Table, TableKind, Trigger, UnreadFact, VacuumProgress, Wal, birth, bloat, collation,
    column_statistics,
    column_statistics::StatisticsRow,
    dialect::marked,
    hidden, index_text, operator_class,
    reader::{Entity, LossyText, Reader},
    sequence_value, size, statement,
};
use crate::{Error, Result, db::Session};

/// What reading may ask of the server.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    /// How long a query may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a query may take.
    pub statement_timeout: Duration,
    /// Which indexes' expressions and predicates are read.
    pub index_texts: IndexTexts,
    /// What pgstattuple measures, where it is to: it reads relations whole.
    pub exact_bloat: Option<BloatSuspects>,
}

/// The tables and indexes worth measuring.
#[derive(Debug, Clone, Copy)]
pub struct BloatSuspects {
    /// How many tables, and how many indexes.
    pub count: usize,
    /// Chooses them by the facts; the oids of tables and B-tree indexes.
    pub choose: fn(&Catalog, usize) -> Vec<u32>,
}

/// The statements that make a role which sees everything that [`load`] reads.
pub const GRANTS: &str = include_str!("grants.sql");

/// A database in SQL_ASCII holds bytes of any encoding, and the server refuses to send anything else as UTF-8:
/// there, for this transaction, it is to send them as they are.
const ANY_BYTES: &str = "SELECT /* dbaudit */ set_config('client_encoding', 'SQL_ASCII', true)
                         WHERE getdatabaseencoding() = 'SQL_ASCII'";

/// Reads the facts of the session's database.
///
/// # Errors
/// The snapshot could not be opened, or the server and the database themselves could not be read.
/// Anything else that could not be read is listed in [`Catalog::unread`].
pub async fn load(session: &Session, limits: &LoadOptions) -> Result<Catalog> {
    let started = Instant::now();
    // The counters are not frozen with it: `stats_fetch_consistency = snapshot` would copy those of every
    // database of the cluster, and each object's are read once and at once all the same.
    let begin = format!(
        "BEGIN /* dbaudit */ ISOLATION LEVEL REPEATABLE READ READ ONLY;
         SET /* dbaudit */ LOCAL lock_timeout = {};
         SET /* dbaudit */ LOCAL statement_timeout = {};
         SET /* dbaudit */ LOCAL search_path = pg_catalog;
         SET /* dbaudit */ LOCAL jit = off;
         SET /* dbaudit */ LOCAL max_parallel_workers_per_gather = 0;
         {ANY_BYTES}",
        limits.lock_timeout.as_millis(),
        limits.statement_timeout.as_millis(),
    );
    session
        .batch_execute(&begin)
        .await
        .map_err(Error::server("opening a read-only snapshot"))?;
    let reader = Reader::new(session);
    let read = read_all(&reader, limits).await;
    let cost = match &read {
        Some(catalog) => {
            let measured: Vec<u32> = catalog.exact_bloat.iter().map(|b| b.relation).collect();
            Cost::since(&reader, started, &measured).await
        }
        None => Cost::default(),
    };
    // The snapshot must not outlive the reading: it holds vacuum back. Nothing was written, and a rollback would
    // count as one of the application's.
    let ended = session.batch_execute("COMMIT /* dbaudit */").await;
    let unread = reader.into_unread();
    let mut catalog = read.ok_or_else(|| Error::CannotJudge {
        message: unread.first().map_or_else(
            || "the server's basic facts could not be read".to_owned(),
            |first| format!("reading the {}: {}", first.fact.name(), first.reason),
        ),
        hint: "run with -v to log each query that failed".into(),
    })?;
    ended.map_err(Error::server("closing the snapshot"))?;
    catalog.unread = unread;
    catalog.cost = cost;
    Ok(catalog)
}

async fn read_all(reader: &Reader<'_>, limits: &LoadOptions) -> Option<Catalog> {
    let major = reader.major();
    let on = |since: u32| major >= since;
    let (server, extensions) = tokio::join!(
        reader.read_one::<Server>(&[]),
        reader.read::<Extension>(&[]),
    );
    let server = server?;
    let direct = server.role.read_statistic;
    let (database, locks, settings, neighbours, activity, prepared, slots, senders) = tokio::join!(
        reader.read_one::<Database>(&[]),
        reader.read::<ExclusiveLock>(&[]),
        reader.read::<Setting>(&[]),
        reader.read::<Neighbour>(&[]),
        reader.read::<Activity>(&[]),
        reader.read::<PreparedTransaction>(&[]),
        reader.read::<ReplicationSlot>(&[]),
        reader.read::<ReplicationSender>(&[]),
    );
    let (standby, vacuums, builds, checkpoints, archiver, wal, io, statements, births) = tokio::join!(
        reader.read_one::<Standby>(&[]),
        reader.read::<VacuumProgress>(&[]),
        reader.read::<IndexProgress>(&[]),
        reader.read_one::<Checkpoints>(&[]),
        reader.read_one::<Archiver>(&[]),
        since::<Wal>(reader, on(14), 14),
        since::<Io>(reader, on(16), 16),
        statement::read(reader, &extensions),
        birth::read(reader, server.role.superuser),
    );
    let of_tables = [(&direct as _, Type::BOOL)];
    let (
        columns,
        tables,
        indexes,
        constraints,
        triggers,
        sequences,
        classes,
        statistics,
        collation_drifts,
    ) = tokio::join!(
        reader.read::<Column>(&[]),
        reader.read::<Table>(&of_tables),
        reader.read::<Index>(&[]),
        reader.read::<Constraint>(&[]),
        reader.read::<Trigger>(&[]),
        reader.read::<Sequence>(&[]),
        operator_class::read(reader),
        direct_statistics(reader, direct),
        reader.read::<CollationDrift>(&[]),
    );
    let mut catalog = Catalog {
        server,
        database: database?,
        settings: settings.into_iter().collect(),
        neighbours,
        extensions,
        activity,
        locks,
        prepared,
        slots,
        senders,
        standby,
        tables,
        columns,
        indexes,
        constraints,
        triggers,
        sequences,
        statements,
        wal: wal.into_iter().next(),
        checkpoints,
        archiver,
        io,
        vacuums,
        builds,
        exact_bloat: Vec::new(),
        operator_classes: classes,
        collations: HashMap::new(),
        collation_drifts,
        births,
        host: None,
        unread: Vec::new(),
        cost: Cost::default(),
        lookup: super::snapshot::Lookup::default(),
    };
    keep_what_belongs(&mut catalog);
    catalog.arrange();
    size::mark_locked(&mut catalog);
    read_by_what_was_found(reader, &mut catalog, limits, statistics).await;
    hidden::note(reader, &catalog);
    Some(catalog)
}

/// The second round: what to ask about follows from the first.
async fn read_by_what_was_found(
    reader: &Reader<'_>,
    catalog: &mut Catalog,
    limits: &LoadOptions,
    statistics: Option<Vec<StatisticsRow>>,
) {
    let seen = &*catalog;
    let (collations, drifted, sizes, texts, values, statistics) = tokio::join!(
        operator_class::read_collations(reader, seen),
        collation::read_indexes(reader, seen),
        size::read(reader, seen),
        index_text::read(reader, seen, limits.index_texts),
        sequence_value::read(reader, seen),
        async {
            match statistics {
                Some(rows) => rows,
                None => column_statistics::read_through_view(reader, seen).await,
            }
        },
    );
    catalog.collations = collations;
    collation::apply(catalog, &drifted);
    size::apply(catalog, &sizes);
    index_text::apply(catalog, texts);
    sequence_value::apply(catalog, &values);
    column_statistics::apply(catalog, statistics);
    if let Some(suspects) = limits.exact_bloat {
        let chosen = (suspects.choose)(catalog, suspects.count);
        catalog.exact_bloat = bloat::read(reader, catalog, &chosen).await;
    }
}

/// From `pg_statistic`, where the role may read it.
async fn direct_statistics(reader: &Reader<'_>, may: bool) -> Option<Vec<StatisticsRow>> {
    if may {
        Some(reader.read(&[]).await)
    } else {
        None
    }
}

/// Facts that exist only from a version on.
async fn since<E: Entity>(reader: &Reader<'_>, there: bool, version: u32) -> Vec<E> {
    if there {
        return reader.read(&[]).await;
    }
    reader.skip(UnreadFact {
        fact: E::FACT,
        reason: format!("the server has it from version {version}"),
        grant: None,
        partial: false,
    });
    Vec::new()
}

/// TOAST tables of the system's own tables come along with the others; columns and constraints are
/// read by schema as well.
fn keep_what_belongs(catalog: &mut Catalog) {
    let toasts: HashSet<u32> = catalog
        .tables
        .iter()
        .filter_map(|table| table.toast)
        .collect();
    catalog
        .tables
        .retain(|table| table.kind != TableKind::Toast || toasts.contains(&table.oid));
    let mut scans: HashMap<u32, u64> = HashMap::new();
    for index in &catalog.indexes {
        *scans.entry(index.table).or_default() += index.scans;
    }
    for table in &mut catalog.tables {
        table.counters.idx_scans = scans.get(&table.oid).copied().unwrap_or(0);
    }
    // pg_attribute says NOT NULL all the same.
    let unproven: HashSet<(u32, i16)> = catalog
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == ConstraintKind::NotNull)
        .flat_map(|constraint| {
            constraint
                .columns
                .iter()
                .map(|column| (constraint.table, *column))
        })
        .collect();
    for column in &mut catalog.columns {
        column.not_null &= !unproven.contains(&(column.table, column.number));
    }
    let tables: HashSet<u32> = catalog.tables.iter().map(|table| table.oid).collect();
    catalog
        .triggers
        .retain(|trigger| tables.contains(&trigger.table));
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDatabase {
    pub name: String,
    /// Why it cannot be reported on; `None`: it can.
    pub left_out: Option<LeftOut>,
}

/// Why a database cannot be reported on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    Closed,
    Template,
    /// The role may not connect to it.
    NotAllowed,
}

/// The databases of the cluster.
///
/// # Errors
/// The list could not be read.
pub async fn cluster_databases(session: &Session) -> Result<Vec<ClusterDatabase>> {
    let doing = "listing the databases of the cluster";
    let begin = format!("BEGIN /* dbaudit */ READ ONLY; {ANY_BYTES}");
    let listed = async {
        session.batch_execute(&begin).await?;
        let rows = session
            .query(&marked(include_str!("cluster_databases.sql")), &[])
            .await?;
        session.batch_execute("COMMIT /* dbaudit */").await?;
        let database = |row: &tokio_postgres::Row| {
            let left_out = match row.try_get::<_, &str>(1)? {
                "closed" => Some(LeftOut::Closed),
                "template" => Some(LeftOut::Template),
                "not allowed" => Some(LeftOut::NotAllowed),
                _ => None,
            };
            let name = row.try_get::<_, LossyText>(0)?.0;
            Ok(ClusterDatabase { name, left_out })
        };
        rows.iter().map(database).collect::<Result<_, _>>()
    };
    listed.await.map_err(Error::server(doing))
}
