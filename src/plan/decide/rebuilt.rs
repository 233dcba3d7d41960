//! A rebuild that a migration asks for once.

use super::{About, Action, Seen, Send, Step, refuse_unknown};
use crate::{
    migration::{Reindex, ReindexTarget},
    plan::leftover::is_reindex_leftover,
};

/// `built_here`: a migration creates that index.
pub(super) fn decide(reindex: &Reindex, seen: &Seen, recorded: bool, built_here: bool) -> Step {
    let name = &reindex.name;
    let asked = name.quoted();
    let unknown = |action: Action, reason: &str| Step {
        action,
        ..refuse_unknown(&name.to_string(), "", reason.to_owned())
    };
    if recorded {
        return unknown(Action::Keep, "rebuilt once, as this migration asks");
    }
    let known = seen.catalog.named.iter().find(|n| n.asked == asked);
    let table = match reindex.target {
        ReindexTarget::Index => known.and_then(|n| n.table),
        ReindexTarget::Table => known.and_then(|n| n.oid),
    };
    let Some(relation) = table.and_then(|table| seen.relation(table)) else {
        return if built_here {
            unknown(Action::Keep, "it is not there yet, and is built anew")
        } else {
            unknown(Action::Refuse, "there is no such index or table")
        };
    };
    let index = known
        .and_then(|n| n.oid)
        .and_then(|oid| relation.indexes.iter().find(|i| i.oid == oid));
    let shown = index.map_or(&relation.name, |index| &index.name);
    let about = About::new(relation, shown);
    if !relation.owned {
        let reason = format!(
            "role {} does not own {}",
            seen.catalog.user,
            relation.qualified()
        );
        return about.step(Action::Refuse, reason, Vec::new());
    }
    let mut sends: Vec<Send> = relation
        .indexes
        .iter()
        .filter(|other| match index {
            Some(index) => is_reindex_leftover(other, &index.name),
            None => relation
                .indexes
                .iter()
                .any(|index| is_reindex_leftover(other, &index.name)),
        })
        .map(|other| Send::Drop {
            index: other.qualified(),
        })
        .collect();
    if !sends.is_empty()
        && let Some(holder) = relation.builder(None)
    {
        let mut step = about.step(
            Action::Adopt,
            format!("{holder} holds the lock that a rebuild holds: wait until that ends, then look again"),
            Vec::new(),
        );
        step.wait_for = Some(holder.clone());
        return step;
    }
    let name = index.map_or_else(|| relation.qualified(), |index| index.qualified());
    sends.push(Send::Reindex {
        target: reindex.target,
        name,
    });
    about.step(Action::Rebuild, "a migration asks for it", sends)
}
