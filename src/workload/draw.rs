//! From what is known of a column's values to the worst, a typical, a rare and an absent one.

use super::{Candidate, End, Label, Value};
use crate::catalog::{ColumnValues, Combinations};

/// The values to time a parameter with that comes from a column.
///
/// *Worst* is the commonest value. *Typical* is the value of median frequency among all different ones,
/// *rare* one of the least frequent. Statistics list only the commonest values; where the median lies
/// beyond them, a histogram bound stands for it. Where no value is commoner than others (a key), *worst*
/// is any.
pub fn draw(values: &ColumnValues, absent: Option<&str>) -> Candidate {
    let common = &values.most_common;
    let bounds = &values.bounds;
    let at = |share: f64| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index into at most some thousand bounds"
        )]
        let index = (bounds.len() as f64 * share) as usize;
        bounds.get(index).or(bounds.last())
    };
    let mut chosen: Vec<(Label, &str)> = Vec::new();
    match common.first() {
        Some((worst, _)) => {
            chosen.push((Label::Worst, worst));
            #[expect(clippy::cast_precision_loss, reason = "at most some thousand values")]
            let listed = common.len() as f64;
            let distinct = values.distinct.unwrap_or(listed).max(listed);
            let median = common.get(common.len() / 2).map(|(value, _)| value);
            let typical = if bounds.is_empty() || distinct < 2.0 * listed {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "below the number of listed values"
                )]
                let middle = (distinct / 2.0) as usize;
                common.get(middle).map(|(value, _)| value).or(median)
            } else {
                at(0.5)
            };
            chosen.extend(typical.map(|value| (Label::Typical, value.as_str())));
            let rare = at(0.25).or(common.last().map(|(value, _)| value));
            chosen.extend(rare.map(|value| (Label::Rare, value.as_str())));
        }
        None => chosen.extend(at(0.5).map(|value| (Label::Worst, value.as_str()))),
    }
    chosen.extend(absent.map(|value| (Label::Absent, value)));
    let mut seen = Vec::new();
    chosen.retain(|(_, value)| {
        let first = !seen.contains(value);
        seen.push(value);
        first
    });
    Candidate::Drawn(
        chosen
            .into_iter()
            .map(|(label, value)| (label, Some(value.to_owned())))
            .collect(),
    )
}

/// The values to time parameters with that come from several columns of one table, for each column: combinations that
/// occur, by their frequency as in [`draw`]. Worst paired with worst may be a combination that no row holds, and a query
/// that returns nothing is fast for the wrong reason. *Absent* is what each column has of its own.
pub fn draw_together(combinations: &Combinations, absent: &[Option<String>]) -> Vec<Candidate> {
    let values = &combinations.values;
    let mut places = vec![
        (Label::Worst, 0),
        (Label::Typical, values.len() / 2),
        (Label::Rare, values.len().saturating_sub(1)),
    ];
    places.dedup_by_key(|(_, place)| *place);
    (0..)
        .zip(absent)
        .map(|(column, absent)| {
            let drawn = places.iter().filter_map(|&(label, place)| {
                let (combination, _) = values.get(place)?;
                Some((label, Some(combination.get(column)?.clone())))
            });
            let absent = absent.clone().map(|value| (Label::Absent, Some(value)));
            Candidate::Drawn(drawn.chain(absent).collect())
        })
        .collect()
}

/// An end of a column's values: *worst* is the very end, so that everything lies within; *typical* lies inside. Where the
/// statistics have no order to offer, the commonest values do.
pub fn draw_end(values: &ColumnValues, end: End) -> Candidate {
    let bounds = &values.bounds;
    let (very, inside) = match end {
        End::Lowest => (bounds.first(), bounds.get(bounds.len() / 2)),
        End::Highest => (bounds.last(), bounds.get(bounds.len() * 3 / 4)),
    };
    let drawn = [(Label::Worst, very), (Label::Typical, inside)];
    let drawn: Vec<(Label, Value)> = drawn
        .into_iter()
        .filter_map(|(label, value)| Some((label, Some(value?.clone()))))
        .collect();
    if drawn.is_empty() {
        return draw(values, None);
    }
    Candidate::Drawn(drawn)
}

