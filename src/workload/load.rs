//! Reading the query files, and choosing among them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use include_dir::{Dir, include_dir};

use super::QueryFile;
use crate::{Error, Result, error::FileProblem, stats::Percentile};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// Which of the queries are wanted; everything where nothing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// By name.
    pub only: Vec<String>,
    /// By tag.
    pub tags: Vec<String>,
}

impl Selection {
    /// The queries that have one of the names, or else one of the tags.
    ///
    /// # Errors
    /// [`Error::Usage`] where a name or a tag matches nothing.
    pub fn choose(&self, queries: Vec<QueryFile>) -> Result<Vec<QueryFile>> {
        let nothing = |what: &str, asked: &str, there: Vec<&str>| Error::Usage {
            message: format!("no query has the {what} `{asked}`"),
            hint: format!("the {what}s are: {}", there.join(", ")),
        };
        if let Some(name) = self
            .only
            .iter()
            .find(|name| queries.iter().all(|q| q.name != **name))
        {
            return Err(nothing(
                "name",
                name,
                queries.iter().map(|q| q.name.as_str()).collect(),
            ));
        }
        if let Some(tag) = self
            .tags
            .iter()
            .find(|tag| queries.iter().all(|q| !q.tags.contains(tag)))
        {
            let mut tags: Vec<&str> = queries
                .iter()
                .flat_map(|q| &q.tags)
                .map(String::as_str)
                .collect();
            tags.sort_unstable();
            tags.dedup();
            return Err(nothing("tag", tag, tags));
        }
        let all = self.only.is_empty() && self.tags.is_empty();
        Ok(queries
            .into_iter()
            .filter(|q| {
                all || self.only.contains(&q.name) || q.tags.iter().any(|t| self.tags.contains(t))
            })
            .collect())
    }
}

/// The queries of `folder` (or of the one file that it is), or the embedded ones, by file name. `default`: the budget of
/// those that name none. Nothing is sent anywhere.
///
/// # Errors
/// A folder or file that cannot be read, a folder without query files, a file that is wrong.
pub fn load(
    folder: Option<&Path>,
    default: Option<(Duration, Percentile)>,
) -> Result<Vec<QueryFile>> {
    let files = match folder {
        Some(file) if file.is_file() => vec![read(file.to_owned())?],
        Some(folder) => read_folder(folder)?,
        None => embedded(),
    };
    let mut queries: Vec<QueryFile> = Vec::new();
    let parsed = files
        .iter()
        .map(|(path, text)| QueryFile::parse(path, text, default));
    let parsed: Vec<Vec<QueryFile>> = parsed.collect::<Result<_, _>>().map_err(Error::Query)?;
    for query in parsed.into_iter().flatten() {
        if let Some(first) = queries.iter().find(|known| known.name == query.name) {
            return Err(Error::Query(FileProblem {
                file: query.file,
                line: Some(query.line),
                column: None,
                message: format!(
                    "the name `{}` is also used by {}",
                    query.name,
                    first.file.display()
                ),
                hint: "give each query its own name".into(),
            }));
        }
        queries.push(query);
    }
    Ok(queries)
}

fn embedded() -> Vec<(PathBuf, String)> {
    let mut files: Vec<(PathBuf, String)> = EMBEDDED
        .files()
        .filter(|file| file.path().extension().is_some_and(|e| e == "sql"))
        .filter_map(|file| {
            Some((
                Path::new("queries").join(file.path()),
                file.contents_utf8()?.to_owned(),
            ))
        })
        .collect();
    files.sort();
    files
}

fn read_folder(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let unreadable = |doing: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| Error::File {
            doing,
            path,
            source,
        }
    };
    let reading = "reading the query folder";
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(reading, folder))? {
        let path = entry.map_err(unreadable(reading, folder))?.path();
        if path.extension().is_some_and(|e| e == "sql") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Error::Query(FileProblem {
            file: folder.to_owned(),
            line: None,
            column: None,
            message: "the folder contains no query files".into(),
            hint: "query files end in .sql; without --queries, the embedded ones are used".into(),
        }));
    }
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Result<(PathBuf, String)> {
    let bytes = std::fs::read(&path).map_err(|source| Error::File {
        doing: "reading the query file",
        path: path.clone(),
        source,
    })?;
    Ok((path.clone(), decode(path, bytes)?))
}

fn decode(path: PathBuf, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let lines = good
            .unwrap_or_default()
            .iter()
            .filter(|byte| **byte == b'\n');
        Error::Query(FileProblem {
            file: path,
            line: Some(lines.count() + 1),
            column: None,
            message: "the file is not UTF-8 text".into(),
            hint: "save the file as UTF-8".into(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_queries_are_the_four_standard_ones() {
        let names: Vec<String> = load(None, None)
            .unwrap()
            .into_iter()
            .map(|q| q.name)
            .collect();
        assert_eq!(
            names,
            [
                "active_users",
                "content_by_user",
                "content_search",
                "topic_duplicates"
            ]
        );
    }

    #[test]
    fn a_selection_that_matches_nothing_says_what_there_is() {
        let selection = Selection {
            only: vec!["contentsearch".into()],
            tags: vec![],
        };
        let error = selection.choose(load(None, None).unwrap()).unwrap_err();
        assert!(error.hint().unwrap().contains("content_search"));
        assert_eq!(error.outcome().status(), 2);
    }
}
