//! The cases of a query: its parameters' values drawn, and combined.

mod infer;

use std::time::Duration;

pub use self::infer::infer_parameters;
use super::MeasureConfig;
use crate::{
    Error, Result,
    catalog::{ColumnDraw, draw_combinations, draw_values, read_only},
    db::Session,
    report::timing::QueryResult,
    workload::{
        Candidate, Case, Label, PlanMode, QueryFile, Source, Value, cases, draw, draw_end,
        draw_lists, draw_together,
    },
};

pub(super) async fn find_cases(
    session: &Session,
    settings: &MeasureConfig,
    query: &QueryFile,
    result: &mut QueryResult,
) -> Result<Vec<Case>> {
    let mut told = ParameterNotes::default();
    let candidates = parameter_values(session, query, !settings.plans_only, &mut told).await?;
    result.notes.append(&mut told.notes);
    result.sources.append(&mut told.sources);
    let limit = usize::try_from(settings.max_cases).unwrap_or(usize::MAX);
    let (mut cases, left_out) = cases(&candidates, limit);
    if settings.worst_only {
        result.sources.clear();
        cases.retain(|case| {
            matches!(case.kind, Label::Given | Label::Worst) && case.mode == PlanMode::Auto
        });
    }
    if left_out > 0 {
        result.notes.push(format!(
            "{left_out} combinations of parameters were skipped (--max-cases {})",
            settings.max_cases
        ));
    }
    Ok(cases)
}

/// What the user should know of the values.
#[derive(Debug, Default)]
pub struct ParameterNotes {
    pub notes: Vec<String>,
    /// Where they come from.
    pub sources: Vec<String>,
}

/// The values of each parameter, as the header says; where it says nothing, as the plan and the text tell. `reads_rows`: to know
/// which values occur together.
pub async fn parameter_values(
    session: &Session,
    query: &QueryFile,
    reads_rows: bool,
    told: &mut ParameterNotes,
) -> Result<Vec<Candidate>> {
    let inferred = if query.parameters.contains(&Source::Unsaid) {
        infer_parameters(session, query).await?
    } else {
        Vec::new()
    };
    let mut drawn: Vec<(usize, ColumnDraw)> = Vec::new();
    let mut candidates = Vec::with_capacity(query.parameters.len());
    for (n, source) in (1..).zip(&query.parameters) {
        let own = inferred.get(n - 1).filter(|_| *source == Source::Unsaid);
        let Some(own) = own else {
            candidates.push(values(session, n, source, &mut drawn, told).await?);
            continue;
        };
        let name = query.parameter_names.get(n - 1).cloned().flatten();
        let name = name.map_or(String::new(), |name| format!(" (@{name})"));
        told.sources.push(format!("${n}{name} {}", own.told));
        candidates.push(
            match values(session, n, &own.source, &mut drawn, told).await {
                Ok(candidate) => candidate,
                // An empty table, or nothing new to be had: one of the type is better than none.
                Err(Error::CannotJudge { message, .. }) => {
                    told.notes.push(format!(
                        "${n}{name}: {message}; a value of its type is used instead"
                    ));
                    values(session, n, &own.fallback, &mut drawn, told).await?
                }
                Err(error) => return Err(error),
            },
        );
    }
    pair_up(session, &drawn, reads_rows, &mut candidates, told).await?;
    Ok(candidates)
}

