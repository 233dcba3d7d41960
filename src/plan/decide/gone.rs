//! An index that should not exist.

use super::{Action, SqlStatement, Step, StepBuilder, step_without_table};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{IndexHealth, IndexState},
    },
    plan::{
        leftover::{built_name, retired_name},
        replay::Replay,
    },
};

pub(in crate::plan) fn decide(replay: &Replay<'_>, object: &QualifiedName, recorded: bool) -> Step {
    let catalog = &replay.seen.catalog;
    let Some(index) = catalog.index(object) else {
        let name = object.to_string();
        if let Some(taken) = catalog.taken(object).filter(|_| !recorded) {
            let reason = format!("{object} is {}, not an index", taken.describe());
            return step_without_table(Action::Refuse, &name, "", reason);
        }
        return leftovers(replay, object).unwrap_or_else(|| {
            step_without_table(Action::Keep, &name, "", "it no longer exists".to_owned())
        });
    };
    let Some(relation) = catalog.table_of(index.oid) else {
        let reason = "its table could not be read".to_owned();
        return step_without_table(Action::Refuse, &object.to_string(), "", reason);
    };
    let about = StepBuilder::new(relation, &index.name);
    let refuse = |reason: String| about.step(Action::Refuse, reason, Vec::new());
    if recorded {
        let reason =
            "this migration dropped it before; it was created again since, and is left alone";
        return about.step(Action::Keep, reason, Vec::new());
    }
    if let Some(why) = undroppable(index) {
        return refuse(why);
    }
    if !relation.owned {
        return refuse(format!(
            "role {} does not own {}",
            catalog.user,
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
        "dropping it was interrupted"
    };
    let index = index.qualified();
    about.step(Action::Drop, reason, vec![SqlStatement::Drop { index }])
}

/// Why the server would not drop it.
pub(super) fn undroppable(index: &IndexState) -> Option<String> {
    if index.partitioned {
        return Some(format!(
            "it is an index on a partitioned table, which Postgres cannot drop concurrently; in a quiet \
             moment, run: SET lock_timeout = '1s'; DROP INDEX {}",
            index.qualified().quoted()
        ));
    }
    if let Some(constraint) = &index.constraint {
        return Some(format!(
            "constraint {constraint} uses it: drop the constraint instead"
        ));
    }
    if let Some(key) = &index.referenced_by {
        return Some(format!(
            "foreign key {key} depends on it: drop the foreign key first"
        ));
    }
    if index.attached_to.is_some() {
        return Some(
            "it is attached to the index of a partitioned table and can only be dropped with it"
                .into(),
        );
    }
    if index.replica_identity {
        return Some(
            "it is the table's replica identity: without it, updates could not be replicated"
                .into(),
        );
    }
    None
}

/// What a replacement of it that was broken off left.
fn leftovers(replay: &Replay<'_>, object: &QualifiedName) -> Option<Step> {
    let catalog = &replay.seen.catalog;
    let left = [built_name(&object.name), retired_name(&object.name)];
    let left = left.map(|name| QualifiedName::new(&object.schema, name));
    let left: Vec<&IndexState> = left.iter().filter_map(|name| catalog.index(name)).collect();
    let relation = catalog.table_of(left.first()?.oid)?;
    let about = StepBuilder::new(relation, &object.name);
    if !relation.owned || left.iter().any(|index| undroppable(index).is_some()) {
        return None;
    }
    if let Some(holder) = relation.builder(Some(left[0].oid)) {
        return Some(about.adopt(holder, left[0]));
    }
    let names: Vec<String> = left.iter().map(|i| i.qualified().to_string()).collect();
    let drops = left.iter().map(|index| SqlStatement::Drop {
        index: index.qualified(),
    });
    let reason = format!(
        "it no longer exists; {} remains from an interrupted run",
        names.join(", ")
    );
    Some(about.step(Action::Drop, reason, drops.collect()))
}
