//! From the best set to what is recommended, and why.

use std::collections::BTreeMap;

use super::{
    by_rule::{rows_share, serves_by_rule},
    clock::{Clock, Stop},
    examine::ExaminedQuery,
    search::{SearchInput, SearchResult},
};
use crate::{
    advise::{
        Effect, IndexSpec, Point, Redundant, Subset, TableFacts, Time, WriteEffect, alternatives,
        counted_entries, redundant,
    },
    catalog::QualifiedName,
    db::Session,
    human::human_ms,
    report::{
        AdviseResult,
        advise::{Basis, Query, Recommended, Search, Unmet, WriteCost, WritingStatement},
        timing::{Server, Verdict},
    },
};

/// Queries named in an index's reason.
const MOST_NAMED: usize = 5;

pub(super) struct Answer<'a> {
    pub(super) input: &'a SearchInput<'a>,
    pub(super) tables: &'a BTreeMap<QualifiedName, TableFacts>,
    pub(super) clock: &'a Clock,
    pub(super) found: &'a SearchResult,
    pub(super) by_rule: &'a Subset,
    /// How many candidates there were for the queries that are over their budget.
    pub(super) wanted: usize,
    pub(super) notes: Vec<String>,
}

impl Answer<'_> {
    pub(super) fn result(&mut self, session: &Session) -> AdviseResult {
        let set = self.found.sets.first().cloned().unwrap_or_default();
        let none = Effect {
            set: Subset::new(),
            replies: Vec::new(),
        };
        let effect = self.found.effects.first().unwrap_or(&none);
        let names = names(self.input.planner.candidates, self.tables, &set);
        let queries = self.queries(&set, effect, &names);
        let recommended = self.recommended(&set, effect, &names);
        let unmet = self.unmet(&queries);
        let redundant = self.redundant(&set, effect, &names);
        for spec in set
            .iter()
            .filter_map(|id| self.input.planner.candidates.get(*id))
        {
            let foreign = self
                .tables
                .get(&spec.table)
                .is_some_and(|facts| !facts.owned);
            let note = format!(
                "this role does not own {}: its owner must build the index",
                spec.table
            );
            if foreign && !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        AdviseResult {
            schema_version: 1,
            command: "advise",
            verdict: verdict(&queries, &unmet),
            basis: Basis::Prediction,
            server: Server {
                version: session.version.text.clone(),
                version_num: session.version.number,
            },
            recommended,
            queries,
            redundant,
            unmet,
            proven: Vec::new(),
            statistics: Vec::new(),
            search: Search {
                candidates: self.wanted,
                asked: self.found.asked,
                complete: self.found.complete,
                interrupted: self.clock.stopped() == Some(Stop::Interrupted),
                duration_ms: self.clock.begun.elapsed().as_secs_f64() * 1000.0,
            },
            written: Vec::new(),
            notes: std::mem::take(&mut self.notes),
        }
    }

    fn queries(
        &self,
        set: &Subset,
        effect: &Effect,
        names: &BTreeMap<usize, String>,
    ) -> Vec<Query> {
        let mut queries = Vec::new();
        for (at, examined) in self.input.examined.iter().enumerate() {
            if examined.error.is_some() {
                continue;
            }
            let before = examined.model.predict(&examined.model.costs_now());
            let costs = effect.costs(at);
            let mut after = examined.model.predict(costs);
            let by_rule = set.intersection(self.by_rule).filter(|id| {
                let spec = self.input.planner.candidates.get(**id);
                examined.model.excess(costs) > 0.0
                    && spec.is_some_and(|spec| serves_by_rule(examined, spec))
            });
            let by_rule: Vec<usize> = by_rule.copied().collect();
            if !by_rule.is_empty() {
                let share = rows_share(examined, self.tables);
                after = before.iter().map(|ms| ms * share).collect();
            }
            let worst_after = largest(&after);
            let budget_ms = examined.model.budget_ms;
            let worst_at = before
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map_or(0, |(at, _)| at);
            let used = effect
                .replies
                .get(at)
                .map_or_else(Subset::new, |reply| reply.used.clone());
            queries.push(Query {
                name: examined.query.name.clone(),
                sql: examined.query.sql.clone(),
                budget_ms,
                before_ms: median(&before),
                after_ms: median(&after),
                worst_before_ms: largest(&before),
                worst_after_ms: worst_after,
                worst_case: examined
                    .model
                    .points
                    .get(worst_at)
                    .map_or(String::new(), |point| point.label.clone()),
                predicted_worst_after_ms: None,
                worst_before_is_least: examined.model.points.iter().any(is_stopped),
                after_is_guess: !examined.model.is_measured(),
                verdict: match (worst_after <= budget_ms, by_rule.is_empty()) {
                    (true, true) if examined.model.is_measured() => Verdict::Within,
                    (false, true) => Verdict::Over,
                    // Nobody was asked what it does, or nobody knows what it takes now.
                    _ => Verdict::Inconclusive,
                },
                indexes: used
                    .iter()
                    .chain(&by_rule)
                    .filter_map(|id| names.get(id).cloned())
                    .collect(),
                notes: notes_of(examined),
            });
        }
        queries
    }

    /// Those first without which the queries take longest.
    fn recommended(
        &self,
        set: &Subset,
        effect: &Effect,
        names: &BTreeMap<usize, String>,
    ) -> Vec<Recommended> {
        let mut recommended = Vec::new();
        let place = |id: &usize| {
            self.found
                .weight(*id)
                .map_or(usize::MAX, |(place, _)| place)
        };
        let mut order: Vec<usize> = set.iter().copied().collect();
        order.sort_by_key(|id| (place(id), *id));
        for id in &order {
            let (Some(spec), Some(name)) = (self.input.planner.candidates.get(*id), names.get(id))
            else {
                continue;
            };
            let by_rule = self.by_rule.contains(id);
            let serves: Vec<usize> = self
                .input
                .examined
                .iter()
                .enumerate()
                .filter(|(at, examined)| {
                    let reply = effect.replies.get(*at);
                    let used = reply.is_some_and(|reply| reply.used.contains(id));
                    used || (by_rule && examined.is_over() && serves_by_rule(examined, spec))
                })
                .map(|(at, _)| at)
                .collect();
            let reason = if by_rule {
                format!(
                    "its condition or order is one that {} can serve and a B-tree cannot",
                    spec.method.as_str()
                )
            } else {
                self.reason(*id, set, &serves, effect)
            };
            let size_bytes = self.input.bytes.get(*id).copied().unwrap_or(0);
            recommended.push(Recommended {
                statement: spec.statement(name),
                name: name.clone(),
                table: spec.table.clone(),
                method: spec.method.as_str(),
                columns: spec.columns(),
                size_bytes,
                predicted_size_bytes: size_bytes,
                reason,
                serves: serves
                    .iter()
                    .filter_map(|at| Some(self.input.examined.get(*at)?.query.name.clone()))
                    .collect(),
                without_it: self
                    .found
                    .weight(*id)
                    .and_then(|(_, weight)| weight.without),
                up_to_it: self.found.weight(*id).and_then(|(_, weight)| weight.up_to),
                build_ms: None,
                write_tax: None,
                writes: write_cost(self.input, spec, set),
            });
        }
        recommended
    }

    /// For which queries, what the index does without the others, and what they all do without it.
    fn reason(&self, id: usize, set: &Subset, serves: &[usize], effect: &Effect) -> String {
        let mut parts = Vec::new();
        for at in serves.iter().take(MOST_NAMED) {
            let Some(examined) = self.input.examined.get(*at) else {
                continue;
            };
            let name = &examined.query.name;
            let partners: Vec<String> = effect
                .replies
                .get(*at)
                .into_iter()
                .flat_map(|reply| &reply.used)
                .filter(|other| **other != id)
                .filter_map(|other| Some(self.input.planner.candidates.get(*other)?.shown()))
                .collect();
            let alone = self.found.alone.get(&(*at, id));
            let Some(alone) = alone.filter(|_| !partners.is_empty() && set.len() > 1) else {
                parts.push(format!("serves {name}"));
                continue;
            };
            let now = examined.model.worst_now();
            parts.push(if *alone > now / 2.0 {
                format!(
                    "serves {name}, but hardly helps without {}",
                    partners.join(" and ")
                )
            } else if *alone > examined.model.budget_ms {
                format!(
                    "serves {name}; without {}, only down to {}",
                    partners.join(" and "),
                    human_ms(*alone)
                )
            } else {
                format!("serves {name}, even alone")
            });
        }
        if serves.len() > MOST_NAMED {
            parts.push(format!("and {} more", serves.len() - MOST_NAMED));
        }
        let weight = self.found.weight(id).filter(|_| set.len() > 1);
        if let Some(factor) = weight.and_then(|(_, weight)| weight.without) {
            parts.push(if factor >= 1.1 {
                format!("without it, all queries together take {factor:.1} times as long")
            } else {
                format!(
                    "without it, all queries together take {:.1} % longer",
                    (factor - 1.0) * 100.0
                )
            });
        }
        parts.join("; ")
    }

    fn unmet(&self, queries: &[Query]) -> Vec<Unmet> {
        let mut unmet = Vec::new();
        for examined in self.input.examined {
            let name = examined.query.name.clone();
            if let Some((error, hint)) = &examined.error {
                unmet.push(Unmet {
                    query: name,
                    instead: hint
                        .clone()
                        .unwrap_or_else(|| "see the server's message".into()),
                    helped_by: Vec::new(),
                    error: Some(error.clone()),
                    in_passing: examined.query.file.as_os_str() == "pg_stat_statements",
                });
            } else if let Some(query) = queries
                .iter()
                .find(|query| query.name == name && query.verdict == Verdict::Over)
            {
                unmet.push(unmet_of(examined, query));
            }
        }
        unmet
    }

    fn redundant(
        &self,
        set: &Subset,
        effect: &Effect,
        names: &BTreeMap<usize, String>,
    ) -> Vec<Redundant> {
        let built: Vec<(String, IndexSpec)> = set
            .iter()
            .filter_map(|id| {
                Some((
                    names.get(id)?.clone(),
                    self.input.planner.candidates.get(*id)?.clone(),
                ))
            })
            .collect();
        let present = effect.present();
        let mut found: Vec<Redundant> = Vec::new();
        for facts in self.tables.values() {
            for one in redundant(facts, &built, &|name| present.contains(name)) {
                if !found.iter().any(|known| known.index == one.index) {
                    found.push(one);
                }
            }
        }
        found
    }
}

