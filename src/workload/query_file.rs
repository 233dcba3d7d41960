//! One query file, understood.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::{Source, header::Header, statement::Statement};
use crate::{duration::HumanDuration, error::FileProblem, stats::Percentile};

/// A standard query: what is sent, with which parameters, and what it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryFile {
    /// Its name, unique among the queries of a run.
    pub name: String,
    /// The file, as the user named it; `queries/x.sql` for an embedded one.
    pub file: PathBuf,
    /// Line of the name, or 1.
    pub line: usize,
    /// What it is for.
    pub description: Option<String>,
    /// What it may take.
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
    /// The statement, without the header and without a final semicolon.
    pub sql: String,
}

/// How many rows a query must return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// At least.
    pub min: u64,
    /// At most.
    pub max: u64,
}

impl RowRange {
    /// Whether a result of `rows` rows is as expected.
    #[must_use]
    pub fn contains(self, rows: u64) -> bool {
        (self.min..=self.max).contains(&rows)
    }
}

impl fmt::Display for RowRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}..{}", self.min, self.max)
        }
    }
}

impl FromStr for RowRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        match (number(min), number(max)) {
            (Some(min), Some(max)) if min <= max => Ok(Self { min, max }),
            _ => Err(format!(
                "`{text}` is not a number of rows; write 20 or 1..20"
            )),
        }
    }
}

impl QueryFile {
    /// Understands the text of a file.
    ///
    /// # Errors
    /// The first thing wrong with it, with its line.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileProblem> {
        let wrong = |line: Option<usize>, (message, hint): (String, String)| FileProblem {
            file: file.to_owned(),
            line,
            column: None,
            message,
            hint,
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let header = Header::parse(text).map_err(|p| wrong(Some(p.line), (p.message, p.hint)))?;
        let statement = Statement::parse(&text[header.length..], header.lines)
            .map_err(|p| wrong(Some(p.line), (p.message, p.hint)))?;

        let Some(budget) = header.budget else {
            return Err(wrong(
                None,
                (
                    "the header names no budget".into(),
                    "add a line `-- budget: 100ms`".into(),
                ),
            ));
        };
        let (budget, in_budget) = budget.value;
        let percentile = match (in_budget, header.percentile) {
            (Some(_), Some(own)) => {
                return Err(wrong(
                    Some(own.line),
                    (
                        "the percentile stands in `budget` as well".into(),
                        "leave one of the two out".into(),
                    ),
                ));
            }
            (Some(percentile), None) => percentile,
            (None, Some(own)) => own.value,
            (None, None) => Percentile::P95,
        };
        let mut parameters = Vec::new();
        for (n, source) in (1..).zip(header.parameters) {
            match source {
                Some(source) if n <= statement.parameters => parameters.push(source.value),
                Some(source) => {
                    return Err(wrong(
                        Some(source.line),
                        (
                            format!("the statement has no parameter ${n}"),
                            "remove the line, or use the parameter".into(),
                        ),
                    ));
                }
                None => {}
            }
        }
        if let Some(n) = (1..=statement.parameters).find(|n| !header.given.contains(n)) {
            return Err(wrong(
                Some(statement.line),
                (
                    format!("the header does not say where ${n} comes from"),
                    format!(
                        "add `-- param ${n}: values …`, `column table.column` or `query SELECT …`"
                    ),
                ),
            ));
        }
        let (name, line) = match header.name {
            Some(name) => (name.value, name.line),
            None => {
                let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned());
                let name = stem.filter(|stem| is_name(stem)).ok_or_else(|| {
                    wrong(
                        None,
                        ("the header names no `name`".into(), NAME_HINT.into()),
                    )
                })?;
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
            skip: header.skip.map(|s| s.value),
            parameters,
            sql: statement.sql,
        })
    }
}

pub(super) const NAME_HINT: &str = "a name is made of letters, digits, `_`, `-` and `.`";

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// `100ms` or `100ms p99`.
pub(crate) fn parse_budget(text: &str) -> Result<(Duration, Option<Percentile>), String> {
    let (duration, percentile) = match text.rsplit_once(char::is_whitespace) {
        Some((duration, last)) if last.starts_with(['p', 'P']) => {
            (duration, Some(last.parse::<Percentile>()?))
        }
        _ => (text, None),
    };
    let HumanDuration(duration) = duration.parse()?;
    if duration.is_zero() {
        return Err("a budget of nothing cannot be met".into());
    }
    Ok((duration, percentile))
}

#[cfg(test)]
mod tests;
