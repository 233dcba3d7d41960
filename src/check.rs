//! PURE: one file per check, one registry that everything iterates: the report, `--help`, `dbaudit
//! explain`, the JUnit suite and the book's page of checks.
//!
//! To add a check: one file with a [`Check`], one line in `registry.rs`.

mod autovacuum_behind;
mod bloat;
mod bloat_suspects;
mod blocked_sessions;
mod btree_on_array;
mod build_leftover;
mod cache_hit_ratio;
mod case;
mod change;
mod checkpoint_pressure;
mod collation_drift;
mod concurrent_build_bug;
mod connection_saturation;
mod dead_tuples;
mod deadlocks;
mod disabled_trigger;
mod duplicate_fk;
mod duplicate_index;
mod explain;
mod finding;
#[cfg(test)]
mod fixture;
mod fk_type_mismatch;
mod foreign_key;
mod host_cpu;
mod host_disk;
mod host_memory;
mod host_throttled;
mod idle_in_transaction;
mod index_bloat;
mod index_statement;
mod int_key_exhaustion;
mod invalid_index;
mod judge;
mod layout;
mod long_transaction;
mod low_hot_ratio;
mod missing_fk_index;
mod multixact_wraparound;
mod never_analyzed;
mod no_primary_key;
mod not_valid_constraint;
mod null_heavy_index;
mod pending_restart;
mod prepared_transaction;
mod redundant_index;
mod registry;
mod replication_lag;
mod seq_scan_heavy;
mod sequence_exhaustion;
mod session_figures;
mod settle;
mod slot_retention;
mod slow_statement;
#[cfg(test)]
mod specimens;
mod stale_statistics;
mod statement_eviction;
mod sureness;
mod table_bloat;
mod temp_spill;
mod unsafe_setting;
mod unused_index;
mod useless_predicate;
mod vacuum_due;
mod wal_archiving_failing;
#[cfg(test)]
pub(crate) mod wording;
mod wraparound;
mod xid_wraparound;

pub use self::{
    bloat_suspects::most_bloated,
    case::{Check, CheckContext, Evidence, RunsOn, Threshold},
    explain::explain,
    finding::{EvidenceAge, Finding, Severity, Subject},
    judge::{IgnoreRule, Policy, SkippedCheck, Verdicts, judge},
    registry::{CHECKS, find},
    slow_statement::is_a_query,
    unsafe_setting::THROWAWAY_CLUSTER,
};
use crate::human::counted;

/// `once`, `3 times`.
pub(crate) fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
