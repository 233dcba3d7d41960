//! `collation-drift`: indexes that were sorted by another version of their collation.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, change::IndexChange,
    counted, index_statement::rebuild_index,
};
use crate::catalog::{CollationDrift, Fact, Index, quote_identifier};

pub(super) const CHECK: Check = Check {
    code: "collation-drift",
    severity: Severity::Error,
    summary: "indexes sorted by an older version of their collation",
    explanation: "\
The system's libc or ICU now has another version than the one the collation was created with. An upgrade of \
the operating system or the container image causes this, and so does a standby on a different system.

If the new version sorts differently, indexes on text are searched in an order that they no longer have: \
queries miss existing rows, and unique indexes accept duplicates. C and POSIX never change. The version of a \
database's default collation is recorded from version 15.

To confirm: `bt_index_check` from the extension amcheck reports \"item order invariant violated\" if the \
order of existing values changed.

To fix: rebuild every index named, and only then record the new version; recording it first silences the \
server's warning and repairs nothing. A unique index that cannot be rebuilt already contains duplicates: \
remove those first. Rows of a table partitioned by ranges of text may be in the wrong partition.",
    thresholds: &[],
    needs: &[Fact::Collations, Fact::Indexes],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let drifts = case.catalog.collation_drifts.iter();
    drifts.map(|drift| finding(case, drift)).collect()
}

fn finding(case: &CheckContext<'_>, drift: &CollationDrift) -> Finding {
    let catalog = case.catalog;
    let mut indexes: Vec<&Index> = drift
        .indexes
        .iter()
        .filter_map(|oid| catalog.index(*oid))
        .collect();
    indexes.sort_by_key(|index| index.qualified());
    let subject = match &drift.name {
        Some(name) => Subject::new("collation", name),
        None => Subject::database(catalog),
    };
    let what = match indexes.len() {
        0 => "no index uses it".to_owned(),
        many => format!(
            "{} sorted by the old version and may miss rows",
            counted(many, "index is", "indexes are")
        ),
    };
    let message = format!(
        "version {} of its {} collation is {} now: {what}",
        drift.recorded, drift.provider, drift.actual
    );
    let names: Vec<String> = indexes
        .iter()
        .map(|index| index.qualified().to_string())
        .collect();
    let finding = Finding::new(subject, message)
        .evidence("provider", drift.provider.clone())
        .evidence("recorded_version", drift.recorded.clone())
        .evidence("actual_version", drift.actual.clone())
        .evidence("indexes", names);
    let finding = if indexes.is_empty() {
        finding.severity(Severity::Info)
    } else {
        finding
    };
    if catalog.server.in_recovery {
        return finding.confirm(
            "that the standby's system has the same library version as the primary: the fault is on the \
             standby alone",
        );
    }
    let mut statements: Vec<String> = indexes.iter().map(|index| rebuild_index(index)).collect();
    statements.push(match &drift.name {
        Some(name) => format!("ALTER COLLATION {name} REFRESH VERSION;"),
        None => format!(
            "ALTER DATABASE {} REFRESH COLLATION VERSION;",
            quote_identifier(&catalog.database.name)
        ),
    });
    let finding = finding.remedy(statements.join("\n"));
    if indexes.is_empty() {
        return finding;
    }
    finding
        .change(IndexChange::Sort(indexes.iter().map(|index| index.oid).collect()))
        .confirm(format!(
            "with amcheck that the order changed, if rebuilding {} takes long; record the version only \
             afterwards",
            counted(indexes.len(), "index", "indexes")
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        check::fixture::{catalog, findings, index, table},
    };

    fn with(name: Option<&str>, indexes: Vec<u32>) -> Catalog {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "users"));
        catalog.indexes = vec![index(2, 1, "by_name", &[1]), index(3, 1, "by_mail", &[2])];
        catalog.collation_drifts.push(CollationDrift {
            oid: 100,
            name: name.map(Into::into),
            provider: "libc".into(),
            deterministic: true,
            recorded: "2.31".into(),
            actual: "2.36".into(),
            indexes,
        });
        catalog
    }

    #[test]
    fn every_index_is_rebuilt_before_the_version_is_recorded() {
        let mut catalog = with(None, vec![2, 3]);
        catalog.indexes[0].exclusion = true;
        let found = findings("collation-drift", &catalog);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some(
                "REINDEX INDEX CONCURRENTLY public.by_mail;\n\
                 REINDEX INDEX public.by_name;\n\
                 ALTER DATABASE app REFRESH COLLATION VERSION;"
            )
        );
    }

    #[test]
    fn without_an_index_it_is_an_info_and_a_standby_has_no_statement() {
        let found = findings("collation-drift", &with(Some("\"en_US\""), Vec::new()));
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("ALTER COLLATION \"en_US\" REFRESH VERSION;")
        );
        let mut standby = with(None, vec![2]);
        standby.server.in_recovery = true;
        let found = findings("collation-drift", &standby);
        assert_eq!(
            (found[0].severity, &found[0].remedy),
            (Severity::Error, &None)
        );
    }
}
