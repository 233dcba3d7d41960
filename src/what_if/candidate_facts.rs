//! What is known of the candidates before the search, and the queries as the search sees them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    WhatIfConfig,
    by_rule::{is_by_rule, refusal},
    examine::ExaminedQuery,
    hypopg::shares,
    planner::{Planner, WhatIf},
};
use crate::{
    Result,
    advise::{
        IndexSpec, SetLimits, Space, Subject, Subset, TableFacts, Writes, candidates, index_bytes,
        leave_out_what_never_pays,
    },
    catalog::QualifiedName,
    db::Session,
};

/// The candidates of the queries that are over their budget, as far as is known, behind those that there are.
pub(super) fn add_candidates(
    examined: &[ExaminedQuery],
    by_name: &BTreeMap<QualifiedName, &TableFacts>,
    trigrams: bool,
    all: &mut Vec<IndexSpec>,
) {
    for one in examined.iter().filter(|one| one.is_over()) {
        for spec in candidates(&one.needs, by_name, trigrams) {
            if !all.contains(&spec) {
                all.push(spec);
            }
        }
    }
}

pub(super) fn own_candidates(
    examined: &[ExaminedQuery],
    by_name: &BTreeMap<QualifiedName, &TableFacts>,
    trigrams: bool,
    all: &[IndexSpec],
) -> Subset {
    let over = examined.iter().filter(|one| one.is_over());
    let specs = over.flat_map(|one| candidates(&one.needs, by_name, trigrams));
    specs
        .filter_map(|spec| all.iter().position(|known| *known == spec))
        .collect()
}

/// What is known of the candidates before the search.
pub(super) struct CandidateFacts {
    /// The planner can be asked about these.
    pub(super) plannable: Subset,
    /// These it cannot, but the server would build them.
    pub(super) by_rule: Subset,
    /// Why the server would not build the others.
    refused: BTreeMap<usize, String>,
    pub(super) bytes: Vec<u64>,
}

/// From here on it matters whether an index can answer alone.
const MANY_PAGES: f64 = 1_000.0;
/// A value that is not rarer needs no index of its own.
const RARE: f64 = 0.05;

impl CandidateFacts {
    pub(super) async fn prepare(
        session: &Session,
        what_if: WhatIf,
        all: &[IndexSpec],
        tables: &BTreeMap<QualifiedName, TableFacts>,
    ) -> Result<Self> {
        let (mut plannable, mut refused) =
            Planner::new(session, what_if, all, tables).check().await?;
        let mut by_rule = Subset::new();
        for (id, spec) in all.iter().enumerate() {
            if is_by_rule(all, id) && !plannable.contains(&id) {
                match refusal(session, spec).await? {
                    None => drop(by_rule.insert(id)),
                    Some(why) => drop(refused.insert(id, why)),
                }
            }
        }
        let shares = shares(session, all, tables).await?;
        let mut bytes = Vec::with_capacity(all.len());
        for (id, (spec, share)) in all.iter().zip(&shares).enumerate() {
            let facts = tables.get(&spec.table);
            bytes.push(facts.map_or(0, |facts| index_bytes(spec, facts, *share)));
            // A constant in quotes is one kind of several; a flag is one of two.
            let is_of_kind = spec
                .predicate
                .as_ref()
                .is_some_and(|text| text.contains('\''));
            if is_of_kind && *share > RARE {
                plannable.remove(&id);
            }
        }
        Ok(Self {
            plannable,
            by_rule,
            refused,
            bytes,
        })
    }

    pub(super) fn space<'a>(
        &'a self,
        subjects: &'a [Subject],
        candidates: &'a [IndexSpec],
        writes: &'a Writes,
        settings: &WhatIfConfig,
    ) -> Space<'a> {
        Space {
            subjects,
            candidates,
            writes,
            bytes: &self.bytes,
            limits: SetLimits {
                indexes: settings.max_indexes,
                bytes: settings.max_size,
            },
        }
    }

    pub(super) fn notes(
        &self,
        all: &[IndexSpec],
        wanted: &Subset,
        tables: &BTreeMap<QualifiedName, TableFacts>,
    ) -> Vec<String> {
        let tables_wanted: BTreeSet<&QualifiedName> = wanted
            .iter()
            .filter_map(|id| Some(&all.get(*id)?.table))
            .collect();
        let unvacuumed = tables_wanted.into_iter().filter_map(|name| {
            let facts = tables.get(name)?;
            (facts.pages >= MANY_PAGES && facts.all_visible < facts.pages / 2.0).then(|| {
                format!(
                    "{name}: only {:.0} of {:.0} pages are all-visible, so the planner expects little of an index that holds \
                     all columns of a query. Run VACUUM on it and ask again",
                    facts.all_visible, facts.pages
                )
            })
        });
        let refused = self.refused.iter().filter(|(id, _)| wanted.contains(id));
        refused
            .filter_map(|(id, why)| {
                Some(format!("{} cannot be built: {why}", all.get(*id)?.shown()))
            })
            .chain(unvacuumed)
            .collect()
    }
}

/// The queries as the search sees them.
pub(super) fn subjects(
    examined: &[ExaminedQuery],
    all: &[IndexSpec],
    plannable: &Subset,
    wanted: &Subset,
    writes: &Writes,
) -> Vec<Subject> {
    let usable: Subset = plannable.intersection(wanted).copied().collect();
    let mut subjects: Vec<Subject> = examined
        .iter()
        .map(|one| Subject {
            model: one.model.clone(),
            calls: one.calls,
            relevant: if one.error.is_none() {
                relevant(one, all, &usable)
            } else {
                Vec::new()
            },
            together: one.uses_a_table_twice(),
        })
        .collect();
    leave_out_what_never_pays(&mut subjects, all, writes);
    subjects
}

/// Candidates of a query besides its own at most.
const MOST_OF_OTHERS: usize = 24;

/// The candidates that could serve a query: on its tables, and leading with something that it asks for.
fn relevant(examined: &ExaminedQuery, all: &[IndexSpec], usable: &Subset) -> Vec<usize> {
    let leads = |spec: &IndexSpec| {
        examined
            .needs
            .iter()
            .filter(|need| need.table.as_ref() == Some(&spec.table))
            .any(|need| {
                let lists = [
                    &need.equal,
                    &need.listed,
                    &need.joined,
                    &need.range,
                    &need.prefix,
                    &need.order,
                    &need.grouped,
                ];
                let arms = need.arms.iter().flatten();
                let mut keys = lists.into_iter().flatten().chain(arms);
                spec.keys
                    .first()
                    .is_some_and(|first| keys.any(|key| key.sql == first.sql))
            })
    };
    let ids = (0..all.len()).filter(|id| usable.contains(id));
    let mut serving: Vec<usize> = ids.filter(|id| all.get(*id).is_some_and(leads)).collect();
    serving.truncate(18 * examined.needs.len().max(1) + MOST_OF_OTHERS);
    serving
}
