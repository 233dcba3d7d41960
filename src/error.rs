//! Every way a command can fail, one variant per phase, each with a hint on what to do.

mod server;

use std::path::PathBuf;

pub use self::server::{describe_error, hint_for, is_connection_loss, sqlstate};

use crate::Outcome;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, what was being done, and a way out.
///
/// `Display` is one line or a few (what was being done, to what, the server's own words); the hint is
/// kept apart ([`Error::hint`]) so that it can be printed on a line of its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that cannot be done as asked.
    #[error("{message}")]
    Usage { message: String, hint: String },
    /// The configuration file or an environment variable is wrong.
    #[error("configuration: {message}")]
    Config {
        /// What is wrong, naming file and line where there is one.
        message: String,
        hint: String,
    },
    /// A migration file is wrong; nothing was sent.
    #[error("{0}")]
    Migration(FileProblems),
    /// A query file is wrong; nothing was sent.
    #[error("{0}")]
    Query(FileProblem),
    /// No connection, or one that is of no use (too old, a standby, a transaction pooler).
    #[error("{message}")]
    Connect {
        /// What was tried, on which host and database (never a password), and the server's answer.
        message: String,
        hint: String,
        /// Whether the same may work a little later: no slot is free, or the server is starting or stopping.
        passes: bool,
    },
    /// The server refused or broke off something dbaudit asked of it.
    #[error("{doing}: {}", describe_error(source))]
    Server {
        /// What was being done, and to what: "reading the indexes of public.content".
        doing: String,
        #[source]
        source: tokio_postgres::Error,
    },
    /// What was asked for cannot be judged or carried out on this server by this role.
    #[error("{message}")]
    CannotJudge { message: String, hint: String },
    /// The throwaway server could not be found, started or filled.
    #[error("{message}")]
    Demo { message: String, hint: String },
    /// A file could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The result of work that is done could not be written.
    #[error("the work is done, but the result could not be written to {}: {source}", path.display())]
    Unwritten {
        /// Where to.
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// SIGINT or SIGTERM, after cleaning up.
    #[error("interrupted")]
    Interrupted,
}

/// Something wrong at a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {message}", file.display(), Position(*line, *column))]
pub struct FileProblem {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Line, from 1, where there is one.
    pub line: Option<usize>,
    /// Column, from 1, in characters, where there is one.
    pub column: Option<usize>,
    pub message: String,
    pub hint: String,
}

/// All that is wrong with some files, each a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblems(pub Vec<FileProblem>);

impl FileProblems {
    /// What to do, once for each kind of problem.
    fn hints(&self) -> String {
        let mut hints: Vec<&str> = Vec::new();
        for problem in &self.0 {
            if !hints.contains(&problem.hint.as_str()) {
                hints.push(&problem.hint);
            }
        }
        hints.join("\n")
    }
}

impl std::fmt::Display for FileProblems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

struct Position(Option<usize>, Option<usize>);

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0, self.1) {
            (Some(line), Some(column)) => write!(f, ":{line}:{column}"),
            (Some(line), None) => write!(f, ":{line}"),
            _ => Ok(()),
        }
    }
}

impl Error {
    /// Names what was being done when the server answered with an error:
    /// `client.query(…).await.map_err(Error::server("reading the server's version"))?`
    pub fn server(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Error {
        let doing = doing.into();
        move |source| Error::Server { doing, source }
    }

    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Usage { hint, .. }
            | Error::Config { hint, .. }
            | Error::Connect { hint, .. }
            | Error::CannotJudge { hint, .. }
            | Error::Demo { hint, .. } => Some(hint.clone()),
            Error::Migration(problems) => Some(problems.hints()),
            Error::Query(problem) => Some(problem.hint.clone()),
            Error::Server { source, .. } => hint_for(source),
            Error::Unwritten { .. } => Some(
                "free some space, or choose another file with --output, and run again".to_owned(),
            ),
            Error::File { .. } | Error::Interrupted => None,
        }
        .filter(|hint| !hint.is_empty())
    }

    /// The exit status this error ends the process with.
    pub fn outcome(&self) -> Outcome {
        match self {
            Error::Usage { .. }
            | Error::Config { .. }
            | Error::Migration(_)
            | Error::Query(_)
            | Error::File { .. } => Outcome::Invalid,
            Error::Connect { .. }
            | Error::Server { .. }
            | Error::CannotJudge { .. }
            | Error::Unwritten { .. }
            | Error::Demo { .. } => Outcome::CannotJudge,
            Error::Interrupted => Outcome::Interrupted,
        }
    }
}
