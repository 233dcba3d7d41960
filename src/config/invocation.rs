//! From the process's arguments to a configuration and the task to do with it.

use std::{ffi::OsString, io::IsTerminal, process::ExitCode};

use clap::{ArgMatches, FromArgMatches};

use super::{
    AdviseConfig, Config, ConfigFile, DemoConfig, EndpointsConfig, ImportConfig, InitConfig,
    ReportConfig, Resolver, ServeConfig, SnapshotConfig, TimeConfig, TwinConfig, apply, complete,
    connection, first_run, formats,
    lines::Lines,
    output::{LogFormat, LogLevel, Presentation, color_of},
    report::ReportFile,
};
use crate::{
    Outcome,
    apply::ApplyConfig,
    cli::{
        self, AdviseArgs, ApplyArgs, Cli, DemoArgs, EndpointsArgs, ReportArgs, ServeArgs, TimeArgs,
        manual,
    },
    db::mask_password,
    output::{self, ErrorStyle},
    report::{Origin, Setting},
};

/// What the process was asked to do.
#[derive(Debug)]
pub struct Invocation {
    pub config: Config,
    /// The command, with its own settings.
    pub task: Task,
    /// Every resolved setting and where it came from.
    pub settings: Vec<Setting>,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    /// What is worked with where nothing is configured, in words.
    pub first_run: Option<String>,
}

/// A command with its resolved settings.
#[derive(Debug)]
pub enum Task {
    ApplyIndexes(ApplyConfig),
    Status(ApplyConfig),
    TimeQueries(TimeConfig),
    Advise(AdviseConfig),
    Report(ReportConfig),
    TimeEndpoints(EndpointsConfig),
    Serve(Box<ServeConfig>),
    Demo(DemoConfig),
    Snapshot(SnapshotConfig),
    Twin(TwinConfig),
    Init(InitConfig),
    Import(ImportConfig),
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
        let args: Vec<OsString> = args.into_iter().collect();
        let mut definition = cli::definition();
        let parsed = definition
            .try_get_matches_from_mut(args.clone())
            .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (matches, cli)));
        let (matches, cli) = parsed.map_err(|error| print_clap_error(&error, &args))?;
        let forced = cli
            .global
            .color
            .map(color_of)
            .and_then(|color| color.forced());
        output::set_error_style(ErrorStyle {
            json: cli.global.log_format == Some(cli::LogFormat::Json),
            color: forced,
        });
        Self::resolve(&definition, &matches, cli).map_err(|error| {
            output::print_error(&error);
            ExitCode::from(error.outcome().status())
        })
    }

    fn resolve(definition: &clap::Command, matches: &ArgMatches, cli: Cli) -> crate::Result<Self> {
        let Cli { global, command } = cli;
        let (name, sub) = matches.subcommand().unwrap_or(("dbaudit", matches));
        let (mut file, lines) = ConfigFile::load(global.config.as_deref())?;
        let mut resolver = Resolver::new(sub, definition, &lines);
        let database_url = resolver.pick_optional(
            "database-url",
            global.database_url.clone(),
            file.database_url.take(),
            |url| mask_password(url),
        );
        let connection = connection::resolve(
            &global,
            database_url,
            std::mem::take(&mut file.connection),
            std::mem::take(&mut file.pool),
            &mut resolver,
        )?;
        let Presentation {
            format,
            output,
            also,
            progress,
            log_format,
            log_level,
        } = Presentation::resolve(
            &global,
            std::mem::take(&mut file.output),
            std::mem::take(&mut file.log),
            &formats::offered(name, &command),
            &mut resolver,
        )?;
        output::set_error_style(ErrorStyle {
            json: log_format == LogFormat::Json,
            color: output.forced,
        });
        let mut settings = resolver.settings;
        let config = Config {
            connection,
            format,
            output,
            also,
            progress: progress && std::io::stderr().is_terminal(),
        };
        // The command's own definition: it knows the names of its flags and variables.
        let own = definition.find_subcommand(name).unwrap_or(definition);
        let mut resolver = Resolver::new(sub, own, &lines);
        let task = match command {
            cli::Command::ApplyIndexes(args) => {
                Task::ApplyIndexes(apply::resolve(*args, file.apply_indexes, &mut resolver))
            }
            cli::Command::Status(args) => {
                Task::Status(apply::resolve(*args, file.apply_indexes, &mut resolver))
            }
            cli::Command::TimeQueries(args) => Task::TimeQueries(TimeConfig::resolve(
                *args,
                file.time_queries,
                &mut resolver,
            )?),
            cli::Command::Advise(args) => {
                Task::Advise(AdviseConfig::resolve(*args, file.advise, &mut resolver))
            }
            cli::Command::Report(args) => {
                let report = ReportConfig::resolve(*args, file.report, &mut resolver)?;
                Task::Report(report.beside(file.apply_indexes.migrations))
            }
            cli::Command::TimeEndpoints(args) => Task::TimeEndpoints(EndpointsConfig::resolve(
                *args,
                file.time_endpoints,
                file.endpoint,
                file.page,
                &mut resolver,
            )?),
            cli::Command::Serve(args) => Task::Serve(Box::new(ServeConfig::resolve(
                *args,
                file.serve,
                file.database,
                file.app,
                file.report,
                &mut resolver,
            )?)),
            cli::Command::Demo(args) => {
                Task::Demo(DemoConfig::resolve(*args, file.demo, &mut resolver))
            }
            cli::Command::Snapshot(args) => Task::Snapshot(args.into()),
            cli::Command::Twin(args) => Task::Twin(args.into()),
            cli::Command::Init(args) => Task::Init(InitConfig::resolve(&args, &file.apply_indexes)),
            cli::Command::Import(args) => {
                Task::Import(ImportConfig::resolve(args, file.apply_indexes.migrations))
            }
            cli::Command::Explain { check } => Task::Print(match check.as_deref() {
                Some("query-file") => crate::workload::FORMAT.to_owned(),
                check => crate::check::explain(check)?,
            }),
            cli::Command::Config => {
                settings.extend(of_every_command(file, &lines)?);
                settings.extend(of_connection(&config)?);
                Task::ShowConfig
            }
            cli::Command::Completions { shell } => Task::Print(complete::script(shell)),
            cli::Command::Man => Task::Print(manual::page()),
        };
        settings.extend(resolver.settings);
        let reads = matches!(
            task,
            Task::TimeQueries(_) | Task::Advise(_) | Task::Report(_)
        );
        if reads {
            // What is wrong with the connection string is said before any work is done. (apply-indexes and status begin
            // by connecting.)
            config.connection.target()?;
        }
        let connects = reads || matches!(task, Task::ApplyIndexes(_) | Task::Status(_));
        let first_run = first_run::told(connects, &config, &lines.path, &settings);
        Ok(Self {
            config,
            task,
            settings,
            log_level,
            log_format,
            first_run,
        })
    }
}

