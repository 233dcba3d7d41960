//! Which parameters a query is timed with: few cases, named, never only the lucky one.

use std::fmt;

use super::Value;

/// What kind of value a case draws from the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// No parameter comes from a column.
    Given,
    Worst,
    Typical,
    Rare,
    Absent,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Label::Given => "given",
            Label::Worst => "worst",
            Label::Typical => "typical",
            Label::Rare => "rare",
            Label::Absent => "absent",
        })
    }
}

/// Which plan the server is made to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlanMode {
    Auto,
    /// One plan for all parameters, as a driver that prepares its statements will meet.
    Generic,
    /// A plan made for these parameters.
    Custom,
}

impl PlanMode {
    /// `auto`, `generic`, `custom`.
    pub fn as_str(self) -> &'static str {
        match self {
            PlanMode::Auto => "auto",
            PlanMode::Generic => "generic",
            PlanMode::Custom => "custom",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// From a list or a query: every case is timed with each.
    Listed(Vec<Value>),
    /// From a column's statistics: one for each label it has.
    Drawn(Vec<(Label, Value)>),
}

/// One way a query is timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// As shown: `worst`, `worst, $3=1000`, `worst, generic plan`.
    pub label: String,
    /// What kind of values it draws.
    pub kind: Label,
    /// The parameters, from `$1`.
    pub parameters: Vec<Value>,
    pub mode: PlanMode,
}

/// The cases of a query whose parameters have these candidates, at most about `limit` before plan modes
/// are forced; and how many were left out. Every label keeps at least one case.
pub fn cases(candidates: &[Candidate], limit: usize) -> (Vec<Case>, usize) {
    let labels = labels(candidates);
    let combinations = combinations(candidates);
    let keep = (limit / labels.len().max(1)).clamp(1, combinations.len().max(1));
    let left_out = labels.len() * combinations.len().saturating_sub(keep);
    let mut cases = Vec::new();
    for &label in &labels {
        for combination in combinations.iter().take(keep) {
            let parameters: Vec<Value> = candidates
                .iter()
                .zip(combination)
                .map(|(candidate, listed)| match candidate {
                    Candidate::Listed(_) => listed.clone().flatten(),
                    Candidate::Drawn(drawn) => pick(drawn, label),
                })
                .collect();
            let text = describe(label, candidates, combination);
            let hardest = matches!(label, Label::Worst | Label::Given) && !parameters.is_empty();
            let modes: &[(PlanMode, &str)] = if hardest {
                &[
                    (PlanMode::Auto, ""),
                    (PlanMode::Generic, ", generic plan"),
                    (PlanMode::Custom, ", custom plan"),
                ]
            } else {
                &[(PlanMode::Auto, "")]
            };
            cases.extend(modes.iter().map(|&(mode, suffix)| Case {
                label: format!("{text}{suffix}"),
                kind: label,
                parameters: parameters.clone(),
                mode,
            }));
        }
    }
    (cases, left_out)
}

/// The labels that any column has, in the order of [`Label`].
fn labels(candidates: &[Candidate]) -> Vec<Label> {
    let mut labels: Vec<Label> = candidates
        .iter()
        .filter_map(|candidate| match candidate {
            Candidate::Drawn(drawn) => Some(drawn.iter().map(|(label, _)| *label)),
            Candidate::Listed(_) => None,
        })
        .flatten()
        .collect();
    labels.sort_unstable();
    labels.dedup();
    if labels.is_empty() {
        labels.push(Label::Given);
    }
    labels
}

/// Every combination of the listed values; `None` at the place of a drawn one. The last list varies fastest.
fn combinations(candidates: &[Candidate]) -> Vec<Vec<Option<Value>>> {
    let mut all = vec![Vec::new()];
    for candidate in candidates {
        let next: Vec<Option<Value>> = match candidate {
            Candidate::Drawn(_) => vec![None],
            Candidate::Listed(values) => values.iter().cloned().map(Some).collect(),
        };
        all = all
            .iter()
            .flat_map(|known| {
                next.iter().map(|value| {
                    let mut longer = known.clone();
                    longer.push(value.clone());
                    longer
                })
            })
            // A query file with many long lists must not fill the memory.
            .take(10_000)
            .collect();
    }
    all
}

