//! Reading what the planner reads. Nothing is written, and nothing is waited for longer than a few seconds.

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    calibrate, metapages,
    redact::{self, ColumnType},
    schema::{self, Creation},
    session::{AT_ONCE, FORMS, Question, read, with_column_type},
    snapshot::{Database, EndRows, Server, Snapshot},
};
use crate::{
    Error, Result,
    catalog::quote_identifier,
    db::{self, ConnectionConfig, Session, describe_error},
    human::counted,
    measure::statements_schema,
    stats::Calibration,
};

const LIMITS: &str = "SET lock_timeout = '3s'; SET statement_timeout = '60s'; SET jit = off;
    SET max_parallel_workers_per_gather = 0";

/// What is taken besides what every snapshot holds.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotConfig {
    /// The database's values, not others in their places.
    pub keep_values: bool,
    /// The statements of pg_stat_statements.
    pub statements: bool,
    /// Their times beside their costs.
    pub calibrate: bool,
}

/// Takes a snapshot of the configured database.
///
/// # Errors
/// The server's, or pg_dump's. What else the role may not read is listed in [`Snapshot::missing`].
pub async fn take(config: &ConnectionConfig, wanted: SnapshotConfig) -> Result<Snapshot> {
    let session = db::connect(config, "snapshot").await?;
    let settings: Vec<Setting> = read(&session, "settings", include_str!("settings.sql")).await?;
    let calibration = if wanted.calibrate {
        calibrate::points(&session).await?
    } else {
        Vec::new()
    };
    run(&session, &format!("{LIMITS}; {FORMS}")).await?;
    run(&session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let (mut snapshot, creation) = facts(&session).await?;
    let types: Vec<ColumnType> = read(
        &session,
        "types of columns",
        &with_column_type(include_str!("types.sql")),
    )
    .await?;
    run(&session, "COMMIT").await?;
    snapshot.settings = settings
        .into_iter()
        .map(|it| (it.name, it.setting))
        .collect();
    if wanted.calibrate && Calibration::new(calibration.iter().copied()).is_none() {
        snapshot.missing.push(format!(
            "the times to predict from: pg_stat_statements has {}, and it takes at least ten",
            counted(
                calibration.len(),
                "statement that could be planned",
                "statements that could be planned"
            )
        ));
    }
    snapshot.calibration = calibration;
    if wanted.statements {
        snapshot.statements = self::statements(&session).await?;
    }
    let mut missing = std::mem::take(&mut snapshot.missing);
    snapshot.rows = rows(&session, include_str!("ends.sql"), ENDS, &mut missing).await?;
    snapshot.history = rows(&session, include_str!("history.sql"), HISTORY, &mut missing).await?;
    snapshot.missing = missing;
    metapages::read_metapages(&session, &mut snapshot).await?;
    let dump = schema::dump(config.libpq_variables()?, snapshot.server.major).await?;
    snapshot.schema = schema::in_order(&dump, &creation);
    if !wanted.keep_values {
        redact::redact(&session, &mut snapshot, types).await?;
    }
    Ok(snapshot)
}

#[derive(Deserialize)]
struct Setting {
    name: String,
    setting: String,
}

#[derive(Deserialize)]
struct Head {
    version: String,
    major: u32,
    block_size: u32,
    name: String,
    encoding: String,
    collate: String,
    ctype: String,
    provider: String,
    locale: Option<String>,
    taken_at: Timestamp,
    extensions: Vec<String>,
    roles: Vec<String>,
    superuser: bool,
}

#[derive(Deserialize)]
struct IndexOid {
    index: u32,
    constraint: Option<u32>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Extended statistics that the view of them does not show to this role.
const UNREADABLE: &str = "SELECT format('%I.%I', n.nspname, e.stxname) AS name
    FROM pg_statistic_ext e JOIN pg_class c ON c.oid = e.stxrelid JOIN pg_namespace n ON n.oid = e.stxnamespace
    WHERE NOT pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_stats_ext s WHERE s.statistics_schemaname = n.nspname AND s.statistics_name = e.stxname)";

#[derive(Deserialize)]
struct Hidden {
    name: String,
    readable: bool,
}

async fn facts(session: &Session) -> Result<(Snapshot, Creation)> {
    let head: Vec<Head> = read(session, "server and database", include_str!("head.sql")).await?;
    let head = head.into_iter().next().ok_or_else(|| Error::CannotJudge {
        message: "the server does not show the database that it is connected to".into(),
        hint: String::new(),
    })?;
    if head.encoding == "SQL_ASCII" {
        return Err(Error::CannotJudge {
            message: format!(
                "the database {} is in SQL_ASCII: its text may be of any encoding",
                head.name
            ),
            hint: "a snapshot is a text in UTF-8; such a database cannot have one".into(),
        });
    }
    let mut snapshot = Snapshot::new(
        head.taken_at,
        Server {
            version: head.version,
            major: head.major,
            block_size: head.block_size,
        },
        Database {
            name: head.name,
            encoding: head.encoding,
            collate: head.collate,
            ctype: head.ctype,
            provider: head.provider,
            locale: head.locale,
        },
    );
    snapshot.extensions = head.extensions;
    snapshot.roles = head.roles;
    snapshot.tablespaces = read(session, "tablespaces", include_str!("tablespaces.sql")).await?;
    snapshot.relations = read(session, "tables and indexes", include_str!("relations.sql")).await?;
    const RANGES: &str =
        "range_length_histogram::text, range_empty_frac::text, range_bounds_histogram::text";
    let columns = if head.major >= 17 {
        include_str!("columns.sql").to_owned()
    } else if head.superuser {
        include_str!("columns_before_17.sql").to_owned()
    } else {
        snapshot.missing.push(
            "the statistics of columns of range types, which before version 17 a superuser alone may read: conditions \
             on them are planned by guesses"
                .into(),
        );
        let none = "NULL AS range_length_histogram, NULL AS range_empty_frac, NULL AS range_bounds_histogram";
        include_str!("columns.sql").replace(RANGES, none)
    };
    snapshot.columns = read(session, "statistics", &columns).await?;
    let inherited = if head.major >= 15 {
        "s.inherited"
    } else {
        "false"
    };
    let extended = include_str!("extended.sql").replace("{inherited}", inherited);
    snapshot.extended = read(session, "extended statistics", &extended).await?;
    if head.major >= 14 {
        let expressions = include_str!("expressions.sql").replace("{inherited}", inherited);
        snapshot.expressions = read(session, "statistics of expressions", &expressions).await?;
    }
    let unreadable: Vec<Named> = read(session, "rights", UNREADABLE).await?;
    for statistics in unreadable {
        snapshot.missing.push(format!(
            "the extended statistics {}, which the owner of their table alone may read: conditions on such columns are \
             planned without them",
            statistics.name
        ));
    }
    let hidden: Vec<Hidden> = read(session, "rights", include_str!("hidden.sql")).await?;
    if let Some(first) = hidden.iter().find(|table| !table.readable) {
        let number = hidden.iter().filter(|table| !table.readable).count();
        return Err(Error::CannotJudge {
            message: format!(
                "this role may not read {} ({}), and pg_dump must lock every table",
                first.name,
                if number == 1 {
                    "the only such table".to_owned()
                } else {
                    format!("{number} such tables")
                }
            ),
            hint:
                "GRANT pg_read_all_data TO the role (from version 14 on), or SELECT on each table"
                    .into(),
        });
    }
    for table in hidden {
        snapshot.missing.push(format!(
            "the statistics of {}, whose row security hides rows from this role: it is planned as if never analysed",
            table.name
        ));
    }
    let oids: Vec<IndexOid> = read(
        session,
        "the order of indexes",
        include_str!("creation.sql"),
    )
    .await?;
    let mut creation = Creation::default();
    for oid in oids {
        match oid.constraint {
            Some(constraint) => creation.of_constraint(constraint, oid.index),
            None => creation.of_index(oid.index),
        }
    }
    Ok((snapshot, creation))
}

#[derive(Deserialize)]
struct Statement {
    statement: Value,
}

async fn statements(session: &Session) -> Result<Vec<Value>> {
    let schema = statements_schema(session).await?;
    let query = include_str!("statements.sql").replace("{schema}", &quote_identifier(&schema));
    let rows: Vec<Statement> = read(session, "statements", &query).await?;
    Ok(rows.into_iter().map(|row| row.statement).collect())
}

/// The rows that the questions ask for. A table whose rows cannot be read, because an expression fails or it is locked, is
/// noted and left out. `what`: those of a table; `lacking`: what their lack costs.
async fn rows(
    session: &Session,
    questions: &str,
    (what, lacking): (&str, &str),
    missing: &mut Vec<String>,
) -> Result<Vec<EndRows>> {
    let questions: Vec<Question> = read(session, what, questions).await?;
    let mut answers = stream::iter(questions)
        .map(|question| async move { (session.query_one(&question.query, &[]).await, question) })
        .buffered(AT_ONCE);
    let mut found = Vec::new();
    while let Some((answer, question)) = answers.next().await {
        match answer.map(|row| row.get::<_, Option<Value>>(0)) {
            Ok(None) => {}
            Ok(Some(rows)) => found.push(EndRows {
                schema: question.schema,
                table: question.name,
                rows,
            }),
            Err(error) if session.is_closed() => {
                return Err(Error::server(format!("reading the {what}"))(error));
            }
            Err(error) => missing.push(format!(
                "the {what} of {}.{} ({}): {lacking}",
                question.schema,
                question.name,
                describe_error(&error)
            )),
        }
    }
    Ok(found)
}

const ENDS: (&str, &str) = (
    "rows at the ends of the indexes",
    "what lies beyond its histograms is planned as rare",
);
const HISTORY: (&str, &str) = (
    "rows of the migration history",
    "its tool takes no migration for applied",
);

async fn run(session: &Session, statements: &str) -> Result<()> {
    session
        .batch_execute(statements)
        .await
        .map_err(Error::server("preparing the session"))
}
