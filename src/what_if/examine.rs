//! Looks at one query: its parameters, its plan without indexes, what it takes now.

use std::collections::{BTreeMap, BTreeSet};

use super::WhatIfConfig;
use crate::{
    Error, Result,
    advise::{Clauses, Need, QueryModel, TableFacts, needs},
    catalog::QualifiedName,
    db::{Session, is_connection_loss},
    explain::QueryPlan,
    measure::{ParameterNotes, bare_plan as plan_without_indexes, parameter_values},
    workload::{Candidate, Case, Label, PlanMode, QueryFile, cases},
};

/// A query, as far as it was understood.
#[derive(Debug, Clone)]
pub(super) struct ExaminedQuery {
    pub(super) query: QueryFile,
    /// The name that the server knows it by, as SQL.
    pub(super) prepared: String,
    /// Its parameters; never empty.
    pub(super) cases: Vec<Case>,
    /// Its parameters are not known: only the generic plan can be asked for.
    pub(super) generic_only: bool,
    /// What it takes on average, where it was not run for this.
    pub(super) known_ms: Option<f64>,
    /// Its share in the total.
    pub(super) weight: f64,
    /// How often it is called, where that is known; else once, as all are.
    pub(super) calls: f64,
    pub(super) clauses: Clauses,
    /// The plan without indexes.
    pub(super) bare_plan: Option<QueryPlan>,
    pub(super) needs: Vec<Need>,
    pub(super) model: QueryModel,
    /// The shapes of its plans as things are: of each case, and of the generic plan.
    pub(super) prints: Vec<String>,
    pub(super) notes: Vec<String>,
    /// What kept it from being understood, and a way out.
    pub(super) error: Option<(String, Option<String>)>,
}

impl ExaminedQuery {
    pub(super) fn has_generic(&self) -> bool {
        self.generic_only || self.cases.iter().any(|case| !case.parameters.is_empty())
    }

    /// How many points: each case's custom plan, and its generic one.
    pub(super) fn points(&self) -> usize {
        let customs = if self.generic_only {
            0
        } else {
            self.cases.len()
        };
        customs
            + if self.has_generic() {
                self.cases.len()
            } else {
                0
            }
    }

    /// About what the server answers where it is asked for all plans of it.
    pub(super) fn answer_bytes(&self) -> usize {
        let values = self.cases.iter().flat_map(|case| &case.parameters);
        let values: usize = values.flatten().map(String::len).sum();
        values + self.query.sql.len() * (self.cases.len() + 1)
    }

    /// The tables and partitions in the plan.
    pub(super) fn relations(&self) -> BTreeSet<QualifiedName> {
        let plan = self.bare_plan.iter();
        plan.flat_map(QueryPlan::relations).collect()
    }

    /// Whether two indexes on one table may serve it together.
    pub(super) fn uses_a_table_twice(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.needs
            .iter()
            .any(|need| !need.arms.is_empty() || !seen.insert(need.table.clone()))
    }

    pub(super) fn read_needs(&mut self, tables: &BTreeMap<QualifiedName, &TableFacts>) {
        let patterns: Vec<Vec<Option<String>>> = self
            .cases
            .iter()
            .map(|case| case.parameters.clone())
            .collect();
        let plan = self.bare_plan.iter();
        self.needs = plan
            .flat_map(|plan| needs(plan, tables, &patterns))
            .collect();
    }

    /// It was understood, and misses its budget as far as is known.
    pub(super) fn is_over(&self) -> bool {
        self.error.is_none() && self.model.is_over()
    }

    /// There was no time to look at it.
    pub(super) fn left_out(query: &QueryFile) -> Self {
        Self {
            error: Some(Self::no_time()),
            ..Self::new(query, String::new())
        }
    }

    pub(super) fn no_time() -> (String, Option<String>) {
        (
            "--max-time expired before this query was examined".into(),
            Some("raise --max-time, or select fewer queries".into()),
        )
    }

    fn failed(query: &QueryFile, error: &Error) -> Self {
        Self {
            error: Some((error.to_string(), error.hint())),
            ..Self::new(query, String::new())
        }
    }