/// The value for a label; a column without it gives the nearest more frequent one.
fn pick(drawn: &[(Label, Value)], label: Label) -> Value {
    let exact = drawn.iter().find(|(known, _)| *known == label);
    let commoner = || {
        drawn
            .iter()
            .rev()
            .find(|(known, _)| *known < label && *known != Label::Absent)
    };
    let chosen = match label {
        // Absent in one column suffices; the others give their commonest value.
        Label::Absent => exact.or_else(|| drawn.first()),
        _ => exact.or_else(commoner).or_else(|| drawn.first()),
    };
    chosen.and_then(|(_, value)| value.clone())
}

fn describe(label: Label, candidates: &[Candidate], combination: &[Option<Value>]) -> String {
    let mut text = label.to_string();
    for ((n, candidate), value) in (1..).zip(candidates).zip(combination) {
        if let (Candidate::Listed(values), Some(value)) = (candidate, value)
            && values.len() > 1
        {
            text.push_str(&format!(", ${n}={}", shortened(value.as_deref())));
        }
    }
    text
}

/// A long value, such as an array of a hundred, is shown by its beginning and its length.
fn shortened(value: Option<&str>) -> String {
    const LONGEST: usize = 32;
    let value = value.unwrap_or("NULL");
    let length = value.chars().count();
    if length <= LONGEST {
        return value.to_owned();
    }
    let start: String = value.chars().take(LONGEST - 12).collect();
    format!("{start}… ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(values: &[&str]) -> Candidate {
        Candidate::Listed(values.iter().map(|v| Some((*v).to_owned())).collect())
    }

    fn drawn(values: &[(Label, &str)]) -> Candidate {
        Candidate::Drawn(
            values
                .iter()
                .map(|(l, v)| (*l, Some((*v).to_owned())))
                .collect(),
        )
    }

    #[test]
    fn lists_multiply_with_the_drawn_values_and_the_worst_is_forced_into_both_plans() {
        let user = drawn(&[
            (Label::Worst, "1"),
            (Label::Rare, "77"),
            (Label::Absent, "-1"),
        ]);
        let (cases, left_out) = cases(&[user, listed(&["20"]), listed(&["0", "1000"])], 24);
        let shown: Vec<String> = cases
            .iter()
            .map(|c| {
                let values: Vec<&str> = c
                    .parameters
                    .iter()
                    .map(|p| p.as_deref().unwrap_or("NULL"))
                    .collect();
                format!("{}: {}", c.label, values.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "worst, $3=0: 1 20 0",
                "worst, $3=0, generic plan: 1 20 0",
                "worst, $3=0, custom plan: 1 20 0",
                "worst, $3=1000: 1 20 1000",
                "worst, $3=1000, generic plan: 1 20 1000",
                "worst, $3=1000, custom plan: 1 20 1000",
                "rare, $3=0: 77 20 0",
                "rare, $3=1000: 77 20 1000",
                "absent, $3=0: -1 20 0",
                "absent, $3=1000: -1 20 1000",
            ]
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn a_column_without_a_label_gives_its_nearest_more_frequent_value() {
        let a = drawn(&[
            (Label::Worst, "w"),
            (Label::Typical, "t"),
            (Label::Rare, "r"),
        ]);
        let b = drawn(&[(Label::Worst, "W"), (Label::Absent, "A")]);
        let (cases, _) = cases(&[a, b], 24);
        let of = |label: &str| {
            cases
                .iter()
                .find(|c| c.label == label)
                .map(|c| c.parameters.iter().flatten().cloned().collect::<String>())
        };
        assert_eq!(of("rare").as_deref(), Some("rW"));
        assert_eq!(of("absent").as_deref(), Some("wA"));
    }

    #[test]
    fn the_limit_leaves_combinations_out_but_never_a_label() {
        let many: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let user = drawn(&[(Label::Worst, "1"), (Label::Absent, "-1")]);
        let (cases, left_out) = cases(&[user, listed(&many), listed(&many)], 10);
        assert_eq!(left_out, 2 * (2_500 - 5));
        assert!(cases.iter().any(|c| c.kind == Label::Absent));
    }

    #[test]
    fn a_query_without_parameters_is_one_case() {
        let (cases, _) = cases(&[], 24);
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].label, "given");
    }
}