/// What an index adds to what is written, beside the others of the set.
pub(super) fn write_cost(input: &SearchInput<'_>, index: &IndexSpec, set: &Subset) -> WriteCost {
    let facts = input.planner.tables.get(&index.table);
    let counted = facts.map(|facts| facts.written).unwrap_or_default();
    let candidates = input.planner.candidates;
    let others: Vec<&IndexSpec> = set.iter().filter_map(|id| candidates.get(*id)).collect();
    let statement = |effect: WriteEffect| {
        Some(WritingStatement {
            query: input.examined.get(effect.query)?.query.name.clone(),
            entries: effect.entries,
            loses_hot: effect.loses_hot,
            ms: effect.ms,
        })
    };
    let effects = input.writes.effects(index, &others);
    let (entries, ms) = counted_entries(index, counted);
    WriteCost {
        inserted: counted.inserted,
        updated: counted.updated,
        hot_updated: counted.hot,
        deleted: counted.deleted,
        entries,
        ms,
        statements: effects.into_iter().filter_map(statement).collect(),
    }
}

fn is_stopped(point: &Point) -> bool {
    matches!(point.time, Time::MoreThan(_))
}

fn notes_of(examined: &ExaminedQuery) -> Vec<String> {
    let mut notes = examined.notes.clone();
    let stopped: Vec<f64> = examined
        .model
        .points
        .iter()
        .filter(|point| is_stopped(point))
        .filter_map(|point| point.time.ms())
        .collect();
    if !stopped.is_empty() {
        notes.push(format!(
            "it was stopped after {}: the times after are guesses based on costs and do not show whether it \
             meets its budget; `--prove` measures them",
            human_ms(largest(&stopped))
        ));
    }
    notes
}

