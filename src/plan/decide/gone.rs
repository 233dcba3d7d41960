//! An index that shall be gone.

use super::{About, Action, Seen, Send, Step, refuse_unknown};
use crate::{catalog::index_state::IndexHealth, migration::Name};

pub(super) fn decide(name: &Name, seen: &Seen, recorded: bool) -> Step {
    let unknown = |reason: &str| Step {
        action: Action::Keep,
        ..refuse_unknown(&name.to_string(), "", reason.to_owned())
    };
    let asked = name.quoted();
    let Some((oid, known)) = seen
        .catalog
        .named
        .iter()
        .find(|n| n.asked == asked)
        .and_then(|n| Some((n.oid?, n)))
    else {
        return unknown("it is gone");
    };
    let found = known
        .table
        .and_then(|table| seen.relation(table))
        .and_then(|relation| {
            Some((
                relation,
                relation.indexes.iter().find(|index| index.oid == oid)?,
            ))
        });
    let Some((relation, index)) = found else {
        let reason = format!("{name} is not an index");
        return refuse_unknown(&name.to_string(), "", reason);
    };
    let about = About::new(relation, &index.name);
    let refuse = |reason: String| about.step(Action::Refuse, reason, Vec::new());
    if recorded {
        let reason = "this migration dropped it once; it was made anew since, and is left alone";
        return about.step(Action::Keep, reason, Vec::new());
    }
    if index.partitioned {
        return refuse(format!(
            "it is an index of a partitioned table, which Postgres cannot drop concurrently; in a quiet moment: \
             SET lock_timeout = '1s'; DROP INDEX {}",
            index.qualified().quoted()
        ));
    }
    if let Some(constraint) = &index.constraint {
        return refuse(format!(
            "constraint {constraint} stands on it: drop the constraint instead"
        ));
    }
    if index.attached_to.is_some() {
        return refuse(
            "it is attached to an index of the partitioned table, and can only go with that".into(),
        );
    }
    if index.replica_identity {
        return refuse(
            "it is the table's replica identity: updates could no longer be replicated".into(),
        );
    }
    if !relation.owned {
        return refuse(format!(
            "role {} does not own {}",
            seen.catalog.user,
            relation.qualified()
        ));
    }
    if index.health() == IndexHealth::Invalid
        && let Some(holder) = relation.builder(Some(index.oid))
    {
        return about.adopt(holder, index);
    }
    let reason = if index.live {
        "a migration drops it"
    } else {
        "a drop of it was broken off"
    };
    about.step(
        Action::Drop,
        reason,
        vec![Send::Drop {
            index: index.qualified(),
        }],
    )
}
