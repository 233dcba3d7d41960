//! A rebuild that a migration asks for once.

use super::{Action, SqlStatement, Step, StepBuilder, step_without_table};
use crate::{
    catalog::QualifiedName,
    migration::{Reindex, ReindexTarget},
    plan::{leftover::is_reindex_leftover, replay::Replay},
};

/// `built_here`: a migration before it creates that index.
pub(in crate::plan) fn decide(
    replay: &Replay<'_>,
    reindex: &Reindex,
    object: &QualifiedName,
    built_here: bool,
) -> Step {
    let seen = replay.seen;
    let index = match reindex.target {
        ReindexTarget::Index => seen.catalog.index(object),
        ReindexTarget::Table => None,
    };
    let relation = match reindex.target {
        ReindexTarget::Index => index.and_then(|index| seen.catalog.table_of(index.oid)),
        ReindexTarget::Table => seen.table(&reindex.name.quoted()),
    };
    let Some(relation) = relation else {
        let (action, reason) = if built_here {
            (
                Action::Keep,
                "it does not exist yet, and is built from scratch",
            )
        } else {
            (Action::Refuse, "there is no such index or table")
        };
        return step_without_table(action, &object.to_string(), "", reason.to_owned());
    };
    let shown = index.map_or(&relation.name, |index| &index.name);
    let about = StepBuilder::new(relation, shown);
    if !relation.owned {
        let reason = format!(
            "role {} does not own {}",
            seen.catalog.user,
            relation.qualified()
        );
        return about.step(Action::Refuse, reason, Vec::new());
    }
    let mut sends: Vec<SqlStatement> = relation
        .indexes
        .iter()
        .filter(|other| match index {
            Some(index) => is_reindex_leftover(other, &index.name),
            None => relation
                .indexes
                .iter()
                .any(|index| is_reindex_leftover(other, &index.name)),
        })
        .map(|other| SqlStatement::Drop {
            index: other.qualified(),
        })
        .collect();
    if !sends.is_empty()
        && let Some(holder) = relation.builder(None)
    {
        let mut step = about.step(
            Action::Adopt,
            format!("{holder} holds a lock that a rebuild would hold: wait until it is released, then run \
                 again"),
            Vec::new(),
        );
        step.wait_for = Some(holder.clone());
        return step;
    }
    let name = index.map_or_else(|| relation.qualified(), |index| index.qualified());
    sends.push(SqlStatement::Reindex {
        target: reindex.target,
        name,
        tablespace: reindex.tablespace.clone(),
    });
    about.step(Action::Rebuild, "a migration asks for it", sends)
}