async fn values(
    session: &Session,
    n: usize,
    source: &Source,
    drawn: &mut Vec<(usize, ColumnDraw)>,
    told: &mut ParameterNotes,
) -> Result<Candidate> {
    let mut draw_from = async |column| -> Result<ColumnDraw> {
        let mut own = draw_values(session, column).await?;
        told.notes.append(&mut own.notes);
        Ok(own)
    };
    Ok(match source {
        Source::Values(values) => Candidate::Listed(values.clone()),
        Source::Column(column) => {
            let own = draw_from(column).await?;
            let candidate = draw(&own.values, own.absent.as_deref());
            drawn.push((n, own));
            candidate
        }
        Source::Occurring(column) => draw(&draw_from(column).await?.values, None),
        Source::Query(sql) => Candidate::Listed(values_of(session, n, sql).await?),
        Source::Lists(column, lengths) => draw_lists(&draw_from(column).await?.values, lengths),
        Source::End(column, end) => draw_end(&draw_from(column).await?.values, *end),
        Source::New(column) => {
            let absent = draw_from(column).await?.absent;
            Candidate::Listed(vec![Some(absent.ok_or_else(|| Error::CannotJudge {
                message: format!("no value is known that is absent from {column}"),
                hint: "declare one: `-- param $n: values …`".into(),
            })?)])
        }
        // Of a type that nothing is known of.
        Source::Unsaid => Candidate::Listed(vec![None]),
    })
}

/// Where several parameters come from different columns of one table, their values are drawn together. Says where every
/// parameter's values come from.
async fn pair_up(
    session: &Session,
    drawn: &[(usize, ColumnDraw)],
    reads_rows: bool,
    candidates: &mut [Candidate],
    told: &mut ParameterNotes,
) -> Result<()> {
    let mut done: Vec<u32> = Vec::new();
    for (n, own) in drawn {
        if done.contains(&own.table_oid) {
            continue;
        }
        let together: Vec<&(usize, ColumnDraw)> = drawn
            .iter()
            .filter(|(_, other)| other.table_oid == own.table_oid)
            .collect();
        let mut columns: Vec<&ColumnDraw> = Vec::new();
        for (_, other) in &together {
            if columns.iter().all(|known| known.column != other.column) {
                columns.push(other);
            }
        }
        if columns.len() == 1 {
            told.sources
                .push(format!("${n} is drawn from {}", own.origin));
            continue;
        }
        done.push(own.table_oid);
        let names: Vec<String> = together.iter().map(|(n, _)| format!("${n}")).collect();
        let names = names.join(", ");
        let combinations = match draw_combinations(session, &columns, reads_rows).await? {
            Ok(combinations) => combinations,
            Err(why) => {
                told.notes.push(format!(
                    "{names} are not known to occur together ({why}): the most common values of each were combined"
                ));
                continue;
            }
        };
        let absent: Vec<Option<String>> = columns.iter().map(|own| own.absent.clone()).collect();
        let joint = draw_together(&combinations, &absent);
        for (n, other) in &together {
            let place = columns.iter().position(|own| own.column == other.column);
            let candidate = place.and_then(|place| joint.get(place));
            if let (Some(candidate), Some(old)) = (candidate, candidates.get_mut(n - 1)) {
                *old = candidate.clone();
            }
        }
        let share = combinations
            .values
            .first()
            .map_or(0.0, |(_, share)| share * 100.0);
        told.sources.push(format!(
            "{names} are drawn together, as combinations that occur, from {} (worst: {share:.1} % of them)",
            combinations.origin
        ));
    }
    Ok(())
}

/// A parameter takes at most this many values from its query.
const MOST_VALUES: usize = 10;

/// The first column of a query's rows, as text, in a read-only transaction.
async fn values_of(session: &Session, n: usize, sql: &str) -> Result<Vec<Value>> {
    // The simple protocol gives every type as text; that it is one statement was checked in the file.
    let asked = async {
        let answer = session.simple_query(sql).await;
        answer.map_err(Error::server(format!("running the query for ${n}")))
    };
    let answer = read_only(session, Duration::from_secs(30), asked).await?;
    let values: Vec<Value> = answer
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some(row.try_get(0).ok().flatten().map(str::to_owned))
            }
            _ => None,
        })
        .take(MOST_VALUES)
        .collect();
    if values.is_empty() {
        return Err(Error::CannotJudge {
            message: format!("the query for ${n} returns no rows"),
            hint: "its rows are the values of the parameter".into(),
        });
    }
    Ok(values)
}
