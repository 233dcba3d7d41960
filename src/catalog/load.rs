//! Reading everything: one connection, one snapshot, two pipelined rounds.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use tokio_postgres::types::Type;

use super::{
    Activity, Archiver, Catalog, Checkpoints, Column, Constraint, Cost, Database, ExactBloat,
    ExclusiveLock, Extension, Fact, Index, IndexProgress, Io, Neighbour, OperatorClass,
    PreparedTransaction, ReplicationSender, ReplicationSlot, Sequence, Server, Setting, Standby,
    Statement, Statements, Table, TableKind, Trigger, Unread, VacuumProgress, Wal,
    column::StatisticsRow,
    dialect::for_version,
    reader::{Entity, Fields, Reader},
    size,
};
use crate::{Error, Result, db::Session};

/// What reading may ask of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a query may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a query may take.
    pub statement_timeout: Duration,
    /// How many tables, and how many indexes, pgstattuple measures. It reads them whole.
    pub exact_bloat: usize,
}

/// The statements that make a role which sees everything that [`load`] reads.
pub const GRANTS: &str = include_str!("grants.sql");

/// How many relations are measured in the file system; the rest are taken from `relpages`.
const MEASURED_RELATIONS: usize = 600;
/// Sequences read under one savepoint: each holds a lock until it is rolled back.
const SEQUENCE_BATCH: usize = 500;
/// Beyond this many sequences, values that cannot matter are not read: each costs a lock and a page.
const ALL_SEQUENCES: usize = 1_000;
/// Statements whose text is fetched, by total and by mean time each.
const STATEMENT_TEXTS: usize = 50;

/// Reads the facts of the session's database.
///
/// # Errors
/// The snapshot could not be opened, or the server and the database themselves could not be read.
/// Anything else that could not be read is listed in [`Catalog::unread`].
pub async fn load(session: &Session, limits: &Limits) -> Result<Catalog> {
    let started = Instant::now();
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
         SET LOCAL lock_timeout = {};
         SET LOCAL statement_timeout = {};
         SET LOCAL search_path = pg_catalog;
         SET LOCAL jit = off;
         SET LOCAL max_parallel_workers_per_gather = 0;
         {}",
        limits.lock_timeout.as_millis(),
        limits.statement_timeout.as_millis(),
        // All counters at once, instead of one by one.
        if session.version.major() >= 15 {
            "SET LOCAL stats_fetch_consistency = snapshot"
        } else {
            ""
        },
    );
    session
        .batch_execute(&begin)
        .await
        .map_err(Error::server("opening a read-only snapshot"))?;
    let reader = Reader::new(session);
    let read = read_all(&reader, limits.exact_bloat).await;
    // The snapshot must not outlive the reading: it holds vacuum back.
    let ended = session.batch_execute("ROLLBACK").await;
    let queries = reader.statements();
    let unread = reader.into_unread();
    let mut catalog = read.ok_or_else(|| Error::CannotJudge {
        message: unread.first().map_or_else(
            || "the server's own facts could not be read".to_owned(),
            |first| format!("reading the {}: {}", first.fact.name(), first.reason),
        ),
        hint: "with -v each query that failed is logged".into(),
    })?;
    ended.map_err(Error::server("closing the snapshot"))?;
    catalog.unread = unread;
    catalog.cost = Cost {
        queries,
        elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
    };
    Ok(catalog)
}

