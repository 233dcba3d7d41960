//! Which command writes which formats. The options in its help, the shell completions and what is refused follow.

use std::ffi::OsStr;

use clap::{
    Arg, Command, CommandFactory, ValueEnum,
    builder::{EnumValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};

use super::Cli;
use crate::render::Format;

/// The formats that the command can write its result in. Whoever gives a document another format
/// (`Document::special`) adds it here.
pub fn formats_of(command: &str) -> &'static [Format] {
    match command {
        "apply-indexes" => &[
            Format::Table,
            Format::Json,
            Format::JsonLines,
            Format::Markdown,
        ],
        "time-queries" | "time-endpoints" => &[
            Format::Table,
            Format::Json,
            Format::Markdown,
            Format::Junit,
            Format::Html,
        ],
        "advise" => &[Format::Table, Format::Json, Format::Markdown, Format::Html],
        "report" => &[
            Format::Table,
            Format::Json,
            Format::Markdown,
            Format::Junit,
            Format::Html,
            Format::Csv,
            Format::Sarif,
            Format::Prometheus,
        ],
        // A file of its own form.
        "snapshot" => &[Format::Table, Format::Json],
        // `serve` and `twin` have no result but what they serve; the others print one text.
        "serve" | "twin" | "explain" | "completions" | "man" => TEXT,
        _ => BASIC,
    }
}

/// What everything that is laid out in blocks can be written in.
pub const BASIC: &[Format] = &[Format::Table, Format::Json, Format::Markdown];

/// A text of one kind only.
pub const TEXT: &[Format] = &[Format::Table];

/// The command line, in which each command offers the formats that it has.
pub fn definition() -> Command {
    let definition = Cli::command();
    let format = definition
        .get_arguments()
        .find(|argument| argument.get_id() == "format")
        .cloned();
    let Some(format) = format else {
        return definition;
    };
    definition.mut_subcommands(|command| {
        let offered = Offered(formats_of(command.get_name()));
        // A global argument that a command defines itself is not copied to it from above.
        command.arg(format.clone().value_parser(offered))
    })
}

/// Reads every format, and lists those of one command. A format of other commands only is refused later, when it is
/// known whether an option or a variable gave it.
#[derive(Debug, Clone)]
struct Offered(&'static [Format]);

impl Offered {
    fn values(&self) -> impl Iterator<Item = PossibleValue> + use<> {
        self.0.iter().filter_map(ValueEnum::to_possible_value)
    }
}

impl TypedValueParser for Offered {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Format, clap::Error> {
        let all = EnumValueParser::<Format>::new();
        all.parse_ref(command, argument, value).map_err(|error| {
            let offered = PossibleValuesParser::new(self.values());
            offered
                .parse_ref(command, argument, value)
                .err()
                .unwrap_or(error)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values()))
    }
}
