//! Which of the formats a call can be written in applies, and which are refused.

use crate::{
    Error, Result,
    cli::{self, Command},
    render::Format,
};

/// The formats that one call can be written in.
#[derive(Debug)]
pub(super) struct Offered {
    /// The call as its user knows it.
    call: String,
    formats: &'static [Format],
    /// Whether there is a result, and not a text or a file of one form.
    has_result: bool,
}

/// The formats of the command, unless an option makes it print something else.
pub(super) fn offered(name: &str, command: &Command) -> Offered {
    let (option, formats) = match command {
        Command::TimeQueries(args) if args.list => (" --list", cli::BASIC),
        Command::Report(args) if args.print_grants => (" --print-grants", cli::TEXT),
        _ => ("", cli::formats_of(name)),
    };
    Offered {
        call: format!("{name}{option}"),
        formats,
        has_result: formats != cli::TEXT && !matches!(command, Command::Snapshot(_)),
    }
}

impl Offered {
    pub(super) fn has(&self, format: Format) -> bool {
        self.formats.contains(&format)
    }

    /// Refuses a format, before anything is done, that the call does not have.
    pub(super) fn check(&self, format: Format) -> Result<()> {
        if self.has(format) {
            return Ok(());
        }
        let formats: Vec<String> = self.formats.iter().map(ToString::to_string).collect();
        Err(Error::Usage {
            message: format!("{} has no `{format}` output", self.call),
            hint: match self.has_result {
                true => format!("use one of its formats: {}", formats.join(", ")),
                false => "leave --format out: the output has only one form".into(),
            },
        })
    }

    /// Whether the result can be written in this format besides, once it is there.
    pub(super) fn check_also(&self, format: Format) -> Result<()> {
        if format == Format::JsonLines {
            return Err(Error::Usage {
                message: "--also writes the result, and json-lines writes events".into(),
                hint: "use --format json-lines --output FILE for the events and --also json=FILE for the result"
                    .into(),
            });
        }
        if !self.has_result {
            return Err(Error::Usage {
                message: format!("{} has no result for --also to write", self.call),
                hint: "leave --also out".into(),
            });
        }
        self.check(format)
    }
}
