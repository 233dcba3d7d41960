//! One look at the server: tables, indexes, definitions, history.

use super::{
    definitions::{self, Definitions},
    guard::check_history,
    history::History,
};
use crate::{
    Error, Result,
    catalog::index_state::{self, Glance, IndexCatalog, IndexHealth, Relation},
    config::ApplyConfig,
    db::{self, Session},
    migration::{Desired, Intent},
    plan::{Recorded, Seen},
};

/// What a look saw.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Tables, indexes and definitions.
    pub seen: Seen,
    /// The history.
    pub recorded: Recorded,
}

/// Glances: one round trip, a fraction of a look's cost to the server. What it returns is good for a plan that says
/// that all is as desired, and for no other; `None` where such a plan cannot be made of it.
pub(super) async fn glance(
    session: &Session,
    wanted: &index_state::Wanted,
    desired: &[Desired],
) -> Result<Option<Looked>> {
    let plain = |one: &Desired| matches!(&one.intent, Intent::Index(i) if i.comment.is_none());
    if !desired.iter().all(plain) {
        return Ok(None);
    }
    let Some(Glance { catalog, recorded }) = index_state::glance(session, wanted).await? else {
        return Ok(None);
    };
    let definitions = definitions::printed(desired, &catalog);
    Ok(Some(Looked {
        seen: Seen {
            catalog,
            definitions,
        },
        recorded: Recorded(recorded),
    }))
}

/// Looks: one round trip, and one more for the definitions where they are not known yet.
///
/// Everything is set for its own transaction only: through a transaction pooler, a session setting would stay
/// behind in somebody else's session.
pub(super) async fn look(
    session: &Session,
    wanted: &index_state::Wanted,
    desired: &[Desired],
    apply: &ApplyConfig,
    known: Option<Definitions>,
) -> Result<Looked> {
    let table = apply.history_table_quoted();
    let mut history = History::new(session, &table);
    // Sent in this order, without waiting for the answers in between.
    let (catalog, recorded) = tokio::join!(
        under_limits(session, apply, index_state::load(session, wanted)),
        history.read(),
    );
    let mut catalog = catalog?;
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
    if !is_quiet(&catalog, desired) {
        let holders = index_state::load_holders(session, &mut catalog);
        under_limits(session, apply, holders).await?;
        if catalog.relations.iter().any(|r| r.parent.is_some()) {
            let names = index_state::load_names(session, &mut catalog);
            under_limits(session, apply, names).await?;
        }
    }
    let definitions = match known {
        Some(known) => known,
        None => definitions::load(session, desired, &catalog, apply.lock_timeout).await?,
    };
    Ok(Looked {
        seen: Seen {
            catalog,
            definitions,
        },
        recorded,
    })
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
    begun.map_err(Error::server("beginning to look"))?;
    let answer = answer?;
    ended.map_err(Error::server("ending a look"))?;
    Ok(answer)
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::Server { source, .. } if db::sqlstate(source) == Some("42501"))
}

/// Every index is valid, none is missing and none is to go or to be rebuilt: whoever is at work on these tables
/// is none of this run's business.
fn is_quiet(catalog: &IndexCatalog, desired: &[Desired]) -> bool {
    let all_valid = catalog
        .relations
        .iter()
        .flat_map(|relation| &relation.indexes)
        .all(|index| index.health() == IndexHealth::Valid);
    all_valid
        && desired.iter().all(|one| match &one.intent {
            Intent::Index(wanted) => {
                let asked = wanted.create.table.quoted();
                let oid = catalog
                    .tables
                    .iter()
                    .find(|t| t.asked == asked)
                    .and_then(|t| t.oid);
                catalog.relations.iter().any(|relation| {
                    Some(relation.oid) == oid
                        && relation
                            .indexes
                            .iter()
                            .any(|index| index.name == wanted.create.name)
                })
            }
            Intent::Gone(name) => is_absent(catalog, &name.quoted()),
            Intent::Rebuilt(reindex) => is_absent(catalog, &reindex.name.quoted()),
        })
}

fn is_absent(catalog: &IndexCatalog, asked: &str) -> bool {
    catalog
        .named
        .iter()
        .all(|named| named.asked != asked || named.oid.is_none())
}