async fn read_all(reader: &Reader<'_>, exact_bloat: usize) -> Option<Catalog> {
    let major = reader.major();
    let on = |since: u32| major >= since;
    let (server, database, locks, settings, neighbours, extensions, activity) = tokio::join!(
        reader.read_one::<Server>(&[]),
        reader.read_one::<Database>(&[]),
        reader.read::<ExclusiveLock>(&[]),
        reader.read::<Setting>(&[]),
        reader.read::<Neighbour>(&[]),
        reader.read::<Extension>(&[]),
        reader.read::<Activity>(&[]),
    );
    let (prepared, slots, senders, standby, vacuums, builds, checkpoints, archiver) = tokio::join!(
        reader.read::<PreparedTransaction>(&[]),
        reader.read::<ReplicationSlot>(&[]),
        reader.read::<ReplicationSender>(&[]),
        reader.read_one::<Standby>(&[]),
        reader.read::<VacuumProgress>(&[]),
        reader.read::<IndexProgress>(&[]),
        reader.read_one::<Checkpoints>(&[]),
        reader.read_one::<Archiver>(&[]),
    );
    let (wal, io, tables, columns, indexes, constraints, triggers, sequences) = tokio::join!(
        since::<Wal>(reader, on(14), 14),
        since::<Io>(reader, on(16), 16),
        reader.read::<Table>(&[]),
        reader.read::<Column>(&[]),
        reader.read::<Index>(&[]),
        reader.read::<Constraint>(&[]),
        reader.read::<Trigger>(&[]),
        reader.read::<Sequence>(&[]),
    );
    let operator_classes = read_operator_classes(reader).await;
    let mut catalog = Catalog {
        server: server?,
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
        statements: None,
        wal: wal.into_iter().next(),
        checkpoints,
        archiver,
        io,
        vacuums,
        builds,
        exact_bloat: Vec::new(),
        operator_classes,
        collations: HashMap::new(),
        unread: Vec::new(),
        cost: Cost::default(),
        lookup: super::snapshot::Lookup::default(),
    };
    keep_what_belongs(&mut catalog);
    catalog.arrange();
    size::mark_locked(&mut catalog);
    let measured = size::largest(&catalog, MEASURED_RELATIONS);
    let (collations, statistics, sizes, expressions, values, statements) = tokio::join!(
        read_collations(reader, &catalog),
        read_statistics(reader, &catalog),
        read_sizes(reader, &measured),
        read_expressions(reader, &catalog),
        read_sequence_values(reader, &catalog),
        read_statements(reader, &catalog),
    );
    catalog.collations = collations;
    for row in statistics {
        if let Ok(at) = catalog
            .columns
            .binary_search_by_key(&(row.table, row.column), |c| (c.table, c.number))
        {
            catalog.columns[at].statistics = Some(row.statistics);
        }
    }
    size::apply(&mut catalog, &sizes);
    for index in &mut catalog.indexes {
        if let Some(texts) = expressions.get(&index.oid) {
            (index.expressions, index.predicate, index.definition) = texts.clone();
        }
    }
    for sequence in &mut catalog.sequences {
        if let Some(value) = values.get(&sequence.oid) {
            sequence.last_value = *value;
            sequence.value_read = true;
        }
    }
    catalog.statements = statements;
    if exact_bloat > 0 {
        catalog.exact_bloat = read_exact_bloat(reader, &catalog, exact_bloat).await;
    }
    note_what_the_role_cannot_see(reader, &catalog);
    Some(catalog)
}

