//! One look at the server: tables, indexes, history, definitions.

use tokio_postgres::types::Type;

use super::{ApplyConfig, definitions, guard::check_history, history::History};
use crate::{
    Error, Result,
    catalog::{
        QualifiedName,
        index_state::{self, IndexCatalog, IndexHealth, Relation},
    },
    db::{self, Session},
    migration::{Migration, ReindexTarget, Statement},
    plan::{self, Definitions, DeployPolicy, Recorded, Snapshot, Step},
};

pub(super) struct SnapshotQuery<'a> {
    pub(super) migrations: &'a [Migration],
    pub(super) wanted: index_state::IndexQuery,
    pub(super) apply: &'a ApplyConfig,
    pub(super) policy: &'a DeployPolicy,
}

impl<'a> SnapshotQuery<'a> {
    pub(super) fn new(
        migrations: &'a [Migration],
        apply: &'a ApplyConfig,
        policy: &'a DeployPolicy,
    ) -> Self {
        let mut wanted = index_state::IndexQuery {
            history: apply.history_table_quoted(),
            history_schema: apply.history_schema().map(str::to_owned),
            ..index_state::IndexQuery::default()
        };
        for statement in migrations.iter().flat_map(|m| &m.statements) {
            let (table, index) = match statement {
                Statement::Create(create) => (Some(&create.table), Some((&create.name, None))),
                Statement::Reindex(r) if r.target == ReindexTarget::Table => (Some(&r.name), None),
                Statement::Reindex(r) => (None, Some((&r.name.name, r.name.schema.as_ref()))),
                Statement::Drop(drop) => {
                    (None, Some((&drop.index.name, drop.index.schema.as_ref())))
                }
                Statement::Comment(c) => (None, Some((&c.index.name, c.index.schema.as_ref()))),
            };
            wanted
                .tables
                .extend(table.map(crate::migration::Name::quoted));
            if let Some((name, schema)) = index {
                let names = [
                    name.clone(),
                    plan::built_name(name),
                    plan::retired_name(name),
                ];
                wanted.names.extend(names);
                wanted.schemas.extend(schema.cloned());
            }
        }
        for list in [&mut wanted.tables, &mut wanted.names, &mut wanted.schemas] {
            list.sort_unstable();
            list.dedup();
        }
        Self {
            migrations,
            wanted,
            apply,
            policy,
        }
    }
}

/// Looks: one round trip, and further ones only where a table is partitioned, an index that is spoken of stands on another
/// table, a definition is not known yet, a comment is asked for, or there is something to do.
///
/// Everything is set for its own transaction only: through a transaction pooler, a session setting would stay
/// behind in somebody else's session.
pub(super) async fn look(
    session: &Session,
    question: &SnapshotQuery<'_>,
    known: Option<Definitions>,
) -> Result<Snapshot> {
    let SnapshotQuery {
        migrations,
        apply,
        policy,
        ..
    } = question;
    let table = apply.history_table_quoted();
    let mut history = History::new(session, &table);
    // Sent in this order, without waiting for the answers in between.
    let questions = async {
        Ok(tokio::join!(
            index_state::load(session, &question.wanted),
            history.read(),
            compute_checksums(migrations),
        ))
    };
    let (catalog, recorded, ()) = under_limits(session, apply, questions).await?;
    let mut catalog = catalog?;
    if catalog.tables_of_others().next().is_some() {
        let others = index_state::load_others(session, &mut catalog);
        under_limits(session, apply, others).await?;
    }
    if catalog.relations.iter().any(Relation::is_partitioned) {
        let partitions = index_state::load_partitions(session, &mut catalog);
        under_limits(session, apply, partitions).await?;
    }
    let recorded = match recorded {
        Err(error) if is_denied(&error) => {
            check_history(&catalog, &table)?;
            return Err(error);
        }
        recorded => recorded?,
    };
    check_is_own(session, migrations, &catalog, &recorded, &table).await?;
    let definitions = match known {
        Some(known) => known,
        None => {
            definitions::load(session, migrations, &catalog, &recorded, apply.lock_timeout).await?
        }
    };
    let mut seen = Snapshot {
        catalog,
        recorded,
        definitions,
    };
    // Where all is as desired, whoever is at work on these tables is none of this run's business. Which comments
    // there are is not read before: that a migration has one is enough to ask.
    let mut statements = migrations.iter().flat_map(|m| &m.statements);
    let has_comment = statements.any(|one| matches!(one, Statement::Comment(_)));
    let plan = plan::plan(migrations, &seen, policy);
    let mut steps = plan.migrations.iter().flat_map(|m| &m.steps);
    let mut indexes = seen.catalog.relations.iter().flat_map(|r| &r.indexes);
    if has_comment
        || !steps.all(Step::is_settled)
        || indexes.any(|i| i.health() == IndexHealth::Invalid)
    {
        let details = index_state::load_details(session, &mut seen.catalog);
        under_limits(session, apply, details).await?;
    }
    Ok(seen)
}

