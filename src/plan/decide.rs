//! What to do about one object: the heart of the plan.

pub(super) mod created;
pub(super) mod gone;
pub(super) mod rebuilt;

use super::{Action, SqlStatement, Step};
use crate::catalog::{
    QualifiedName,
    index_state::{IndexState, LockHolder, Relation},
};

/// A step about an index of a table that is there.
pub(super) struct StepBuilder<'a> {
    pub(super) relation: &'a Relation,
    pub(super) index: QualifiedName,
}

impl<'a> StepBuilder<'a> {
    fn new(relation: &'a Relation, index: &str) -> Self {
        Self {
            relation,
            index: QualifiedName::new(&relation.schema, index),
        }
    }

    pub(super) fn step(
        &self,
        action: Action,
        reason: impl Into<String>,
        sends: Vec<SqlStatement>,
    ) -> Step {
        let known = self
            .relation
            .indexes
            .iter()
            .find(|index| index.name == self.index.name);
        Step {
            index: self.index.to_string(),
            table: self.relation.qualified().to_string(),
            sends,
            table_oid: Some(self.relation.root),
            table_bytes: self.relation.bytes,
            index_bytes: known.map_or(0, |index| index.bytes),
            ..step_without_table(action, "", "", reason.into())
        }
    }

    fn adopt(&self, holder: &LockHolder, index: &IndexState) -> Step {
        let reason = if holder.building == Some(index.oid) {
            format!("{holder} is building it: wait for that build to finish, then run again")
        } else {
            format!(
                "it is not valid, and {holder} holds a lock that a build would hold: wait until it is \
                 released, then run again"
            )
        };
        let mut step = self.step(Action::Adopt, reason, Vec::new());
        step.wait_for = Some(holder.clone());
        step
    }
}

/// A step about which no table is known: there is nothing to send.
pub(super) fn step_without_table(action: Action, index: &str, table: &str, reason: String) -> Step {
    Step {
        place: (0, 0),
        action,
        index: index.to_owned(),
        table: table.to_owned(),
        reason,
        sends: Vec::new(),
        holds: false,
        is_past: false,
        table_oid: None,
        table_bytes: 0,
        index_bytes: 0,
        wait_for: None,
    }
}
