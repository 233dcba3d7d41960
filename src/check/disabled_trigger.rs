//! `disabled-trigger`: a trigger, or a foreign key's enforcement, that was switched off.

use std::collections::BTreeMap;

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::{Fact, Trigger, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "disabled-trigger",
    severity: Severity::Warning,
    summary: "a disabled trigger",
    explanation: "\
`ALTER TABLE … DISABLE TRIGGER` is often used during a bulk load and sometimes never undone.

Whatever the trigger maintains (an audit trail, a search column) then silently goes out of date. `DISABLE \
TRIGGER ALL` also disables the triggers that enforce foreign keys: the table may contain rows that violate \
the key although the key is marked valid. Those findings are errors.

To confirm: `\\d table` in psql lists the disabled triggers. Ask whether the trigger is still needed.

To fix: enable it, or drop it if it is no longer needed. After enabling the triggers of a foreign key, look \
for orphaned rows first: nothing checked the rows written in the meantime.",
    thresholds: &[],
    needs: &[Fact::Triggers, Fact::Tables],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let mut by_table: BTreeMap<u32, Vec<&Trigger>> = BTreeMap::new();
    for trigger in catalog
        .triggers
        .iter()
        .filter(|trigger| trigger.enabled == 'D')
    {
        by_table.entry(trigger.table).or_default().push(trigger);
    }
    let mut findings = Vec::new();
    for (oid, triggers) in by_table {
        let Some(table) = case.table(oid) else {
            continue;
        };
        let name = table.qualified().quoted();
        let enable = |trigger: &Trigger, word: &str| {
            format!(
                "ALTER TABLE {name} {word} TRIGGER {};",
                quote_identifier(&trigger.name)
            )
        };
        let (internal, own): (Vec<&Trigger>, Vec<&Trigger>) =
            triggers.into_iter().partition(|trigger| trigger.internal);
        if !internal.is_empty() {
            let mut keys: Vec<&str> = internal
                .iter()
                .filter_map(|trigger| {
                    let same = |c: &&crate::catalog::Constraint| Some(c.oid) == trigger.constraint;
                    Some(catalog.constraints.iter().find(same)?.name.as_str())
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            let remedy: Vec<String> = internal.iter().map(|t| enable(t, "ENABLE")).collect();
            let undo: Vec<String> = internal.iter().map(|t| enable(t, "DISABLE")).collect();
            findings.push(
                Finding::new(
                    Subject::table(table),
                    format!("foreign keys are not enforced on it: {}", keys.join(", ")),
                )
                .severity(Severity::Error)
                .evidence("constraints", keys)
                .evidence("triggers", internal.len())
                .remedy(remedy.join("\n"))
                .undo(Some(undo.join("\n")))
                .confirm(
                    "look for rows that violate the keys: nothing checked those written in the meantime",
                ),
            );
        }
        for trigger in own {
            findings.push(
                Finding::new(
                    Subject::table(table),
                    format!("the trigger {} is disabled", trigger.name),
                )
                .evidence("trigger", trigger.name.clone())
                .remedy(enable(trigger, "ENABLE"))
                .undo(Some(enable(trigger, "DISABLE"))),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, foreign_key, subjects, table, trigger};

    #[test]
    fn a_disabled_trigger_is_a_warning_and_a_key_not_enforced_an_error() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.constraints.push(foreign_key(7, 1, &[1], 1));
        catalog.triggers.push(trigger(1, "audit", 'D'));
        catalog.triggers.push(Trigger {
            internal: true,
            constraint: Some(7),
            ..trigger(1, "RI_ConstraintTrigger_c_1", 'D')
        });
        let found = findings("disabled-trigger", &catalog);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(found[0].evidence["constraints"][0], "constraint_7");
        assert_eq!(found[1].severity, Severity::Warning);
        assert_eq!(
            found[1].remedy.as_deref(),
            Some("ALTER TABLE public.orders ENABLE TRIGGER audit;")
        );
    }

    #[test]
    fn triggers_for_replicas_or_always_are_meant_so() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.triggers.push(trigger(1, "replica", 'R'));
        catalog.triggers.push(trigger(1, "always", 'A'));
        assert!(subjects("disabled-trigger", &catalog).is_empty());
    }
}
