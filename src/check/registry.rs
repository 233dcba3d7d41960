//! The registry: every check, in the order in which findings of one severity are shown.

use super::{
    Check, autovacuum_behind, blocked_sessions, btree_on_array, build_leftover, cache_hit_ratio,
    checkpoint_pressure, collation_drift, concurrent_build_bug, connection_saturation, dead_tuples,
    deadlocks, disabled_trigger, duplicate_fk, duplicate_index, fk_type_mismatch, host_cpu,
    host_disk, host_memory, host_throttled, idle_in_transaction, index_bloat, int_key_exhaustion,
    invalid_index, long_transaction, low_hot_ratio, missing_fk_index, multixact_wraparound,
    never_analyzed, no_primary_key, not_valid_constraint, null_heavy_index, pending_restart,
    prepared_transaction, redundant_index, replication_lag, seq_scan_heavy, sequence_exhaustion,
    slot_retention, slow_statement, stale_statistics, statement_eviction, table_bloat, temp_spill,
    unsafe_setting, unused_index, useless_predicate, wal_archiving_failing, xid_wraparound,
};

pub static CHECKS: &[&Check] = &[
    &concurrent_build_bug::CHECK,
    &collation_drift::CHECK,
    &unsafe_setting::CHECK,
    &xid_wraparound::CHECK,
    &multixact_wraparound::CHECK,
    &int_key_exhaustion::CHECK,
    &sequence_exhaustion::CHECK,
    &wal_archiving_failing::CHECK,
    &invalid_index::CHECK,
    &disabled_trigger::CHECK,
    &blocked_sessions::CHECK,
    &idle_in_transaction::CHECK,
    &long_transaction::CHECK,
    &prepared_transaction::CHECK,
    &connection_saturation::CHECK,
    &host_memory::CHECK,
    &host_disk::CHECK,
    &host_cpu::CHECK,
    &host_throttled::CHECK,
    &slot_retention::CHECK,
    &replication_lag::CHECK,
    &slow_statement::CHECK,
    &deadlocks::CHECK,
    &table_bloat::CHECK,
    &index_bloat::CHECK,
    &dead_tuples::CHECK,
    &autovacuum_behind::CHECK,
    &never_analyzed::CHECK,
    &stale_statistics::CHECK,
    &seq_scan_heavy::CHECK,
    &missing_fk_index::CHECK,
    &fk_type_mismatch::CHECK,
    &duplicate_fk::CHECK,
    &duplicate_index::CHECK,
    &redundant_index::CHECK,
    &unused_index::CHECK,
    &btree_on_array::CHECK,
    &useless_predicate::CHECK,
    &build_leftover::CHECK,
    &no_primary_key::CHECK,
    &not_valid_constraint::CHECK,
    &cache_hit_ratio::CHECK,
    &checkpoint_pressure::CHECK,
    &temp_spill::CHECK,
    &statement_eviction::CHECK,
    &low_hot_ratio::CHECK,
    &null_heavy_index::CHECK,
    &pending_restart::CHECK,
];

