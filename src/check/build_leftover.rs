//! `build-leftover`: what a failed REINDEX CONCURRENTLY leaves behind.

use super::{
    Check, CheckContext, Evidence, Finding, RunsOn, Severity, Subject, change::DropReason,
    invalid_index::is_leftover_name,
};
use crate::{catalog::Fact, human::human_bytes};

pub(super) const CHECK: Check = Check {
    code: "build-leftover",
    severity: Severity::Warning,
    summary: "a leftover of a failed REINDEX CONCURRENTLY",
    explanation: "\
`REINDEX CONCURRENTLY` builds a copy named `…_ccnew` and swaps it with the index, which is then renamed \
`…_ccold` and dropped. If it fails or is cancelled, the copy remains, marked invalid.

The copy takes as much space as the index itself, no query uses it, and every write may still maintain it. \
Nothing cleans it up automatically.

To confirm: no session is building it (`SELECT * FROM pg_stat_progress_create_index`), and the index without \
the suffix exists and is valid.

To fix: drop it with `DROP INDEX CONCURRENTLY`. If the original is invalid too, run `REINDEX INDEX \
CONCURRENTLY` on the original afterwards.",
    thresholds: &[],
    needs: &[Fact::Indexes, Fact::IndexProgress],
    evidence: Evidence::State,
    runs_on: RunsOn::Anywhere,
    judge,
};

fn judge(case: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = case.catalog;
    let leftovers = catalog.indexes.iter().filter(|index| {
        !index.valid && is_leftover_name(&index.name) && !case.is_being_built(index)
    });
    leftovers
        .map(|index| {
            let original = original_name(&index.name);
            let original = catalog
                .indexes_of(index.table)
                .find(|other| other.name == original);
            Finding::new(
                Subject::index(index),
                format!(
                    "a leftover of a failed REINDEX CONCURRENTLY takes {}",
                    human_bytes(index.bytes)
                ),
            )
            .evidence("size_bytes", index.bytes)
            .evidence("ready", index.ready)
            .evidence("original", original.map(|o| o.qualified().to_string()))
            .evidence("original_valid", original.map(|o| o.valid))
            .drops(index, DropReason::Useless, true)
        })
        .collect()
}

/// `orders_idx_ccnew1` belongs to `orders_idx`; the server cuts long names, and then nothing is found.
fn original_name(name: &str) -> &str {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name.strip_suffix("_ccnew")
        .or_else(|| name.strip_suffix("_ccold"))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Index, IndexProgress},
        check::fixture::{catalog, findings, index, subjects, table},
    };

    fn leftover(oid: u32, name: &str) -> Index {
        Index {
            valid: false,
            ..index(oid, 1, name, &[1])
        }
    }

    #[test]
    fn copies_of_a_failed_reindex_are_to_be_dropped() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.indexes.push(index(2, 1, "a_idx", &[1]));
        catalog.indexes.push(leftover(3, "a_idx_ccnew"));
        catalog.indexes.push(leftover(4, "a_idx_ccold1"));
        let found = findings("build-leftover", &catalog);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].evidence["original"], "public.a_idx");
        assert_eq!(
            found[0].remedy.as_deref(),
            Some("DROP INDEX CONCURRENTLY public.a_idx_ccnew;")
        );
        assert!(findings("invalid-index", &catalog).is_empty());
    }

    #[test]
    fn valid_indexes_of_such_names_and_live_builds_are_let_be() {
        let mut catalog = catalog();
        catalog.tables.push(table(1, "orders"));
        catalog.indexes.push(index(2, 1, "a_idx_ccnew", &[1]));
        catalog.indexes.push(leftover(3, "b_idx_ccnew"));
        catalog.indexes.push(leftover(4, "c_idx"));
        catalog.builds.push(IndexProgress {
            pid: 9,
            table: 1,
            index: Some(3),
            phase: "building index".into(),
        });
        assert!(subjects("build-leftover", &catalog).is_empty());
    }
}
