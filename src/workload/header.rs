//! The comments at the top of a query file.

use std::{collections::BTreeSet, str::FromStr, time::Duration};

use super::{
    RowRange, Source,
    query_file::{NAME_HINT, is_name, parse_budget},
};
use crate::stats::Percentile;

/// Something wrong on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) line: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

/// The header's keys, as they stand; what must be there is checked by the file.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) name: Option<At<String>>,
    pub(super) description: Option<At<String>>,
    pub(super) budget: Option<At<(Duration, Option<Percentile>)>>,
    pub(super) percentile: Option<At<Percentile>>,
    pub(super) buffers: Option<At<u64>>,
    pub(super) rows: Option<At<RowRange>>,
    pub(super) tags: Option<At<Vec<String>>>,
    pub(super) skip: Option<At<String>>,
    /// By number, from `$1`.
    pub(super) parameters: Vec<Option<At<Source>>>,
    /// Which numbers are given.
    pub(super) given: BTreeSet<usize>,
    /// How many bytes of the file the header takes.
    pub(super) length: usize,
    /// How many lines.
    pub(super) lines: usize,
}

/// Postgres takes at most this many parameters.
const MOST_PARAMETERS: usize = 65_535;
const KEYS: &str = "name, description, budget, percentile, param $n, buffers, rows, tags, skip";

impl Header {
    /// Reads the comment lines at the top. A comment of the form `-- word: …` is a key; others are comments.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut header = Header::default();
        for line in text.split_inclusive('\n') {
            let shown = line.trim();
            let number = header.lines + 1;
            if let Some(comment) = shown.strip_prefix("--") {
                if let Some((key, value)) = split_key(comment) {
                    header.set(key, value, number)?;
                }
            } else if !shown.is_empty() {
                break;
            }
            header.length += line.len();
            header.lines += 1;
        }
        Ok(header)
    }

    fn set(&mut self, key: &str, value: &str, line: usize) -> Result<(), Problem> {
        let problem = |message: String, hint: &str| Problem {
            line,
            message,
            hint: hint.to_owned(),
        };
        if value.is_empty() {
            return Err(problem(
                format!("`{key}` has no value"),
                "write it after the colon",
            ));
        }
        match key {
            "name" if !is_name(value) => {
                Err(problem(format!("`{value}` is not a name"), NAME_HINT))
            }
            "name" => put(&mut self.name, key, line, Ok(value.to_owned())),
            "description" => put(&mut self.description, key, line, Ok(value.to_owned())),
            "budget" => put(&mut self.budget, key, line, parse_budget(value)),
            "percentile" => put(&mut self.percentile, key, line, Percentile::from_str(value)),
            "buffers" => put(&mut self.buffers, key, line, parse_buffers(value)),
            "rows" => put(&mut self.rows, key, line, RowRange::from_str(value)),
            "tags" => put(&mut self.tags, key, line, parse_tags(value)),
            "skip" => put(&mut self.skip, key, line, Ok(value.to_owned())),
            _ => {
                let Some(number) = parameter_number(key) else {
                    let hint = format!("the keys are: {KEYS}");
                    return Err(problem(format!("unknown key `{key}`"), &hint));
                };
                let number = number
                    .filter(|n| (1..=MOST_PARAMETERS).contains(n))
                    .ok_or_else(|| {
                        problem(
                            format!("`{key}` is no parameter"),
                            "parameters are $1, $2, …",
                        )
                    })?;
                if self.parameters.len() < number {
                    self.parameters.resize(number, None);
                }
                self.given.insert(number);
                match self.parameters.get_mut(number - 1) {
                    Some(place) => put(place, key, line, Source::parse(value)),
                    None => Ok(()),
                }
            }
        }
    }
}

fn put<T>(
    place: &mut Option<At<T>>,
    key: &str,
    line: usize,
    value: Result<T, String>,
) -> Result<(), Problem> {
    if let Some(first) = place {
        return Err(Problem {
            line,
            message: format!("`{key}` stands twice, first on line {}", first.line),
            hint: "leave one of the two out".into(),
        });
    }
    let value = value.map_err(|message| Problem {
        line,
        message: format!("`{key}`: {message}"),
        hint: String::new(),
    })?;
    *place = Some(At { line, value });
    Ok(())
}

/// `key: value`, where the key is one word, or `param $n`. A URL (`https://…`) is no key.
fn split_key(comment: &str) -> Option<(&str, &str)> {
    let (key, value) = comment.split_once(':')?;
    let key = key.trim();
    let one_word = key
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let is_key = !key.is_empty() && (one_word || parameter_number(key).is_some());
    (is_key && (value.is_empty() || value.starts_with(char::is_whitespace)))
        .then(|| (key, value.trim()))
}

/// `param $2` → `Some(Some(2))`; `param $x` → `Some(None)`.
fn parameter_number(key: &str) -> Option<Option<usize>> {
    let rest = key.strip_prefix("param")?.trim_start();
    Some(rest.strip_prefix('$')?.parse().ok())
}

fn parse_buffers(text: &str) -> Result<u64, String> {
    text.replace('_', "")
        .parse()
        .map_err(|_| format!("`{text}` is not a number of blocks"))
}

fn parse_tags(text: &str) -> Result<Vec<String>, String> {
    let tags: Vec<String> = text.split(',').map(|tag| tag.trim().to_owned()).collect();
    match tags.iter().find(|tag| !is_name(tag)) {
        Some(tag) => Err(format!("`{tag}` is not a tag; {NAME_HINT}")),
        None => Ok(tags),
    }
}