/// What the history is compared with, while the server is at the questions: they are sent once this yields.
async fn compute_checksums(migrations: &[Migration]) {
    tokio::task::yield_now().await;
    for migration in migrations {
        migration.checksum();
    }
}

/// Asks one question in a transaction of its own, under limits of its own, in one round trip.
pub(super) async fn under_limits<T>(
    session: &Session,
    apply: &ApplyConfig,
    question: impl Future<Output = Result<T>>,
) -> Result<T> {
    // The role's own statement_timeout may be shorter than anything takes, and is in force until it is set.
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
         SET LOCAL lock_timeout = {}; SET LOCAL jit = off",
        apply.lock_timeout.as_millis().max(1)
    );
    let (begun, answer, ended) = tokio::join!(
        session.batch_execute(&begin),
        question,
        session.batch_execute("COMMIT"),
    );
    begun.map_err(Error::server("starting to read the catalog"))?;
    let answer = answer?;
    ended.map_err(Error::server("finishing the catalog read"))?;
    Ok(answer)
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::sqlstate(source) == Some("42501"))
}

/// Refuses a history that is another schema's: what it has was done to tables of the same names that are still there,
/// and counts nothing for those that this connection's search path leads to.
async fn check_is_own(
    session: &Session,
    migrations: &[Migration],
    catalog: &IndexCatalog,
    recorded: &Recorded,
    history: &str,
) -> Result<()> {
    let mut others: Vec<(QualifiedName, &str)> = Vec::new();
    for migration in migrations {
        let row = recorded.0.get(&migration.version);
        let Some(known) = row.and_then(|row| row.statements.as_ref()) else {
            continue;
        };
        for (number, statement) in migration.statements.iter().enumerate() {
            let Statement::Create(create) = statement else {
                continue;
            };
            let oid = catalog.table_oid(&create.table.quoted());
            let table = catalog.relations.iter().find(|r| Some(r.oid) == oid);
            if let Some(table) = table
                && let Some(known) = plan::same_statement(known, migration, number)
                && let Some(name) = &known.table
                && known.schema != table.schema
            {
                others.push((QualifiedName::new(&known.schema, name), &table.schema));
            }
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = others.iter().map(|(other, _)| other.quoted()).collect();
    let row = session
        .query_typed_one(
            "SELECT ARRAY(SELECT to_regclass(name) IS NOT NULL FROM unnest($1::text[]) WITH ORDINALITY AS n (name, place)
                          ORDER BY place)",
            &[(&names, Type::TEXT_ARRAY)],
        )
        .await
        .map_err(Error::server("checking which schema the history belongs to"))?;
    let there: Vec<bool> = row.get(0);
    let other = others.iter().zip(there).find(|(_, there)| *there);
    let Some(((other, schema), _)) = other else {
        // The schema was renamed, or the table moved.
        return Ok(());
    };
    Err(Error::CannotJudge {
        message: format!(
            "the history table {history} belongs to schema {}: it records deploys to {other}, but the \
             tables of this connection are in schema {schema}",
            other.schema
        ),
        hint: format!(
            "give each schema its own history table: --history-table {schema}.dbaudit_index_history"
        ),
    })
}
