use crate::{
    catalog::{Catalog, Index},
    check::{
        Finding, Policy,
        fixture::{DAY, INTEGER, ago, catalog, column, foreign_key, index, table},
        judge,
    },
};

/// `ord`, with these indexes.
fn with(indexes: Vec<Index>) -> Catalog {
    let mut catalog = catalog();
    catalog.tables.push(table(1, "ord"));
    for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
        catalog.columns.push(column(1, number, name, INTEGER));
    }
    catalog.indexes = indexes;
    catalog
}

fn read(scans: u64, index: Index) -> Index {
    Index { scans, ..index }
}

fn judged(mut catalog: Catalog) -> Vec<Finding> {
    catalog.arrange();
    let mut findings = judge(&catalog, &[], &Policy::default()).findings;
    findings.retain(|finding| finding.check.ends_with("-index"));
    findings
}

/// `check: statement` of each, and what stands in its place.
fn said(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let remedy = finding.remedy.as_deref().unwrap_or("-");
            let by = finding.mended_by.map(|by| format!(" by {by}"));
            format!("{} {remedy}{}", finding.check, by.unwrap_or_default())
        })
        .collect()
}

#[test]
fn the_index_that_covers_another_stays_when_both_are_unread() {
    let found = judged(with(vec![
        read(0, index(2, 1, "ord_a", &[1])),
        read(0, index(3, 1, "ord_ab", &[1, 2])),
    ]));
    assert_eq!(
        said(&found),
        [
            "redundant-index DROP INDEX CONCURRENTLY public.ord_a;",
            "unused-index - by redundant-index",
            "unused-index -",
        ]
    );
    assert!(found[0].reasons[0].starts_with("unused-index: 20.0 MB that no query has read"));
    let confirm = found[2].confirm.as_deref().unwrap();
    assert!(
        confirm.contains("public.ord_ab stays for now: public.ord_a"),
        "{confirm}"
    );
}

#[test]
fn the_index_that_is_read_stays_and_the_unread_one_that_covers_it_goes() {
    let found = judged(with(vec![
        read(1_000, index(2, 1, "ord_a", &[1])),
        read(0, index(3, 1, "ord_ab", &[1, 2])),
    ]));
    // Were ord_a dropped instead, the next report would find ord_ab still unread.
    assert_eq!(
        said(&found),
        ["unused-index DROP INDEX CONCURRENTLY public.ord_ab;"]
    );
}

#[test]
fn with_young_counters_nothing_is_dropped_for_want_of_reads() {
    let mut catalog = with(vec![
        read(1_000, index(2, 1, "ord_a", &[1])),
        read(0, index(3, 1, "ord_ab", &[1, 2])),
        read(0, index(4, 1, "ord_c", &[3])),
    ]);
    for (since, missing) in [
        (
            Some(ago(2 * DAY)),
            "they began 2 days ago; run the report again from 2026-",
        ),
        (None, "the age of the counters, which is unknown"),
    ] {
        catalog.database.stats_reset = since;
        let found = judged(catalog.clone());
        assert_eq!(
            said(&found),
            ["redundant-index -", "unused-index -", "unused-index -",]
        );
        for finding in &found[1..] {
            let confirm = finding.confirm.as_deref().unwrap();
            assert!(confirm.contains(missing), "{confirm}");
        }
    }
}

#[test]
fn of_two_copies_one_stays_and_goes_for_all_reasons() {
    let found = judged(with(vec![
        read(0, index(2, 1, "one", &[1])),
        read(0, index(3, 1, "other", &[1])),
    ]));
    assert_eq!(
        said(&found),
        [
            "duplicate-index DROP INDEX CONCURRENTLY public.other;",
            "unused-index - ",
            "unused-index - by duplicate-index",
        ]
        .map(str::trim_end)
    );
}

#[test]
fn of_a_chain_of_covers_the_one_that_another_leans_on_stays() {
    let found = judged(with(vec![
        read(0, index(2, 1, "a", &[1])),
        read(0, index(3, 1, "ab", &[1, 2])),
        read(0, index(4, 1, "abc", &[1, 2, 3])),
    ]));
    let drops: Vec<&str> = found.iter().filter_map(|f| f.remedy.as_deref()).collect();
    assert_eq!(
        drops,
        [
            "DROP INDEX CONCURRENTLY public.a;",
            "DROP INDEX CONCURRENTLY public.abc;",
        ]
    );
}

#[test]
fn an_index_that_is_to_become_the_key_is_not_dropped() {
    let unique = |oid, name: &str, scans| Index {
        unique: true,
        ..read(scans, index(oid, 1, name, &[1]))
    };
    let mut catalog = with(vec![unique(2, "first", 0), unique(3, "second", 9)]);
    catalog.arrange();
    let findings = judge(&catalog, &[], &Policy::default()).findings;
    let remedies: Vec<&str> = findings
        .iter()
        .filter_map(|f| f.remedy.as_deref())
        .collect();
    assert_eq!(
        remedies,
        ["ALTER TABLE public.ord ADD PRIMARY KEY USING INDEX first;"]
    );
}

#[test]
fn what_is_dropped_is_not_built_anew() {
    let mut catalog = with(vec![read(0, index(2, 1, "ord_a", &[1]))]);
    catalog.indexes[0].bytes = 27_450 * 8192;
    assert_eq!(
        said(&judged(catalog)),
        ["unused-index DROP INDEX CONCURRENTLY public.ord_a;"]
    );
}

#[test]
fn two_keys_on_the_same_columns_get_one_index_and_two_names_never_clash() {
    let mut catalog = with(Vec::new());
    catalog.columns.push(column(1, 4, "a_b", INTEGER));
    catalog.tables.push(table(9, "referred"));
    let keys = [&[1][..], &[1], &[1, 2], &[4]];
    for (oid, columns) in (20..).zip(keys) {
        catalog.constraints.push(foreign_key(oid, 1, columns, 9));
    }
    assert_eq!(
        said(&judged(catalog)),
        [
            "missing-fk-index - by missing-fk-index",
            "missing-fk-index - by missing-fk-index",
            "missing-fk-index CREATE INDEX CONCURRENTLY ord_a_b_idx ON public.ord (a, b);",
            "missing-fk-index CREATE INDEX CONCURRENTLY ord_a_b_idx1 ON public.ord (a_b);",
        ]
    );
}

#[test]
fn a_unique_index_that_a_foreign_key_refers_to_stays() {
    let unique = |oid, name: &str, scans| Index {
        unique: true,
        ..read(scans, index(oid, 1, name, &[1]))
    };
    let mut catalog = with(vec![unique(2, "read", 9), unique(3, "referred", 0)]);
    let mut key = foreign_key(7, 1, &[2], 1);
    key.index = Some(3);
    catalog.constraints.push(key);
    catalog.indexes.push(Index {
        primary: true,
        ..unique(4, "ord_pkey", 9)
    });
    catalog.indexes[2].columns = vec![3];
    let found = judged(catalog);
    assert!(
        said(&found).contains(&"duplicate-index DROP INDEX CONCURRENTLY public.read;".into()),
        "{:?}",
        said(&found)
    );
}
