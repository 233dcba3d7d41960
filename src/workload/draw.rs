//! From what is known of a column's values to the worst, a typical, a rare and an absent one.

use super::{Candidate, Label};
use crate::catalog::Drawn;

/// The values to time a parameter with that comes from a column.
///
/// *Worst* is the commonest value. *Typical* is the value of median frequency among all different ones,
/// *rare* one of the least frequent. Statistics list only the commonest values; where the median lies
/// beyond them, a histogram bound stands for it. Where no value is commoner than others (a key), *worst*
/// is any.
#[must_use]
pub fn draw(drawn: &Drawn) -> Candidate {
    let common = &drawn.values.most_common;
    let bounds = &drawn.values.bounds;
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
    let mut chosen: Vec<(Label, &String)> = Vec::new();
    match common.first() {
        Some((worst, _)) => {
            chosen.push((Label::Worst, worst));
            #[expect(clippy::cast_precision_loss, reason = "at most some thousand values")]
            let listed = common.len() as f64;
            let distinct = drawn.values.distinct.unwrap_or(listed).max(listed);
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
            chosen.extend(typical.map(|value| (Label::Typical, value)));
            let rare = at(0.25).or(common.last().map(|(value, _)| value));
            chosen.extend(rare.map(|value| (Label::Rare, value)));
        }
        None => chosen.extend(at(0.5).map(|value| (Label::Worst, value))),
    }
    chosen.extend(drawn.absent.as_ref().map(|value| (Label::Absent, value)));
    let mut seen = Vec::new();
    chosen.retain(|(_, value)| {
        let first = !seen.contains(value);
        seen.push(value);
        first
    });
    Candidate::Drawn(
        chosen
            .into_iter()
            .map(|(label, value)| (label, Some(value.clone())))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ColumnValues;

    fn labels(most_common: &[(&str, f64)], bounds: &[&str], distinct: f64) -> String {
        let drawn = Drawn {
            values: ColumnValues {
                most_common: most_common
                    .iter()
                    .map(|(v, f)| ((*v).to_owned(), *f))
                    .collect(),
                bounds: bounds.iter().map(|b| (*b).to_owned()).collect(),
                distinct: Some(distinct),
            },
            absent: Some("none".into()),
            notes: vec![],
        };
        let Candidate::Drawn(values) = draw(&drawn) else {
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
}
