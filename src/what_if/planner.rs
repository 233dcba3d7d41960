//! Asks the server what queries would cost with a set of indexes that are not there.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use tokio_postgres::SimpleQueryMessage;

use super::{clock::Clock, examine::ExaminedQuery};
use crate::{
    Error, Result,
    advise::{Caution, Cost, IndexSpec, PlanCost, Subset, TableFacts, plan_cost},
    catalog::{QualifiedName, quote_identifier, quote_literal},
    db::{Session, is_connection_loss},
    explain::{QueryPlan, fingerprint},
    measure::execute,
    workload::{Case, Label, Value as Parameter},
};

/// Questions sent at once, at most, and how long an answer to them all should take: only between them is the clock
/// looked at.
const BATCH: usize = 16;
const BATCH_TIME: Duration = Duration::from_millis(400);
/// Of all their answers together, about: each repeats the constants of its statement.
const BATCH_BYTES: usize = 4_000_000;

/// How indexes that are not there come before the planner.
#[derive(Debug, Clone)]
pub(super) enum WhatIf {
    /// The extension hypopg, in this schema.
    Hypothetical(String),
    /// All candidates are built; those that are not in the set are dropped, and the drop rolled back. The names
    /// of each candidate's indexes, those of its partitions included.
    Built(BTreeMap<usize, Vec<QualifiedName>>),
}

#[derive(Debug, Clone)]
pub(super) struct PlannerQuestion<'a> {
    pub(super) examined: &'a ExaminedQuery,
    pub(super) set: Subset,
}

/// Its answer: a cost for each point, and the members of the set that the plans use.
#[derive(Debug, Clone)]
pub(super) struct PlannerAnswer {
    /// The fingerprint of each plan: of each case, and of the generic one.
    pub(super) shapes: Vec<String>,
    pub(super) costs: Vec<Cost>,
    pub(super) used: Subset,
    /// The names of the indexes in the plans that are not candidates.
    pub(super) present: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Planner<'s> {
    session: &'s Session,
    what_if: WhatIf,
    pub(super) candidates: &'s [IndexSpec],
    pub(super) tables: &'s BTreeMap<QualifiedName, TableFacts>,
    batch: Cell<usize>,
}

impl<'s> Planner<'s> {
    pub(super) fn new(
        session: &'s Session,
        what_if: WhatIf,
        candidates: &'s [IndexSpec],
        tables: &'s BTreeMap<QualifiedName, TableFacts>,
    ) -> Self {
        Self {
            session,
            what_if,
            candidates,
            tables,
            batch: Cell::new(BATCH / 4),
        }
    }

    /// Answers in the order of the questions, `None` for those that there was no time for. One that cannot be answered
    /// costs infinitely much.
    pub(super) async fn ask(
        &self,
        asks: &[PlannerQuestion<'_>],
        clock: &Clock,
    ) -> Result<Vec<Option<PlannerAnswer>>> {
        let mut answers = Vec::with_capacity(asks.len());
        while answers.len() < asks.len() {
            let rest = &asks[answers.len()..];
            if clock.stopped().is_some() {
                answers.extend(rest.iter().map(|_| None));
                break;
            }
            let batch = &rest[..self.fitting(rest)];
            let begun = Instant::now();
            match self.ask_at_once(batch).await {
                Ok(found) if found.len() == batch.len() => {
                    answers.extend(found.into_iter().map(Some));
                    self.adapt(begun.elapsed());
                }
                Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
                    return Err(Error::Server { source, doing });
                }
                // Stopped by the clock in the middle of it.
                _ if clock.stopped().is_some() => {}
                _ if batch.len() == 1 => answers.push(Some(unanswered(batch[0].examined))),
                // One of them is to blame.
                _ => self.batch.set(1),
            }
        }
        Ok(answers)
    }

