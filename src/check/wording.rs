//! Texts with figures are checked for plain English: `1 rows` is wrong, and so is growth by a negative amount.

use serde_json::Value;

use super::{
    Policy, judge,
    registry::CHECKS,
    specimens::{SPECIMENS, healthy},
};
use crate::catalog::Catalog;

/// Numbers that name something, or that the facts hang together by.
const NAMES: &[&str] = &[
    "active_pid",
    "blocked_by",
    "collation",
    "collations",
    "columns",
    "domain_over",
    "id",
    "index",
    "indexes",
    "key_count",
    "length",
    "number",
    "oid",
    "operator_classes",
    "orders",
    "owner_column",
    "owner_table",
    "parent",
    "pid",
    "query_id",
    "referenced_columns",
    "referenced_table",
    "asks_not_null",
    "table",
    "toast",
    "type_oid",
    "version_num",
];

/// The same facts, but every figure is this one.
pub(crate) fn all_figures(catalog: &Catalog, figure: u8) -> Catalog {
    fn set(value: &mut Value, figure: u8) {
        match value {
            Value::Number(_) => *value = Value::from(figure),
            Value::Array(values) => values.iter_mut().for_each(|value| set(value, figure)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    if !NAMES.contains(&key.as_str()) {
                        set(value, figure);
                    }
                }
            }
            _ => {}
        }
    }
    let mut facts = serde_json::to_value(catalog).unwrap();
    set(&mut facts, figure);
    let mut catalog: Catalog = serde_json::from_value(facts).unwrap();
    catalog.arrange();
    catalog
}

/// What is wrong with the text: `1 rows`, `by 0 transactions`, `by -3.00 kB`.
pub(crate) fn wrong_in(text: &str) -> Option<String> {
    // `1 is`, `1 less`, and units that have no plural.
    const SINGULAR: [&str; 7] = ["is", "was", "has", "ms", "s", "less", "times,"];
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let (figure, word) = (pair[0].trim_start_matches('('), pair[1]);
        let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let letters = bare.chars().all(char::is_alphabetic);
        let plural = figure == "1" && letters && bare.ends_with('s') && !SINGULAR.contains(&bare);
        let by_none = figure == "by" && (word == "0" || word.starts_with('-'));
        (plural || by_none).then(|| pair.join(" "))
    })
}

#[test]
fn what_a_finding_says_is_english_whatever_the_figures() {
    let zero = || {
        let of = |check: &super::Check| {
            let keys = check.thresholds.iter().map(|t| (t.key.to_owned(), 0.0));
            (check.code.to_owned(), keys.collect())
        };
        CHECKS.iter().map(|check| of(check)).collect()
    };
    let mut said = 0;
    for specimen in SPECIMENS {
        for plant in [specimen.problem, specimen.look_alike] {
            let mut planted = healthy();
            plant(&mut planted);
            planted.arrange();
            let ones = all_figures(&planted, 1);
            for (catalog, thresholds) in [
                (&planted, Default::default()),
                (&planted, zero()),
                (&ones, zero()),
            ] {
                let policy = Policy {
                    thresholds,
                    ignore: Vec::new(),
                };
                for finding in judge(catalog, &[], &policy).findings {
                    let texts = [Some(&finding.message), finding.confirm.as_ref()];
                    for text in texts.into_iter().flatten() {
                        assert_eq!(wrong_in(text), None, "{}: {text}", finding.check);
                        said += 1;
                    }
                }
            }
        }
    }
    assert!(said > 300, "{said}");
}

#[test]
fn what_is_no_english_is_noticed() {
    for wrong in [
        "in 1 hours",
        "grew by -752 kB",
        "back by 0 transactions",
        "(1 indexes)",
    ] {
        assert!(wrong_in(wrong).is_some(), "{wrong}");
    }
    for right in [
        "1 index is",
        "in 1.5 hours",
        "11 rows",
        "0 rows",
        "1 ms each",
    ] {
        assert_eq!(wrong_in(right), None, "{right}");
    }
}