/// A query that stays over its budget: what makes it faster all the same, and what would do besides.
pub(super) fn unmet_of(examined: &ExaminedQuery, query: &Query) -> Unmet {
    let helps = query.worst_after_ms < query.worst_before_ms / 1.5;
    Unmet {
        query: query.name.clone(),
        instead: advice(examined),
        helped_by: if helps {
            query.indexes.clone()
        } else {
            Vec::new()
        },
        error: None,
        in_passing: false,
    }
}

/// What would help instead of an index.
fn advice(examined: &ExaminedQuery) -> String {
    let plan = examined.bare_plan.as_ref();
    let rows = plan.map_or(0.0, |plan| plan.root.estimated_rows);
    let summed = plan.map_or(0.0, |plan| {
        let sums = plan.root.walk().filter(|node| node.kind == "Aggregate");
        let read = sums.flat_map(|node| &node.children);
        read.map(|child| child.estimated_rows).fold(0.0, f64::max)
    });
    let deepest = examined.cases.iter().max_by_key(|case| {
        case.parameters
            .iter()
            .flatten()
            .filter_map(|value| value.parse::<u64>().ok())
            .max()
    });
    let parameters = deepest
        .map(|case| case.parameters.clone())
        .unwrap_or_default();
    alternatives(
        &examined.clauses,
        &parameters,
        rows,
        summed > examined.model.budget_ms * ROWS_PER_MS,
    )
}

/// On all queries; one that could not be judged makes an error, unless another is over.
pub(super) fn verdict(queries: &[Query], unmet: &[Unmet]) -> Verdict {
    let errors = unmet
        .iter()
        .filter(|unmet| unmet.error.is_some() && !unmet.in_passing)
        .map(|_| Verdict::Error);
    Verdict::of_all(queries.iter().map(|query| query.verdict).chain(errors))
}

/// The names that the set's indexes get.
pub(super) fn names(
    candidates: &[IndexSpec],
    tables: &BTreeMap<QualifiedName, TableFacts>,
    set: &Subset,
) -> BTreeMap<usize, String> {
    let mut taken: Vec<String> = tables
        .values()
        .flat_map(|facts| facts.indexes.iter().map(|index| index.name.clone()))
        .collect();
    let mut names = BTreeMap::new();
    for id in set {
        if let Some(spec) = candidates.get(*id) {
            let name = spec.name(&taken);
            taken.push(name.clone());
            names.insert(*id, name);
        }
    }
    names
}

/// Rows that can be summed up in a millisecond, at the very most.
const ROWS_PER_MS: f64 = 10_000.0;

pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
