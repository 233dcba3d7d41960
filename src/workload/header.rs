//! The comments before a query.

use std::{str::FromStr, time::Duration};

use super::{
    RowRange, Source,
    comment::{Comment, Problem},
    token::MOST_PARAMETERS,
};
use crate::{duration::HumanDuration, stats::Percentile};

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

/// The header's keys, as they stand; what must be there is checked by the file.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) name: Option<Located<String>>,
    pub(super) description: Option<Located<String>>,
    pub(super) budget: Option<Located<(Duration, Option<Percentile>)>>,
    pub(super) percentile: Option<Located<Percentile>>,
    pub(super) buffers: Option<Located<u64>>,
    pub(super) rows: Option<Located<RowRange>>,
    pub(super) tags: Option<Located<Vec<String>>>,
    pub(super) skip: Option<Located<String>>,
    /// In the order of the lines.
    pub(super) parameters: Vec<(ParameterName, Located<Source>)>,
    /// The name is written as sqlc, HugSQL or Yesql write it: the file was not made for dbaudit alone.
    pub(super) is_annotated: bool,
}

const KEYS: [&str; 8] = [
    "name",
    "description",
    "budget",
    "percentile",
    "buffers",
    "rows",
    "tags",
    "skip",
];

/// Which parameter a line of the header is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParameterName {
    Number(usize),
    Name(String),
}

impl std::fmt::Display for ParameterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ParameterName::Number(n) => write!(f, "${n}"),
            ParameterName::Name(name) => write!(f, "@{name}"),
        }
    }
}

impl Header {
    /// Reads the comments before a statement. One of the form `-- key: …` sets a key; every other one is a comment, but
    /// for what looks like a key that was mistyped.
    pub(super) fn parse(comments: &[Comment]) -> Result<Self, Problem> {
        let mut header = Header::default();
        for comment in comments {
            let Comment { line, text } = comment;
            let parameter = parameter_line(text);
            match (comment.key_and_value(), parameter) {
                (_, Some((which, value))) => header.set_parameter(&which, value, *line)?,
                (Some((key, value)), _) if KEYS.contains(&key) => header.set(key, value, *line)?,
                (Some((key, _)), _) => {
                    if let Some(meant) = KEYS.iter().find(|known| is_near_miss(key, known)) {
                        return Err(Problem {
                            line: *line,
                            message: format!("unknown key `{key}`"),
                            hint: format!(
                                "did you mean `{meant}`? The keys are: {}, param $n",
                                KEYS.join(", ")
                            ),
                        });
                    }
                }
                (None, None) => {}
            }
        }
        Ok(header)
    }

    fn set_parameter(&mut self, which: &str, value: &str, line: usize) -> Result<(), Problem> {
        let number = || -> Option<usize> {
            let n = which.strip_prefix('$')?.parse().ok()?;
            (1..=MOST_PARAMETERS).contains(&n).then_some(n)
        };
        let parameter = match which.strip_prefix(['@', ':']) {
            Some(name) => ParameterName::Name(name.to_owned()),
            None => ParameterName::Number(number().ok_or_else(|| Problem {
                line,
                message: format!("`param {which}` is not a parameter"),
                hint: "parameters are written $1, $2, …, or @name and :name".into(),
            })?),
        };
        let key = format!("param {which}");
        let known = self.parameters.iter_mut().find(|(p, _)| *p == parameter);
        let mut place = known.map(|(_, at)| at.clone());
        put(&mut place, &key, line, Source::parse(value))?;
        self.parameters.extend(place.map(|at| (parameter, at)));
        Ok(())
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
            "name" => {
                let (name, is_annotated) = annotated(value)
                    .ok_or_else(|| problem(format!("`{value}` is not a valid name"), NAME_HINT))?;
                self.is_annotated = is_annotated;
                put(&mut self.name, key, line, Ok(name.to_owned()))
            }
            "description" => put(&mut self.description, key, line, Ok(value.to_owned())),
            "budget" => put(&mut self.budget, key, line, parse_budget(value)),
            "percentile" => put(&mut self.percentile, key, line, Percentile::from_str(value)),
            "buffers" => put(&mut self.buffers, key, line, parse_buffers(value)),
            "rows" => put(&mut self.rows, key, line, RowRange::from_str(value)),
            "tags" => put(&mut self.tags, key, line, parse_tags(value)),
            _ => put(&mut self.skip, key, line, Ok(value.to_owned())),
        }
    }
}

