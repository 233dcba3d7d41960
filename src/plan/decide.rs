//! What to do about one desired index: the heart of the plan.

mod gone;
mod rebuilt;
mod standing;

pub(super) use self::standing::comment;

use super::{Action, Policy, Seen, Send, Step, partition};
use crate::{
    catalog::{
        QualifiedName,
        index_state::{Holder, IndexState, Relation},
    },
    migration::{Desired, DesiredIndex, Intent},
};

/// Decides upon `desired[one]`. `recorded` says for each migration whether the history has it.
#[must_use]
pub fn decide(
    desired: &[Desired],
    one: usize,
    seen: &Seen,
    recorded: &[bool],
    policy: &Policy,
) -> Step {
    let recorded_here = |wanted: &Desired| recorded.get(wanted.migration).copied().unwrap_or(false);
    let mut step = match &desired[one].intent {
        Intent::Index(wanted) if is_superseded(wanted, &desired[one + 1..], seen) => {
            let mut step = refuse_unknown(
                &wanted.create.name,
                &wanted.create.table.to_string(),
                "a later migration defines it anew".to_owned(),
            );
            step.action = Action::Keep;
            step
        }
        Intent::Index(wanted) => {
            let doomed: Vec<_> = desired
                .iter()
                .filter(|other| !recorded_here(other))
                .filter_map(|other| match &other.intent {
                    Intent::Gone(name) => {
                        seen.catalog
                            .named
                            .iter()
                            .find(|n| n.asked == name.quoted())?
                            .oid
                    }
                    _ => None,
                })
                .collect();
            standing::decide(
                wanted,
                seen.definitions[one].as_ref(),
                seen,
                &doomed,
                policy,
            )
        }
        Intent::Gone(name) => gone::decide(name, seen, recorded_here(&desired[one])),
        Intent::Rebuilt(reindex) => {
            let built_here = desired.iter().any(|other| {
                matches!(&other.intent, Intent::Index(i) if i.create.name == reindex.name.name)
            });
            rebuilt::decide(reindex, seen, recorded_here(&desired[one]), built_here)
        }
    };
    step.desired = one;
    step
}

/// Whether a later file has an index of that name on the same table: which the server knows, where one of them says the
/// schema and the other does not.
fn is_superseded(wanted: &DesiredIndex, later: &[Desired], seen: &Seen) -> bool {
    let table = |index: &DesiredIndex| Some(seen.table(&index.create.table.quoted())?.oid);
    later.iter().any(|other| match &other.intent {
        Intent::Index(other) => {
            other.create.name == wanted.create.name
                && table(wanted).is_some_and(|oid| table(other) == Some(oid))
        }
        _ => false,
    })
}

/// A step about an index of a table that is there.
pub(super) struct About<'a> {
    pub(super) relation: &'a Relation,
    pub(super) index: QualifiedName,
}

impl<'a> About<'a> {
    fn new(relation: &'a Relation, index: &str) -> Self {
        Self {
            relation,
            index: QualifiedName::new(&relation.schema, index),
        }
    }

    pub(super) fn step(&self, action: Action, reason: impl Into<String>, sends: Vec<Send>) -> Step {
        let known = self
            .relation
            .indexes
            .iter()
            .find(|index| index.name == self.index.name);
        Step {
            desired: 0,
            action,
            index: self.index.to_string(),
            table: self.relation.qualified().to_string(),
            reason: reason.into(),
            sends,
            table_oid: Some(self.relation.root),
            table_bytes: self.relation.bytes,
            index_bytes: known.map_or(0, |index| index.bytes),
            wait_for: None,
        }
    }

    fn adopt(&self, holder: &Holder, index: &IndexState) -> Step {
        let reason = if holder.building == Some(index.oid) {
            format!("{holder} is building it: wait for that build, then look again")
        } else {
            format!(
                "it is not valid, and {holder} holds the lock that a build holds: wait until that ends, then \
                 look again"
            )
        };
        let mut step = self.step(Action::Adopt, reason, Vec::new());
        step.wait_for = Some(holder.clone());
        step
    }
}

/// A refusal where the table is not there.
fn refuse_unknown(index: &str, table: &str, reason: String) -> Step {
    Step {
        desired: 0,
        action: Action::Refuse,
        index: index.to_owned(),
        table: table.to_owned(),
        reason,
        sends: Vec::new(),
        table_oid: None,
        table_bytes: 0,
        index_bytes: 0,
        wait_for: None,
    }
}