    /// Leaves no index behind that is not there: ANALYZE would look for its file.
    pub(super) async fn forget(&self) -> Result<()> {
        let WhatIf::Hypothetical(schema) = &self.what_if else {
            return Ok(());
        };
        let sql = format!("SELECT FROM {}.hypopg_reset()", quote_identifier(schema));
        self.session
            .batch_execute(&sql)
            .await
            .map_err(Error::server("removing the hypothetical indexes"))
    }

    /// How many of the questions are sent at once.
    fn fitting(&self, asks: &[PlannerQuestion<'_>]) -> usize {
        let mut bytes = 0;
        let fits = asks.iter().take(self.batch.get()).take_while(|ask| {
            bytes += ask.examined.answer_bytes();
            bytes <= BATCH_BYTES
        });
        fits.count().max(1).min(asks.len())
    }

    fn adapt(&self, took: Duration) {
        let size = self.batch.get();
        if took > BATCH_TIME {
            self.batch.set((size / 2).max(1));
        } else if took < BATCH_TIME / 3 {
            self.batch.set((size * 2).min(BATCH));
        }
    }

    /// The candidates that the planner can be asked about, and of the others that could not be built either way, why:
    /// an expression may not be immutable.
    pub(super) async fn check(&self) -> Result<(Subset, BTreeMap<usize, String>)> {
        let mut refused = BTreeMap::new();
        let schema = match &self.what_if {
            WhatIf::Built(names) => return Ok((names.keys().copied().collect(), refused)),
            WhatIf::Hypothetical(schema) => quote_identifier(schema),
        };
        let mut taken = Subset::new();
        for id in 0..self.candidates.len() {
            let plannable = self
                .candidates
                .get(id)
                .is_some_and(|spec| spec.method.is_plannable());
            let Some(statement) = self.hypothetical(id).into_iter().next() else {
                continue;
            };
            if !plannable {
                continue;
            }
            let sql = format!(
                "SELECT FROM {schema}.hypopg_create_index({})",
                quote_literal(&statement)
            );
            match self.session.batch_execute(&sql).await {
                Ok(()) => {
                    taken.insert(id);
                }
                Err(error) if is_connection_loss(&error) => {
                    return Err(Error::server("trying an index out")(error));
                }
                Err(error) => {
                    refused.insert(id, crate::db::describe_error(&error));
                }
            }
        }
        Ok((taken, refused))
    }

    async fn ask_at_once(&self, asks: &[PlannerQuestion<'_>]) -> Result<Vec<PlannerAnswer>> {
        let mut script = String::from(
            "BEGIN; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '2s'; SET LOCAL jit = off;\n",
        );
        let mut before: Option<&Subset> = None;
        for ask in asks {
            match before {
                Some(set) if *set == ask.set && matches!(self.what_if, WhatIf::Hypothetical(_)) => {
                    script.push_str("SELECT 'set', 'same';\n");
                }
                _ => script.push_str(&self.install(&ask.set)),
            }
            before = Some(&ask.set);
            script.push_str("DISCARD PLANS;\n");
            script.push_str(&explain_all(ask.examined));
            if matches!(self.what_if, WhatIf::Built(_)) {
                script.push_str("ROLLBACK TO SAVEPOINT dbaudit_set;\n");
            }
        }
        script.push_str("ROLLBACK");
        let answer = self.session.simple_query(&script).await;
        if answer.is_err() && !self.session.is_closed() {
            // The failed statement left the transaction open; if this fails too, the connection is gone.
            let _ = self.session.batch_execute("ROLLBACK").await;
        }
        let messages = answer.map_err(Error::server(
            "asking the planner for the costs of the queries",
        ))?;
        Ok(self.understand(asks, &messages))
    }

    fn understand(
        &self,
        asks: &[PlannerQuestion<'_>],
        messages: &[SimpleQueryMessage],
    ) -> Vec<PlannerAnswer> {
        let mut rows = Vec::new();
        for message in messages {
            let SimpleQueryMessage::Row(row) = message else {
                continue;
            };
            match (row.len(), row.get(0)) {
                (2, _) if row.get(1) == Some("same") => {
                    let names = rows
                        .last()
                        .map_or_else(BTreeMap::new, |(names, _)| Clone::clone(names));
                    rows.push((names, Vec::new()));
                }
                (2, _) => rows.push((BTreeMap::new(), Vec::new())),
                (3, _) => {
                    if let (Some((names, _)), Some(id), Some(name)) = (
                        rows.last_mut(),
                        row.get(1).and_then(|id| id.parse().ok()),
                        row.get(2),
                    ) {
                        let names: &mut BTreeMap<String, usize> = names;
                        names.insert(name.to_owned(), id);
                    }
                }
                (_, Some(text)) => {
                    let plan = serde_json::from_str(text).ok();
                    if let (Some((_, plans)), Some(plan)) =
                        (rows.last_mut(), plan.as_ref().and_then(QueryPlan::parse))
                    {
                        plans.push(plan);
                    }
                }
                _ => {}
            }
        }
        let scales = self.expression_scales();
        asks.iter()
            .zip(rows)
            .map(|(ask, (mut names, plans))| {
                if let WhatIf::Built(built) = &self.what_if {
                    for (id, of) in built {
                        names.extend(of.iter().map(|name| (name.name.clone(), *id)));
                    }
                }
                conclude(ask.examined, plans, &names, &scales)
            })
            .collect()
    }

    /// Of an expression nobody has statistics until its index is built and analysed: the planner then takes one row
    /// in two hundred for equal to any value. Its column's statistics know better.
    fn expression_scales(&self) -> BTreeMap<usize, f64> {
        let mut scales = BTreeMap::new();
        if matches!(self.what_if, WhatIf::Built(_)) {
            return scales;
        }
        for (id, spec) in self.candidates.iter().enumerate() {
            let Some(key) = spec.keys.first().filter(|key| key.expression) else {
                continue;
            };
            let facts = self.tables.get(&spec.table);
            let columns = key
                .columns
                .iter()
                .filter_map(|name| facts?.columns.get(name)?.distinct);
            let distinct = columns.fold(0.0, f64::max);
            if distinct > 200.0 {
                scales.insert(id, (200.0 / distinct).max(0.005));
            }
        }
        scales
    }

    fn install(&self, set: &Subset) -> String {
        match &self.what_if {
            WhatIf::Hypothetical(schema) => {
                let schema = quote_identifier(schema);
                let mut script = format!("SELECT 'set', 'set' FROM {schema}.hypopg_reset();\n");
                for id in set {
                    for statement in self.hypothetical(*id) {
                        script.push_str(&format!(
                            "SELECT 'index', {id}, indexname FROM {schema}.hypopg_create_index({});\n",
                            quote_literal(&statement)
                        ));
                    }
                }
                script
            }
            WhatIf::Built(names) => {
                let mut script =
                    String::from("SAVEPOINT dbaudit_set; SELECT /* dbaudit */ 'set', 'set';\n");
                for (id, names) in names {
                    if let Some(name) = names.first().filter(|_| !set.contains(id)) {
                        script.push_str(&format!("DROP INDEX {};\n", name.quoted()));
                    }
                }
                script
            }
        }
    }

    /// The statements that stand for a candidate: one for its table, or one for each of its partitions.
    pub(super) fn hypothetical(&self, id: usize) -> Vec<String> {
        let Some(spec) = self.candidates.get(id) else {
            return Vec::new();
        };
        let leaves = self
            .tables
            .get(&spec.table)
            .map(|facts| facts.leaves.as_slice());
        match leaves {
            Some([_, ..]) => leaves
                .into_iter()
                .flatten()
                .map(|leaf| spec.plain_statement(None, leaf))
                .collect(),
            _ => vec![spec.plain_statement(None, &spec.table)],
        }
    }
}

/// `EXPLAIN`s of all points of a query: each case's custom plan, then the generic plan.
fn explain_all(examined: &ExaminedQuery) -> String {
    let mut script = String::new();
    if !examined.generic_only {
        script.push_str("SET LOCAL plan_cache_mode = force_custom_plan;\n");
        for case in &examined.cases {
            script.push_str(&explain(&examined.prepared, &case.parameters));
        }
    }
    if examined.has_generic() {
        script.push_str("SET LOCAL plan_cache_mode = force_generic_plan;\n");
        if let Some(case) = examined.cases.first() {
            script.push_str(&explain(&examined.prepared, &case.parameters));
        }
    }
    script
}

pub(super) fn explain(prepared: &str, parameters: &[Parameter]) -> String {
    format!("EXPLAIN (FORMAT JSON) {};\n", execute(prepared, parameters))
}

pub(super) fn explain_analyzed(prepared: &str, parameters: &[Parameter]) -> String {
    format!(
        "EXPLAIN (ANALYZE, VERBOSE, TIMING OFF, FORMAT JSON) {};\n",
        execute(prepared, parameters)
    )
}

/// From the plans as they came to one cost for each point: the generic plan's is that of every case.
fn conclude(
    examined: &ExaminedQuery,
    plans: Vec<QueryPlan>,
    names: &BTreeMap<String, usize>,
    scales: &BTreeMap<usize, f64>,
) -> PlannerAnswer {
    let customs = if examined.generic_only {
        0
    } else {
        examined.cases.len()
    };
    let wanted = customs + usize::from(examined.has_generic());
    if plans.len() != wanted {
        return unanswered(examined);
    }
    let caution = |case: &Case, generic: bool| match (generic, case.kind) {
        #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
        (true, _) => Caution::Generic {
            wanted: examined
                .clauses
                .rows_wanted(&case.parameters)
                .map(|rows| rows as f64),
        },
        // The planner does not know that it is not there.
        (false, Label::Absent) => Caution::Absent,
        (false, _) => Caution::None,
    };
    let shapes: Vec<String> = plans.iter().map(|plan| fingerprint(&plan.root)).collect();
    let cases = examined.cases.iter();
    let custom = cases.clone().zip(&plans).take(customs);
    let mut costs: Vec<PlanCost> = custom
        .map(|(case, plan)| plan_cost(plan, caution(case, false)))
        .collect();
    let mut twins = vec![None; customs];
    if let Some(generic) = plans.last().filter(|_| examined.has_generic()) {
        costs.extend(cases.map(|case| plan_cost(generic, caution(case, true))));
        twins.extend((0..examined.cases.len()).map(|at| {
            let custom = shapes.get(at).filter(|_| at < customs);
            custom
                .filter(|custom| shapes.last() == Some(custom))
                .map(|_| at)
        }));
    }
    let mut used = Subset::new();
    let mut present = BTreeSet::new();
    let mut each = Vec::with_capacity(costs.len());
    for (cost, twin) in costs.into_iter().zip(twins) {
        let mut scale = 1.0_f64;
        for name in &cost.indexes {
            match names.get(name) {
                Some(id) => {
                    used.insert(*id);
                    scale = scale.min(scales.get(id).copied().unwrap_or(1.0));
                }
                None => {
                    present.insert(name.clone());
                }
            }
        }
        each.push(Cost {
            units: cost.cost * scale,
            twin,
            hopeful: cost.hopeful,
        });
    }
    PlannerAnswer {
        shapes,
        costs: each,
        used,
        present,
    }
}

fn unanswered(examined: &ExaminedQuery) -> PlannerAnswer {
    let points = examined.points();
    PlannerAnswer {
        shapes: Vec::new(),
        costs: vec![Cost::of(f64::INFINITY); points],
        used: Subset::new(),
        present: BTreeSet::new(),
    }
}