pub fn find(code: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        catalog::{Catalog, UnreadFact},
        check::{
            Policy, RunsOn, Verdicts, fixture,
            judge::judge_with,
            specimens::{SPECIMENS, Specimen, healthy},
        },
    };

    fn specimen(code: &str) -> &'static Specimen {
        let found = SPECIMENS.iter().find(|specimen| specimen.code == code);
        found.unwrap_or_else(|| panic!("{code} has no specimen of its problem"))
    }

    #[test]
    fn every_check_has_a_code_of_its_own_and_says_what_it_needs() {
        let mut codes = HashSet::new();
        for check in CHECKS {
            let code = check.code;
            assert!(codes.insert(code), "{code} twice");
            assert!(
                code.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{code}"
            );
            assert!(!check.needs.is_empty(), "{code} needs no fact?");
            assert!(
                !check.summary.ends_with('.') && check.summary.len() < 80,
                "{code}"
            );
        }
    }

    #[test]
    fn every_explanation_says_what_why_how_to_confirm_and_how_to_mend() {
        for check in CHECKS {
            let paragraphs: Vec<&str> = check.explanation.split("\n\n").collect();
            let at = |start: &str| paragraphs.iter().position(|p| p.starts_with(start));
            let confirm = at("To confirm: ");
            assert!(
                confirm.is_some_and(|at| at >= 2),
                "{}: what and why come first",
                check.code
            );
            assert!(
                at("To fix: ") > confirm,
                "{}: then how to fix it",
                check.code
            );
            assert!(
                !check.explanation.contains("  "),
                "{}: a stray space",
                check.code
            );
        }
    }

    #[test]
    fn every_threshold_is_documented_and_names_its_unit() {
        for check in CHECKS {
            let mut keys = HashSet::new();
            for threshold in check.thresholds {
                let (code, key) = (check.code, threshold.key);
                assert!(keys.insert(key), "{code}: {key} twice");
                assert!(!threshold.meaning.is_empty(), "{code}: {key}");
                assert!(
                    threshold.default.is_finite() && threshold.default >= 0.0,
                    "{code}: {key}"
                );
            }
        }
    }

    /// What the check finds, and whether it was skipped, in a server that is well but for this.
    fn judged(check: &'static Check, change: impl Fn(&mut Catalog)) -> Verdicts {
        let mut catalog = healthy();
        change(&mut catalog);
        catalog.arrange();
        judge_with(&[check], &catalog, &[], &Policy::default())
    }

    #[test]
    fn every_check_fires_on_its_problem_and_is_silent_beside_it() {
        for check in CHECKS {
            let code = check.code;
            let specimen = specimen(code);
            assert_eq!(judged(check, |_| ()).findings, [], "{code}: all is well");
            let found = judged(check, specimen.problem);
            assert!(!found.findings.is_empty(), "{code} misses its problem");
            assert!(found.findings.iter().all(|finding| finding.check == code));
            assert_eq!(found.skipped, []);
            let mut beside = healthy();
            (specimen.look_alike)(&mut beside);
            assert_ne!(beside, healthy(), "{code}: nothing is planted");
            let found = judged(check, specimen.look_alike);
            assert_eq!(found.findings, [], "{code} takes the look-alike for it");
        }
        assert_eq!(SPECIMENS.len(), CHECKS.len());
    }

    #[test]
    fn a_check_without_its_facts_is_skipped_and_never_says_fine() {
        for check in CHECKS {
            for fact in check.needs {
                let unread = |partial| UnreadFact {
                    fact: *fact,
                    reason: "permission denied".into(),
                    grant: Some("GRANT pg_monitor TO nobody".into()),
                    partial,
                };
                let without = |partial: bool| {
                    judged(check, |catalog| {
                        (specimen(check.code).problem)(catalog);
                        catalog.unread.push(unread(partial));
                    })
                };
                let verdicts = without(false);
                let skipped = &verdicts.skipped;
                assert_eq!(skipped.len(), 1, "{} without {}", check.code, fact.name());
                assert_eq!(skipped[0].check, check.code);
                assert_eq!(skipped[0].reason, "permission denied");
                assert!(skipped[0].grant.is_some() && !skipped[0].partial);
                assert_eq!(verdicts.findings, [], "it judged without {}", fact.name());
                // On a part of them it judges, and says that it is a part.
                let verdicts = without(true);
                assert!(
                    !verdicts.findings.is_empty() && verdicts.skipped[0].partial,
                    "{} on a part of the {}",
                    check.code,
                    fact.name()
                );
            }
        }
    }

    #[test]
    fn checks_that_need_a_primary_are_skipped_on_a_standby() {
        let mut catalog = fixture::catalog();
        catalog.server.in_recovery = true;
        let verdicts = judge_with(CHECKS, &catalog, &[], &Policy::default());
        let skipped: HashSet<&str> = verdicts.skipped.iter().map(|s| s.check.as_str()).collect();
        for check in CHECKS {
            assert_eq!(
                skipped.contains(check.code),
                check.runs_on == RunsOn::Primary
            );
        }
    }

    #[test]
    fn a_server_that_is_well_has_no_findings() {
        let mut catalog = fixture::catalog();
        catalog.arrange();
        let verdicts = judge_with(CHECKS, &catalog, &[], &Policy::default());
        assert_eq!(verdicts.findings, []);
    }
}