fn put<T>(
    place: &mut Option<Located<T>>,
    key: &str,
    line: usize,
    value: Result<T, String>,
) -> Result<(), Problem> {
    if let Some(first) = place {
        return Err(Problem {
            line,
            message: format!("`{key}` appears twice, first on line {}", first.line),
            hint: "remove one of them".into(),
        });
    }
    let value = value.map_err(|message| Problem {
        line,
        message: format!("`{key}`: {message}"),
        hint: String::new(),
    })?;
    *place = Some(Located { line, value });
    Ok(())
}

/// `param $2: …`, `param @name: …` or `param :name: …`: which parameter, and the rest.
fn parameter_line(comment: &str) -> Option<(String, &str)> {
    let rest = comment.strip_prefix("param")?;
    let rest = rest.trim_start();
    let sigil = rest.chars().next().filter(|c| "$@:".contains(*c))?;
    let after = &rest[1..];
    let end = after
        .find(|c: char| c == ':' || c.is_whitespace())
        .unwrap_or(after.len());
    if end == 0 {
        return None;
    }
    let which = format!("{sigil}{}", &after[..end]);
    let value = after[end..].trim_start();
    Some((which, value.strip_prefix(':').unwrap_or(value).trim()))
}

/// A name with what sqlc (`:one`), HugSQL (`:? :*`) and Yesql (`name!`, `name<!`, `name^`) write behind it; and whether
/// there was any of that.
fn annotated(value: &str) -> Option<(&str, bool)> {
    let mut words = value.split_whitespace();
    let first = words.next()?;
    let without_arguments = first.split('(').next()?;
    let name = without_arguments.trim_end_matches(['!', '<', '^', '$', '*', '#', '?']);
    let rest: Vec<&str> = words.collect();
    let has_arguments = first.contains('(');
    let rest_is_fine = has_arguments || rest.iter().all(|word| word.starts_with(':'));
    (is_name(name) && rest_is_fine).then_some((name, name != value))
}

/// One slip of the fingers: a letter too many, one too few, two swapped; or, in a longer word, another letter. Words of
/// four letters have too many neighbours that are words themselves. Keys that only dbaudit has are meant where their
/// first letter is a capital, too.
fn is_near_miss(word: &str, key: &str) -> bool {
    let only_ours = ["budget", "percentile", "buffers"].contains(&key);
    if only_ours && word.eq_ignore_ascii_case(key) {
        return true;
    }
    if word.starts_with(char::is_uppercase) {
        // The beginning of a sentence.
        return false;
    }
    // Another letter in a short word makes another word.
    let other_letter = word.chars().count() == key.len() && strsim::levenshtein(word, key) == 1;
    strsim::osa_distance(word, key) == 1 && (key.len() > 4 || !other_letter)
}

fn parse_buffers(text: &str) -> Result<u64, String> {
    text.replace('_', "")
        .parse()
        .map_err(|_| format!("`{text}` is not a number of blocks"))
}

fn parse_tags(text: &str) -> Result<Vec<String>, String> {
    let tags: Vec<String> = text.split(',').map(|tag| tag.trim().to_owned()).collect();
    match tags.iter().find(|tag| !is_name(tag)) {
        Some(tag) => Err(format!("`{tag}` is not a valid tag; {NAME_HINT}")),
        None => Ok(tags),
    }
}
pub(super) const NAME_HINT: &str = "a name consists of letters, digits, `_`, `-` and `.`";

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
        return Err("the budget is 0".into());
    }
    Ok((duration, percentile))
}