/// The settings of all commands, as if each were called with no flags of its own.
fn of_every_command(file: ConfigFile, lines: &Lines) -> crate::Result<Vec<Setting>> {
    let mut definition = cli::definition();
    let mut settings = Vec::new();
    // The definition is borrowed by what it parsed, so each command has a turn of its own.
    macro_rules! collect {
        ($name:literal, $args:ty, |$parsed:ident, $resolver:ident| $resolve:expr) => {
            let matches = definition.try_get_matches_from_mut(["dbaudit", $name]);
            let own = definition.find_subcommand($name).unwrap_or(&definition);
            if let Ok(matches) = matches
                && let Some((_, sub)) = matches.subcommand()
                && let Ok($parsed) = <$args as FromArgMatches>::from_arg_matches(sub)
            {
                let mut resolver = Resolver::new(sub, own, lines);
                let $resolver = &mut resolver;
                let _ = $resolve;
                settings.append(&mut resolver.settings);
            }
        };
    }
    collect!("apply-indexes", ApplyArgs, |args, resolver| {
        apply::resolve(args, file.apply_indexes, resolver)
    });
    collect!("time-queries", TimeArgs, |args, resolver| {
        TimeConfig::resolve(args, file.time_queries, resolver)?
    });
    collect!("advise", AdviseArgs, |args, resolver| {
        AdviseConfig::resolve(args, file.advise, resolver)
    });
    collect!("report", ReportArgs, |args, resolver| {
        ReportConfig::resolve(args, file.report, resolver)?
    });
    collect!("time-endpoints", EndpointsArgs, |args, resolver| {
        EndpointsConfig::resolve(args, file.time_endpoints, Vec::new(), Vec::new(), resolver)?
    });
    collect!("serve", ServeArgs, |args, resolver| {
        ServeConfig::resolve(
            args,
            file.serve,
            file.database,
            file.app,
            ReportFile::default(),
            resolver,
        )?
    });
    collect!("demo", DemoArgs, |args, resolver| {
        DemoConfig::resolve(args, file.demo, resolver)
    });
    Ok(settings)
}

/// The connection's parameters, with libpq's environment, service and password files applied.
fn of_connection(config: &Config) -> crate::Result<Vec<Setting>> {
    let connection = &config.connection;
    Ok(connection
        .target()?
        .parameters(connection.url.as_deref(), &connection.environment())?
        .into_iter()
        .map(|(key, value, source)| Setting {
            key: format!("libpq.{key}"),
            value: Some(value),
            origin: source.map_or(Origin::Default, Origin::Connection),
        })
        .collect())
}

/// Help and version go to stdout, errors to stderr. A closed pipe is not an error.
fn print_clap_error(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let outcome = if error.use_stderr() {
        Outcome::Invalid
    } else {
        Outcome::Success
    };
    // A connection string in the wrong place is repeated in the complaint.
    let secrets: Vec<(String, String)> = args
        .iter()
        .filter_map(|arg| arg.to_str())
        .filter_map(|arg| match arg.strip_prefix("--") {
            Some(flag) => flag.split_once('=').map(|(_, value)| value),
            None => Some(arg),
        })
        .filter(|arg| arg.contains("://") || arg.contains('='))
        .map(|arg| (arg.to_owned(), mask_password(arg)))
        .filter(|(arg, masked)| arg != masked)
        .collect();
    if secrets.is_empty() {
        let _ = error.print();
    } else {
        let mut text = error.render().to_string();
        for (secret, masked) in secrets {
            text = text.replace(&secret, &masked);
        }
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }
    ExitCode::from(outcome.status())
}
