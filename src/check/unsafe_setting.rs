//! `unsafe-setting`: a setting that risks the data, or switches off what keeps the server well.

use super::{Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject};
use crate::catalog::Fact;

pub(super) const CHECK: Check = Check {
    code: "unsafe-setting",
    severity: Severity::Error,
    summary: "a setting that endangers the data or the server",
    explanation: "\
Some settings trade safety for speed, or turn off what keeps the server healthy. They belong in tests or \
emergencies, where they tend to be forgotten.

With `fsync` or `full_page_writes` off, a crash of the machine may leave the whole cluster corrupt. With \
`autovacuum` or `track_counts` off, dead rows and old transaction IDs pile up until the server stops. \
`zero_damaged_pages` and `ignore_checksum_failure` hide damage and destroy rows. With `synchronous_commit` \
off, a crash loses the last commits. Planner switches (`enable_…`) for the whole server harm other queries.

To confirm: `SELECT name, setting, source, sourcefile FROM pg_settings`. `full_page_writes` may be off on a \
file system that never tears pages (ZFS): ignore the finding then. For dbaudit's own throwaway servers \
(cluster_name dbaudit-throwaway), settings that only risk loss in a crash are not reported.

To fix: reset it and reload; the finding has the statements.",
    thresholds: &[],
    needs: &[Fact::Settings],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

/// The setting, its dangerous value, how bad, and what may come of it.
const DANGERS: &[(&str, &str, Severity, &str)] = &[
    (
        "fsync",
        "off",
        Severity::Error,
        "a crash of the machine may leave the cluster corrupt",
    ),
    (
        "full_page_writes",
        "off",
        Severity::Error,
        "a crash of the machine may leave torn pages",
    ),
    (
        "autovacuum",
        "off",
        Severity::Error,
        "dead rows and old transaction ids pile up",
    ),
    (
        "track_counts",
        "off",
        Severity::Error,
        "autovacuum does not know what to vacuum, and this report does not know what is used",
    ),
    (
        "zero_damaged_pages",
        "on",
        Severity::Error,
        "damaged pages are zeroed when they are read",
    ),
    (
        "ignore_checksum_failure",
        "on",
        Severity::Error,
        "damaged pages are read as if they were intact",
    ),
    (
        "ignore_system_indexes",
        "on",
        Severity::Error,
        "every catalog lookup reads the whole catalog",
    ),
    (
        "synchronous_commit",
        "off",
        Severity::Info,
        "a crash loses the last commits",
    ),
    (
        "enable_indexscan",
        "off",
        Severity::Warning,
        "the planner avoids index scans",
    ),
    (
        "enable_indexonlyscan",
        "off",
        Severity::Warning,
        "the planner avoids index-only scans",
    ),
    (
        "enable_bitmapscan",
        "off",
        Severity::Warning,
        "the planner avoids bitmap scans",
    ),
    (
        "enable_seqscan",
        "off",
        Severity::Warning,
        "the planner avoids sequential scans",
    ),
    (
        "enable_nestloop",
        "off",
        Severity::Warning,
        "the planner avoids nested loops",
    ),
    (
        "enable_hashjoin",
        "off",
        Severity::Warning,
        "the planner avoids hash joins",
    ),
    (
        "enable_mergejoin",
        "off",
        Severity::Warning,
        "the planner avoids merge joins",
    ),
    (
        "enable_sort",
        "off",
        Severity::Warning,
        "the planner avoids sorts",
    ),
    (
        "enable_hashagg",
        "off",
        Severity::Warning,
        "the planner avoids hash aggregates",
    ),
];

/// The `cluster_name` of servers that are there for one demo or test.
pub const THROWAWAY_CLUSTER: &str = "dbaudit-throwaway";
/// What only a crash of the machine shows.
const CRASH_SAFETY: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let throwaway = case.catalog.settings.text("cluster_name") == Some(THROWAWAY_CLUSTER);
    DANGERS
        .iter()
        .filter(|(name, ..)| !throwaway || !CRASH_SAFETY.contains(name))
        .filter_map(|(name, value, severity, harm)| {
            let setting = case.catalog.settings.0.get(*name)?;
            if setting.value != *value {
                return None;
            }
            let finding = Finding::new(
                Subject::new("setting", *name),
                format!("is {value}: {harm}"),
            )
            .severity(*severity)
            .evidence("value", setting.value.clone())
            .evidence("source", setting.source.clone());
            let reload = "SELECT pg_reload_conf();";
            Some(match setting.source.as_str() {
                // Set for this database or role, and not for the server.
                "database" | "user" | "database user" => {
                    finding.confirm("\\drds in psql shows for whom it is set")
                }
                // Which wins over the files.
                source @ ("command line" | "environment variable") => finding.confirm(format!(
                    "the {source} that the server was started with: change it there, and restart the server"
                )),
                // A RESET would bring back what stands in postgresql.conf itself.
                _ => finding
                    .remedy(format!(
                        "ALTER SYSTEM SET {name} = {};\n{reload}",
                        if *value == "on" { "off" } else { "on" }
                    ))
                    .undo(Some(format!(
                        "ALTER SYSTEM SET {name} = {value};\n{reload}"
                    ))),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{catalog, findings, set, subjects};

    #[test]
    fn dangerous_values_are_found() {
        let mut catalog = catalog();
        set(&mut catalog, "fsync", "off");
        set(&mut catalog, "zero_damaged_pages", "on");
        set(&mut catalog, "enable_seqscan", "off");
        let found = findings("unsafe-setting", &catalog);
        let seen: Vec<_> = found
            .iter()
            .map(|f| (f.subject.name.as_str(), f.severity))
            .collect();
        assert_eq!(
            seen,
            [
                ("fsync", Severity::Error),
                ("zero_damaged_pages", Severity::Error),
                ("enable_seqscan", Severity::Warning)
            ]
        );
        assert!(
            found[0]
                .remedy
                .as_deref()
                .unwrap()
                .starts_with("ALTER SYSTEM SET fsync = on;")
        );
    }

    #[test]
    fn a_throwaway_server_may_lose_its_data_and_no_more() {
        let mut catalog = catalog();
        set(&mut catalog, "cluster_name", THROWAWAY_CLUSTER);
        set(&mut catalog, "fsync", "off");
        set(&mut catalog, "autovacuum", "off");
        assert_eq!(subjects("unsafe-setting", &catalog), ["autovacuum"]);
    }

    #[test]
    fn what_the_command_line_sets_no_statement_mends() {
        let mut catalog = catalog();
        set(&mut catalog, "fsync", "off");
        if let Some(setting) = catalog.settings.0.get_mut("fsync") {
            setting.source = "command line".into();
        }
        assert_eq!(findings("unsafe-setting", &catalog)[0].remedy, None);
    }

    #[test]
    fn usual_values_and_hidden_settings_are_let_be() {
        let mut catalog = catalog();
        set(&mut catalog, "enable_seqscan", "on");
        catalog.settings.0.remove("fsync");
        assert!(subjects("unsafe-setting", &catalog).is_empty());
    }
}