/// Arrays of the first values, the most common first, as the server's array input reads them.
pub fn draw_lists(values: &ColumnValues, lengths: &[usize]) -> Candidate {
    let all = values.most_common.iter().map(|(value, _)| value);
    let all: Vec<&str> = all.chain(&values.bounds).map(String::as_str).collect();
    let mut lists: Vec<Value> = lengths
        .iter()
        .map(|length| Some(array(&all[..(*length).min(all.len())])))
        .collect();
    lists.dedup();
    Candidate::Listed(lists)
}

/// An array of these values, as the server's array input reads it.
pub fn array(values: &[&str]) -> String {
    let all: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("{{{}}}", all.join(","))
}

/// <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(most_common: &[(&str, f64)], bounds: &[&str], distinct: f64) -> String {
        let values = ColumnValues {
            most_common: most_common
                .iter()
                .map(|(v, f)| ((*v).to_owned(), *f))
                .collect(),
            bounds: bounds.iter().map(|b| (*b).to_owned()).collect(),
            distinct: Some(distinct),
        };
        show(&draw(&values, Some("none")))
    }

    fn show(candidate: &Candidate) -> String {
        let Candidate::Drawn(values) = candidate else {
            unreachable!()
        };
        let shown: Vec<String> = values
            .iter()
            .map(|(label, value)| format!("{label}={}", value.as_deref().unwrap_or("NULL")))
            .collect();
        shown.join(" ")
    }

    #[test]
    fn values_are_chosen_by_their_frequency() {
        // A short list that is complete.
        let types = [
            ("a", 0.5),
            ("b", 0.25),
            ("c", 0.15),
            ("d", 0.07),
            ("e", 0.03),
        ];
        assert_eq!(
            labels(&types, &[], 5.0),
            "worst=a typical=c rare=e absent=none"
        );
        // A whale and thousands of others.
        let bounds = ["1", "2", "3", "4", "5"];
        assert_eq!(
            labels(&[("7", 0.05)], &bounds, 9_000.0),
            "worst=7 typical=3 rare=2 absent=none"
        );
        // A key: nothing is commoner than anything.
        assert_eq!(labels(&[], &bounds, 9_000.0), "worst=3 absent=none");
        // A single value.
        assert_eq!(labels(&[("x", 1.0)], &[], 1.0), "worst=x absent=none");
    }

    #[test]
    fn ends_and_lists_are_made_of_what_the_statistics_hold() {
        let values = ColumnValues {
            most_common: vec![("it's \"x\"".into(), 0.5), ("a\\b".into(), 0.1)],
            bounds: (1..=8).map(|n| n.to_string()).collect(),
            distinct: Some(100.0),
        };
        assert_eq!(show(&draw_end(&values, End::Lowest)), "worst=1 typical=5");
        assert_eq!(show(&draw_end(&values, End::Highest)), "worst=8 typical=7");
        let few = ColumnValues {
            bounds: Vec::new(),
            ..values.clone()
        };
        assert!(show(&draw_end(&few, End::Lowest)).starts_with("worst=it's"));
        let Candidate::Listed(lists) = draw_lists(&values, &[1, 3]) else {
            unreachable!()
        };
        assert_eq!(
            lists,
            [
                Some(r#"{"it's \"x\""}"#.to_owned()),
                Some(r#"{"it's \"x\"","a\\b","1"}"#.to_owned())
            ]
        );
    }

    #[test]
    fn columns_of_one_table_are_drawn_as_combinations_that_occur() {
        let all = [("a", "x"), ("a", "y"), ("b", "x"), ("c", "z")];
        let combinations = |count: usize| Combinations {
            values: all
                .iter()
                .take(count)
                .map(|(a, b)| (vec![(*a).to_owned(), (*b).to_owned()], 0.1))
                .collect(),
            origin: String::new(),
        };
        let shown = |count| -> Vec<String> {
            let absent = [None, Some("none".to_owned())];
            let candidates = draw_together(&combinations(count), &absent);
            candidates.iter().map(show).collect()
        };
        assert_eq!(
            shown(4),
            [
                "worst=a typical=b rare=c",
                "worst=x typical=x rare=z absent=none"
            ]
        );
        assert_eq!(shown(1), ["worst=a", "worst=x absent=none"]);
    }
}