    pub(super) fn new(query: &QueryFile, prepared: String) -> Self {
        Self {
            query: query.clone(),
            prepared,
            cases: Vec::new(),
            generic_only: false,
            known_ms: None,
            weight: 1.0,
            calls: 1.0,
            clauses: Clauses::of(&query.sql),
            bare_plan: None,
            needs: Vec::new(),
            model: QueryModel {
                budget_ms: query.budget.as_secs_f64() * 1000.0,
                weight: 1.0,
                points: Vec::new(),
            },
            prints: Vec::new(),
            notes: Vec::new(),
            error: None,
        }
    }
}

/// Prepares a query, finds its cases and its plan without indexes. What is wrong with it stands in the answer.
pub(super) async fn examine(
    session: &Session,
    query: &QueryFile,
    number: usize,
    settings: &WhatIfConfig,
) -> Result<ExaminedQuery> {
    match examine_inner(session, query, number, settings).await {
        Err(Error::Server { source, doing }) if is_connection_loss(&source) => {
            Err(Error::Server { source, doing })
        }
        Err(error) => Ok(ExaminedQuery::failed(query, &error)),
        Ok(examined) => Ok(examined),
    }
}

async fn examine_inner(
    session: &Session,
    query: &QueryFile,
    number: usize,
    settings: &WhatIfConfig,
) -> Result<ExaminedQuery> {
    let mut examined = prepare(session, query, number).await?;
    let mut said = ParameterNotes::default();
    let values = parameter_values(session, query, !settings.plans_only, &mut said).await?;
    examined.notes.append(&mut said.notes);
    let limit = usize::try_from(settings.max_cases).unwrap_or(usize::MAX);
    let (mut found, _) = cases(&values, limit);
    found.retain(|case| case.mode == PlanMode::Auto);
    found.extend(mixed(&values).into_iter().take(limit));
    let mut seen = BTreeSet::new();
    found.retain(|case| seen.insert(case.parameters.clone()));
    examined.cases = found;
    examined.bare_plan = Some(bare_plan(session, &examined).await?);
    Ok(examined)
}

/// One parameter takes a value that does not occur, the others their commonest: an index on the others alone then
/// leads to many rows, none of which is wanted.
fn mixed(values: &[Candidate]) -> Vec<Case> {
    let of = |candidate: &Candidate, label: Label| match candidate {
        Candidate::Drawn(drawn) => {
            let found = drawn.iter().find(|(known, _)| *known == label);
            found.map(|(_, value)| value.clone())
        }
        Candidate::Listed(_) => None,
    };
    let is_drawn = |candidate: &&Candidate| matches!(candidate, Candidate::Drawn(_));
    if values.iter().filter(is_drawn).count() < 2 {
        return Vec::new();
    }
    let common: Vec<Option<String>> = values
        .iter()
        .map(|candidate| match candidate {
            Candidate::Drawn(drawn) => drawn.first().and_then(|(_, value)| value.clone()),
            Candidate::Listed(listed) => listed.first().cloned().flatten(),
        })
        .collect();
    let absent = values.iter().enumerate().filter_map(|(at, candidate)| {
        let mut parameters = common.clone();
        *parameters.get_mut(at)? = of(candidate, Label::Absent)?;
        Some(Case {
            label: format!("worst, ${} absent", at + 1),
            kind: Label::Absent,
            parameters,
            mode: PlanMode::Auto,
        })
    });
    absent.collect()
}

/// Lets the server parse it, under a name of its own.
pub(super) async fn prepare(
    session: &Session,
    query: &QueryFile,
    number: usize,
) -> Result<ExaminedQuery> {
    let prepared = format!("dbaudit_advise_{number}");
    session
        .batch_execute(&format!("PREPARE {prepared} AS {}", query.sql))
        .await
        .map_err(Error::server("preparing the query"))?;
    Ok(ExaminedQuery::new(query, prepared))
}

/// The generic plan without indexes.
pub(super) async fn bare_plan(session: &Session, examined: &ExaminedQuery) -> Result<QueryPlan> {
    let first = examined.cases.first();
    let parameters = first.map_or(&[][..], |case| &case.parameters);
    plan_without_indexes(session, &examined.prepared, parameters, "").await
}