/// Facts that exist only from a version on.
async fn since<E: Entity>(reader: &Reader<'_>, there: bool, version: u32) -> Vec<E> {
    if there {
        return reader.read(&[]).await;
    }
    reader.skip(Unread {
        fact: E::FACT,
        reason: format!("servers have it from version {version} on"),
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
    let tables: HashSet<u32> = catalog.tables.iter().map(|table| table.oid).collect();
    catalog
        .triggers
        .retain(|trigger| tables.contains(&trigger.table));
}

async fn read_operator_classes(reader: &Reader<'_>) -> HashMap<u32, OperatorClass> {
    let row = |row: &mut Fields<'_>| {
        Ok((
            row.get()?,
            OperatorClass {
                name: row.get()?,
                default: row.get()?,
                family: row.get()?,
                input_type: row.get()?,
            },
        ))
    };
    match reader
        .rows(include_str!("operator_class.sql"), &[], row)
        .await
    {
        Ok(rows) => rows.into_iter().collect(),
        Err(error) => {
            reader.failed(Fact::Indexes, &error);
            HashMap::new()
        }
    }
}

async fn read_collations(reader: &Reader<'_>, catalog: &Catalog) -> HashMap<u32, String> {
    let used: HashSet<u32> = catalog
        .indexes
        .iter()
        .flat_map(|i| &i.collations)
        .copied()
        .collect();
    let used: Vec<u32> = used.into_iter().collect();
    let row = |row: &mut Fields<'_>| Ok((row.get()?, row.get()?));
    match reader
        .rows(
            include_str!("collation.sql"),
            &[(&used, Type::OID_ARRAY)],
            row,
        )
        .await
    {
        Ok(rows) => rows.into_iter().collect(),
        Err(error) => {
            reader.failed(Fact::Indexes, &error);
            HashMap::new()
        }
    }
}

async fn read_statistics(reader: &Reader<'_>, catalog: &Catalog) -> Vec<StatisticsRow> {
    if catalog.server.role.read_statistic {
        return reader.read(&[]).await;
    }
    let hidden = catalog
        .stored_tables()
        .filter(|table| !table.readable)
        .count();
    if hidden > 0 {
        reader.skip(Unread {
            fact: Fact::ColumnStatistics,
            reason: format!(
                "the role {} may not read {hidden} of {} tables, so their columns' statistics are hidden",
                catalog.server.role.name,
                catalog.stored_tables().count()
            ),
            grant: Some(if catalog.server.major() >= 14 {
                grant_role("pg_read_all_data", catalog)
            } else {
                format!(
                    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
                    super::quote_identifier(&catalog.server.role.name)
                )
            }),
            partial: hidden < catalog.stored_tables().count(),
        });
    }
    let mut largest: Vec<&Table> = catalog.stored_tables().filter(|t| t.readable).collect();
    largest.sort_by_key(|table| std::cmp::Reverse(table.pages));
    let names: Vec<&str> = largest.iter().take(500).map(|t| t.name.as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let sql = include_str!("column_statistics_view.sql");
    match reader
        .rows(sql, &[(&names, Type::NAME_ARRAY)], StatisticsRow::from_row)
        .await
    {
        Ok(rows) => rows,
        Err(error) => {
            reader.failed(Fact::ColumnStatistics, &error);
            Vec::new()
        }
    }
}

async fn read_sizes(reader: &Reader<'_>, measured: &[u32]) -> Vec<size::Measured> {
    let sql = include_str!("size.sql");
    match reader
        .rows(
            sql,
            &[(&measured, Type::OID_ARRAY)],
            size::Measured::from_row,
        )
        .await
    {
        Ok(rows) => rows,
        Err(error) => {
            reader.failed(Fact::Sizes, &error);
            Vec::new()
        }
    }
}

/// Expressions, predicate, definition.
type IndexTexts = (Option<String>, Option<String>, Option<String>);

async fn read_expressions(reader: &Reader<'_>, catalog: &Catalog) -> HashMap<u32, IndexTexts> {
    let locked: HashSet<u32> = catalog
        .tables
        .iter()
        .filter(|table| table.locked)
        .map(|table| table.oid)
        .collect();
    let (wanted, hidden): (Vec<&Index>, Vec<&Index>) = catalog
        .indexes
        .iter()
        .filter(|index| index.has_predicate || index.needs_server())
        .partition(|index| !locked.contains(&index.table));
    if !hidden.is_empty() {
        reader.skip(Unread {
            fact: Fact::IndexExpressions,
            reason: format!(
                "{} are on tables that another session holds exclusively",
                crate::check::counted(hidden.len(), "index", "indexes")
            ),
            grant: None,
            partial: true,
        });
    }
    if wanted.is_empty() {
        return HashMap::new();
    }
    let all: Vec<u32> = wanted.iter().map(|index| index.oid).collect();
    let odd: Vec<u32> = wanted
        .iter()
        .filter(|index| index.needs_server())
        .map(|index| index.oid)
        .collect();
    let row = |row: &mut Fields<'_>| Ok((row.get()?, (row.get()?, row.get()?, row.get()?)));
    match reader
        .rows(
            include_str!("index_expression.sql"),
            &[(&all, Type::OID_ARRAY), (&odd, Type::OID_ARRAY)],
            row,
        )
        .await
    {
        Ok(rows) => rows.into_iter().collect(),
        Err(error) => {
            reader.failed(Fact::IndexExpressions, &error);
            HashMap::new()
        }
    }
}

/// Counts from its start for longer than anyone will, and so does the column it feeds.
fn is_endless(sequence: &Sequence, catalog: &Catalog) -> bool {
    const BIGINT: u32 = 20;
    let column = sequence
        .owner_table
        .zip(sequence.owner_column)
        .and_then(|(table, column)| catalog.column(table, column));
    sequence.type_oid == BIGINT
        && sequence.increment == 1
        && sequence.maximum > i64::MAX / 2
        && sequence.start < i64::MAX / 4
        && column.is_some_and(|column| column.type_oid == BIGINT)
}

async fn read_sequence_values(reader: &Reader<'_>, catalog: &Catalog) -> HashMap<u32, Option<i64>> {
    let locked: HashSet<u32> = catalog.locks.iter().map(|lock| lock.relation).collect();
    let (readable, hidden): (Vec<&Sequence>, Vec<&Sequence>) = catalog
        .sequences
        .iter()
        .partition(|sequence| sequence.readable && !locked.contains(&sequence.oid));
    let hidden = hidden.len();
    let few = catalog.sequences.len() <= ALL_SEQUENCES;
    let (readable, endless): (Vec<&Sequence>, Vec<&Sequence>) = readable
        .into_iter()
        .partition(|sequence| few || !is_endless(sequence, catalog));
    if !endless.is_empty() {
        reader.skip(Unread {
            fact: Fact::SequenceValues,
            reason: format!(
                "of {} sequences, {} count in bigint for a bigint column: their values were not read",
                catalog.sequences.len(),
                endless.len()
            ),
            grant: None,
            partial: true,
        });
    }
    let readable: Vec<u32> = readable.iter().map(|sequence| sequence.oid).collect();
    if hidden > 0 {
        reader.skip(Unread {
            fact: Fact::SequenceValues,
            reason: format!(
                "the values of {hidden} of {} sequences are not readable",
                catalog.sequences.len()
            ),
            grant: Some(if catalog.server.major() >= 14 {
                grant_role("pg_read_all_data", catalog)
            } else {
                format!(
                    "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
                    super::quote_identifier(&catalog.server.role.name)
                )
            }),
            partial: !readable.is_empty(),
        });
    }
    let mut values: HashMap<u32, Option<i64>> = HashMap::new();
    for batch in readable.chunks(SEQUENCE_BATCH) {
        let batch = batch.to_vec();
        let row = |row: &mut Fields<'_>| Ok((row.get::<u32>()?, row.get::<Option<i64>>()?));
        match reader
            .rows(
                "SELECT c.oid, pg_sequence_last_value(c.oid) FROM pg_class c WHERE c.oid = ANY ($1)",
                &[(&batch, Type::OID_ARRAY)],
                row,
            )
            .await
        {
            Ok(rows) => values.extend(rows),
            Err(error) => reader.failed(Fact::SequenceValues, &error),
        }
    }
    values
}

async fn read_statements(reader: &Reader<'_>, catalog: &Catalog) -> Option<Statements> {
    let Some(extension) = catalog.extension("pg_stat_statements") else {
        reader.skip(Unread {
            fact: Fact::Statements,
            reason: "the extension pg_stat_statements is not installed in this database".into(),
            grant: Some(
                "CREATE EXTENSION pg_stat_statements -- and shared_preload_libraries must name it"
                    .into(),
            ),
            partial: false,
        });
        return None;
    };
    let schema = super::quote_identifier(&extension.schema);
    let place = |sql: &str| {
        for_version(sql, extension.minor()).replace(
            "FROM pg_stat_statements",
            &format!("FROM {schema}.pg_stat_statements"),
        )
    };
    let sql = place(include_str!("statement.sql"));
    let info = place(include_str!("statement_info.sql"));
    let (list, info) = tokio::join!(
        reader.rows(&sql, &[], Statement::from_row),
        reader.rows(&info, &[], |row| Ok((
            row.count()?,
            row.optional_count()?,
            row.get()?
        ))),
    );
    let mut list = match list {
        Ok(list) => list,
        Err(error) => {
            reader.failed(Fact::Statements, &error);
            return None;
        }
    };
    let mut winners: HashSet<i64> = HashSet::new();
    winners.extend(list.iter().filter_map(|s| s.query_id).take(STATEMENT_TEXTS));
    let mut by_mean: Vec<&Statement> = list.iter().collect();
    by_mean.sort_by(|a, b| b.mean_ms.total_cmp(&a.mean_ms));
    winners.extend(
        by_mean
            .iter()
            .filter_map(|s| s.query_id)
            .take(STATEMENT_TEXTS),
    );
    let ids: Vec<i64> = winners.into_iter().collect();
    let sql = place(
        "SELECT s.queryid, s.userid, left(s.query, 4000) FROM pg_stat_statements(true) s
         WHERE s.queryid = ANY ($1)",
    );
    let row = |row: &mut Fields<'_>| Ok(((row.get()?, row.get()?), row.get()?));
    let texts: HashMap<(i64, u32), Option<String>> = reader
        .rows(&sql, &[(&ids, Type::INT8_ARRAY)], row)
        .await
        .map(|rows| rows.into_iter().collect())
        .unwrap_or_default();
    for statement in &mut list {
        let key = statement.query_id.map(|id| (id, statement.user));
        statement.text = key.and_then(|key| texts.get(&key).cloned()).flatten();
    }
    let (kept, evictions, stats_reset) = info
        .ok()
        .and_then(|rows| rows.into_iter().next())
        .unwrap_or_default();
    Some(Statements {
        list,
        evictions,
        stats_reset,
        kept,
    })
}

/// Measures the largest tables and B-tree indexes, one statement each: a timeout ends only that one.
async fn read_exact_bloat(reader: &Reader<'_>, catalog: &Catalog, count: usize) -> Vec<ExactBloat> {
    let Some(extension) = catalog.extension("pgstattuple") else {
        reader.skip(Unread {
            fact: Fact::ExactBloat,
            reason: "the extension pgstattuple is not installed in this database".into(),
            grant: Some("CREATE EXTENSION pgstattuple".into()),
            partial: false,
        });
        return Vec::new();
    };
    let schema = super::quote_identifier(&extension.schema);
    let mut tables: Vec<&Table> = catalog
        .stored_tables()
        .filter(|table| !table.locked)
        .collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.size.heap_bytes));
    let mut indexes: Vec<&Index> = catalog
        .indexes
        .iter()
        .filter(|index| index.method == "btree" && !index.partitioned && index.valid)
        .filter(|index| {
            catalog
                .table(index.table)
                .is_some_and(|table| !table.locked)
        })
        .collect();
    indexes.sort_by_key(|index| std::cmp::Reverse(index.bytes));
    let of_tables = include_str!("exact_bloat_table.sql")
        .replace("FROM pgstat", &format!("FROM {schema}.pgstat"));
    let of_indexes = include_str!("exact_bloat_index.sql")
        .replace("FROM pgstat", &format!("FROM {schema}.pgstat"));
    let wanted = tables
        .iter()
        .take(count)
        .map(|table| (&of_tables, table.oid))
        .chain(
            indexes
                .iter()
                .take(count)
                .map(|index| (&of_indexes, index.oid)),
        );
    let mut measured = Vec::new();
    for (sql, oid) in wanted {
        match reader
            .rows(sql, &[(&oid, Type::OID)], ExactBloat::from_row)
            .await
        {
            Ok(rows) => measured.extend(rows),
            Err(error) => reader.failed_in_part(Fact::ExactBloat, &error),
        }
    }
    measured
}

