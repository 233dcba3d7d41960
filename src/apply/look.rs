//! One look at the server: tables, indexes, definitions, history.

use crate::{
    Error, Result,
    catalog::{
        index_state::{self, IndexCatalog, IndexHealth},
        shadow,
    },
    config::ApplyConfig,
    db::Session,
    migration::{Desired, Intent},
    plan::{Definition, Recorded, Seen},
};

/// What a look saw.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Tables, indexes and definitions.
    pub seen: Seen,
    /// The history.
    pub recorded: Recorded,
}

/// The definitions found by an earlier look. They hold as long as the tables are the same.
pub(super) type Definitions = Vec<Option<Result<Definition, String>>>;

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
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = {}; \
         SET LOCAL statement_timeout = 0; SET LOCAL jit = off",
        apply.lock_timeout.as_millis().max(1)
    );
    let table = apply.history_table_quoted();
    let mut history = super::history::History::new(session, &table);
    // Sent in this order, without waiting for the answers in between.
    let (begun, catalog, ended, recorded) = tokio::join!(
        session.batch_execute(&begin),
        index_state::load(session, wanted),
        session.batch_execute("COMMIT"),
        history.read(),
    );
    begun.map_err(Error::server("beginning to look"))?;
    let mut catalog = catalog?;
    ended.map_err(Error::server("looking at the tables"))?;
    if !is_quiet(&catalog, desired) {
        index_state::load_holders(session, &mut catalog).await?;
    }
    let definitions = match known {
        Some(known) => known,
        None => shadow::load(session, desired, &catalog, apply.lock_timeout).await?,
    };
    Ok(Looked {
        seen: Seen {
            catalog,
            definitions,
        },
        recorded: recorded?,
    })
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
