//! Which command writes which formats.

use super::Task;
use crate::{Error, Result, render::Format};

impl Task {
    /// The formats the command's result can be written in. One that is not here is refused before anything
    /// is done, with these named: whoever gives a document another format ([`crate::render::Document::special`])
    /// adds it here.
    #[must_use]
    pub fn formats(&self) -> &'static [Format] {
        match self {
            Task::ApplyIndexes(_) => &[
                Format::Table,
                Format::Json,
                Format::JsonLines,
                Format::Markdown,
            ],
            Task::Status(_) => BASIC,
            Task::TimeQueries(_) | Task::TimeEndpoints(_) => TIMING,
            Task::Advise(_) => &[Format::Table, Format::Json, Format::Markdown, Format::Html],
            Task::Report(_) => &[
                Format::Table,
                Format::Json,
                Format::Markdown,
                Format::Junit,
                Format::Html,
                Format::Csv,
                Format::Sarif,
                Format::Prometheus,
            ],
            Task::Demo(_) | Task::ShowConfig => BASIC,
            // It has no result but what it serves.
            Task::Serve(_) | Task::Twin(_) => &[Format::Table],
            // A file of its own form.
            Task::Snapshot(_) => &[Format::Table, Format::Json],
            // A text of its own kind, whatever the format of results is set to.
            Task::Print(_) => ALL,
        }
    }

    /// Whether the result can be written in this format besides, once it is there.
    pub(super) fn check_also(&self, command: &str, format: Format) -> Result<()> {
        if format == Format::JsonLines {
            return Err(Error::Usage {
                message: "--also writes the result, not the events".into(),
                hint:
                    "write --format json-lines --output FILE, and the result with --also json=FILE"
                        .into(),
            });
        }
        if matches!(
            self,
            Task::Serve(_) | Task::Twin(_) | Task::Snapshot(_) | Task::Print(_)
        ) {
            return Err(Error::Usage {
                message: format!("{command} has no result for --also to write"),
                hint: "leave --also out".into(),
            });
        }
        self.check_format(command, format)
    }

    pub(super) fn check_format(&self, command: &str, format: Format) -> Result<()> {
        if self.formats().contains(&format) {
            return Ok(());
        }
        let offered: Vec<String> = self.formats().iter().map(ToString::to_string).collect();
        Err(Error::Usage {
            message: format!("{command} has no `{format}` output"),
            hint: format!("it has {}", offered.join(", ")),
        })
    }
}

const BASIC: &[Format] = &[Format::Table, Format::Json, Format::Markdown];

const TIMING: &[Format] = &[
    Format::Table,
    Format::Json,
    Format::Markdown,
    Format::Junit,
    Format::Html,
];

const ALL: &[Format] = &[
    Format::Table,
    Format::Json,
    Format::JsonLines,
    Format::Markdown,
    Format::Junit,
    Format::Html,
    Format::Csv,
    Format::Sarif,
    Format::Prometheus,
];