/// The databases of the cluster that take connections.
///
/// # Errors
/// The list could not be read.
pub async fn connectable_databases(session: &Session) -> Result<Vec<String>> {
    let rows = session
        .query(
            "SELECT datname::text FROM pg_database
             WHERE datallowconn AND NOT datistemplate AND has_database_privilege(oid, 'CONNECT')
             ORDER BY datname",
            &[],
        )
        .await
        .map_err(Error::server("listing the databases of the cluster"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// What the server answers in part only, without an error.
fn note_what_the_role_cannot_see(reader: &Reader<'_>, catalog: &Catalog) {
    let role = &catalog.server.role;
    if !role.read_all_stats {
        let hidden = |fact: Fact, what: &str| {
            reader.skip(Unread {
                fact,
                reason: format!("the role {} sees only its own {what}", role.name),
                grant: Some(grant_role("pg_read_all_stats", catalog)),
                partial: true,
            });
        };
        if catalog.activity.iter().any(|session| !session.visible) {
            hidden(Fact::Activity, "sessions' state");
        }
        if catalog
            .statements
            .as_ref()
            .is_some_and(|s| s.list.iter().any(|s| s.query_id.is_none()))
        {
            hidden(Fact::Statements, "statements");
        }
        if catalog.senders.iter().any(|sender| sender.state.is_none()) {
            hidden(Fact::ReplicationSenders, "standbys' positions");
        }
        if catalog
            .standby
            .as_ref()
            .is_some_and(|s| s.receiver_status.is_none())
        {
            hidden(Fact::Standby, "receiver's status");
        }
    }
    if !role.read_all_settings {
        reader.skip(Unread {
            fact: Fact::Settings,
            reason: format!(
                "settings for superusers only are hidden from the role {}",
                role.name
            ),
            grant: Some(grant_role("pg_read_all_settings", catalog)),
            partial: true,
        });
    }
}

fn grant_role(granted: &str, catalog: &Catalog) -> String {
    format!(
        "GRANT {granted} TO {}",
        super::quote_identifier(&catalog.server.role.name)
    )
}
