//! The queries of a file, parsed and checked.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Role, RowRange, Source,
    comment::Problem,
    header::{Header, NAME_HINT, ParameterName, is_name},
    statement::{Section, Statement, sections},
};
use crate::{error::FileProblem, stats::Percentile};

/// A standard query: what is sent, with which parameters, and what it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryFile {
    /// Its name, unique among the queries of a run.
    pub name: String,
    /// The file, as the user named it; `queries/x.sql` for an embedded one.
    pub file: PathBuf,
    /// Line of the name, or 1.
    pub line: usize,
    pub description: Option<String>,
    pub budget: Duration,
    /// Which percentile of it the budget is about.
    pub percentile: Percentile,
    /// How many blocks (shared hit + read) it may touch.
    pub buffers: Option<u64>,
    /// How many rows it must return.
    pub rows: Option<RowRange>,
    /// Tags, to select by.
    pub tags: Vec<String>,
    /// Why it is not timed.
    pub skip: Option<String>,
    /// Where `$1`, `$2`, … come from.
    pub parameters: Vec<Source>,
    /// The names of `$1`, `$2`, … where the file gives them names.
    pub parameter_names: Vec<Option<String>>,
    /// What the statement's text tells of each of them.
    pub roles: Vec<Option<Role>>,
    /// It writes, or locks rows.
    pub writes: bool,
    /// The statement, without the header and without a final semicolon; its parameters are numbers.
    pub sql: String,
}

impl QueryFile {
    /// Understands the text of a file: its queries, in order. `default`: the budget of one that names none.
    ///
    /// # Errors
    /// The first thing wrong with it, with its line.
    pub fn parse(
        file: &Path,
        text: &str,
        default: Option<(Duration, Percentile)>,
    ) -> Result<Vec<Self>, FileProblem> {
        let wrong = |problem: Problem| FileProblem {
            file: file.to_owned(),
            line: Some(problem.line).filter(|line| *line > 0),
            column: None,
            message: problem.message,
            hint: problem.hint,
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let sections = sections(text).map_err(wrong)?;
        let mut queries = Vec::with_capacity(sections.len());
        for (at, section) in sections.into_iter().enumerate() {
            queries.push(Self::of(file, section, at == 0, default).map_err(wrong)?);
        }
        Ok(queries)
    }

    /// A query of a statement alone, such as pg_stat_statements has.
    pub fn of_statement(
        name: String,
        file: PathBuf,
        sql: &str,
        (budget, percentile): (Duration, Percentile),
    ) -> Self {
        let statement = Statement::parse(sql).ok();
        let (names, roles, writes) = statement
            .map(|own| (own.parameters, own.roles, own.writes))
            .unwrap_or_default();
        Self {
            name,
            file,
            line: 1,
            description: None,
            budget,
            percentile,
            buffers: None,
            rows: None,
            tags: Vec::new(),
            skip: None,
            parameters: vec![Source::Unsaid; names.len()],
            parameter_names: names,
            roles,
            writes,
            sql: sql.to_owned(),
        }
    }

    fn of(
        file: &Path,
        section: Section,
        is_first: bool,
        default: Option<(Duration, Percentile)>,
    ) -> Result<Self, Problem> {
        let problem = |line: usize, message: &str, hint: &str| Problem {
            line,
            message: message.into(),
            hint: hint.into(),
        };
        let header = Header::parse(&section.comments)?;
        let Some(mut statement) = section.statement.clone() else {
            return Err(section.lacks_statement());
        };
        if header.name.is_none() && !is_first {
            return Err(statement.is_second());
        }
        let mut skip = header.skip.map(|s| s.value);
        match statement.untimed.take() {
            // Such files contain all that an application sends; the output names those left out.
            Some(word) if header.is_annotated => {
                skip = skip.or(Some(format!("a `{word}` statement cannot be timed")));
            }
            word => {
                statement.untimed = word;
                statement = statement.timed()?;
            }
        }
        let (budget, in_budget) = match (header.budget, default) {
            (Some(own), _) => own.value,
            (None, Some((budget, percentile))) => (
                budget,
                Some(percentile).filter(|_| header.percentile.is_none()),
            ),
            // 0: the file as a whole.
            (None, None) if skip.is_none() => {
                return Err(problem(
                    header.name.map_or(0, |name| name.line),
                    "the header has no budget",
                    "add a line `-- budget: 100ms`, or set one for all queries that have none: `--budget \
                     100ms`",
                ));
            }
            (None, None) => (Duration::ZERO, None),
        };
        let percentile = match (in_budget, header.percentile) {
            (Some(_), Some(own)) => {
                return Err(problem(
                    own.line,
                    "the percentile is also given in `budget`",
                    "remove one of them",
                ));
            }
            (Some(percentile), None) => percentile,
            (None, Some(own)) => own.value,
            (None, None) => Percentile::P95,
        };
        let mut parameters = vec![Source::Unsaid; statement.parameters.len()];
        for (which, source) in header.parameters {
            let named = |name: &str| {
                let known = |own: &Option<String>| own.as_deref() == Some(name);
                statement.parameters.iter().position(known)
            };
            let place = match &which {
                ParameterName::Number(n) => n.checked_sub(1),
                ParameterName::Name(name) => named(name),
            };
            let place = place.and_then(|at| parameters.get_mut(at));
            *place.ok_or_else(|| {
                problem(
                    source.line,
                    &format!("the statement has no parameter {which}"),
                    "remove the line, or use the parameter",
                )
            })? = source.value;
        }
        let (name, line) = match header.name {
            Some(name) => (name.value, name.line),
            None => {
                let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned());
                let name = stem.filter(|stem| is_name(stem));
                let name = name.ok_or_else(|| problem(0, "the header has no `name`", NAME_HINT))?;
                (name, 1)
            }
        };
        Ok(Self {
            name,
            file: file.to_owned(),
            line,
            description: header.description.map(|d| d.value),
            budget,
            percentile,
            buffers: header.buffers.map(|b| b.value),
            rows: header.rows.map(|r| r.value),
            tags: header.tags.map(|t| t.value).unwrap_or_default(),
            skip,
            parameters,
            parameter_names: statement.parameters,
            roles: statement.roles,
            writes: statement.writes,
            sql: statement.sql,
        })
    }
}

#[cfg(test)]
mod tests;
