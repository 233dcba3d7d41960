//! From the process's arguments to a configuration and the task to do with it.

use std::{ffi::OsString, io::IsTerminal, process::ExitCode};

use clap::{CommandFactory, FromArgMatches};

use super::{
    ApplyConfig, Config, ConfigFile, DemoConfig, ReportConfig, Resolver, Setting, TimeConfig,
};
use crate::{
    Outcome,
    cli::{self, Cli},
    output::{self, Output},
    render::Format,
};

/// What the process was asked to do.
#[derive(Debug)]
pub struct Invocation {
    /// What every command needs.
    pub config: Config,
    /// The command, with its own settings.
    pub task: Task,
    /// Every resolved setting and where it came from.
    pub settings: Vec<Setting>,
    /// `-q` −1, `-v` 1, `-vv` 2.
    pub verbosity: i8,
    /// Log lines as JSON objects.
    pub json_logs: bool,
}

/// A command with its resolved settings.
#[derive(Debug)]
pub enum Task {
    /// `apply-indexes`
    ApplyIndexes(ApplyConfig),
    /// `time-queries`
    TimeQueries(TimeConfig),
    /// `report`
    Report(ReportConfig),
    /// `demo`
    Demo(DemoConfig),
    /// `config`
    ShowConfig,
    /// `completions` and `man`: a text made from the command line's definition.
    Print(String),
}

impl Invocation {
    /// Parses arguments, environment and file.
    ///
    /// # Errors
    /// The status to exit with, after the help, version or error has been printed.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, ExitCode> {
        let parsed = Cli::command()
            .try_get_matches_from(args)
            .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (matches, cli)));
        let (matches, cli) = parsed.map_err(|error| {
            // A closed pipe is no error.
            let _ = error.print();
            let bad = error.use_stderr();
            ExitCode::from(
                if bad {
                    Outcome::Invalid
                } else {
                    Outcome::Success
                }
                .status(),
            )
        })?;
        Self::resolve(&matches, cli).map_err(|error| {
            output::print_error(&error);
            ExitCode::from(error.outcome().status())
        })
    }

    fn resolve(matches: &clap::ArgMatches, cli: Cli) -> crate::Result<Self> {
        let Cli { global, command } = cli;
        let sub = matches.subcommand().map_or(matches, |(_, sub)| sub);
        let file = ConfigFile::load(global.config.as_deref())?;
        let mut resolver = Resolver::new(sub);
        let database_url = resolver.pick_optional(
            "database-url",
            global.database_url,
            file.database_url,
            |url| crate::db::mask_password(url),
        );
        let color = match global.color.unwrap_or(cli::Color::Auto) {
            cli::Color::Auto => None,
            cli::Color::Always => Some(true),
            cli::Color::Never => Some(false),
        };
        let json_lines = global.format == Some(cli::Format::JsonLines);
        let config = Config {
            database_url,
            format: global.format.map_or(Format::Table, format_of),
            output: Output::detect(global.output, color),
            progress: !global.no_progress
                && !global.quiet
                && !json_lines
                && std::io::stderr().is_terminal(),
        };
        let task = match command {
            cli::Command::ApplyIndexes(args) => Task::ApplyIndexes(ApplyConfig::resolve(
                args,
                file.apply_indexes,
                &mut resolver,
            )),
            cli::Command::TimeQueries(args) => {
                Task::TimeQueries(TimeConfig::resolve(args, file.time_queries, &mut resolver))
            }
            cli::Command::Report(args) => {
                Task::Report(ReportConfig::resolve(args, file.report, &mut resolver))
            }
            cli::Command::Demo(args) => {
                Task::Demo(DemoConfig::resolve(args, file.demo, &mut resolver))
            }
            cli::Command::Config => Task::ShowConfig,
            cli::Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "dbaudit", &mut script);
                Task::Print(String::from_utf8_lossy(&script).into_owned())
            }
            cli::Command::Man => {
                let mut page = Vec::new();
                // Writing into memory cannot fail.
                let _ = clap_mangen::Man::new(Cli::command()).render(&mut page);
                Task::Print(String::from_utf8_lossy(&page).into_owned())
            }
        };
        Ok(Self {
            config,
            task,
            settings: resolver.settings,
            verbosity: if global.quiet {
                -1
            } else {
                i8::try_from(global.verbose).unwrap_or(2)
            },
            json_logs: global.log_format == Some(cli::LogFormat::Json),
        })
    }
}

fn format_of(format: cli::Format) -> Format {
    match format {
        cli::Format::Table => Format::Table,
        cli::Format::Json => Format::Json,
        cli::Format::JsonLines => Format::JsonLines,
        cli::Format::Markdown => Format::Markdown,
        cli::Format::Junit => Format::Junit,
        cli::Format::Html => Format::Html,
        cli::Format::Csv => Format::Csv,
        cli::Format::Sarif => Format::Sarif,
        cli::Format::Prometheus => Format::Prometheus,
    }
}
