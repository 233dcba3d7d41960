//! The clap types, and nothing else. Flags stay optional here; defaults, files and the environment are
//! resolved in [`crate::config`].

mod advise;
mod apply;
mod demo;
mod endpoints;
mod examples;
mod formats;
mod import;
mod init;
pub mod manual;
mod report;
mod serve;
mod time;
mod twin;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    advise::AdviseArgs,
    apply::ApplyArgs,
    demo::DemoArgs,
    endpoints::EndpointsArgs,
    formats::{BASIC, TEXT, definition, formats_of},
    import::ImportArgs,
    init::InitArgs,
    report::{CsvSection, FailOn, ReportArgs},
    serve::ServeArgs,
    time::TimeArgs,
    twin::{SnapshotArgs, TwinArgs},
};
use crate::{duration::HumanDuration, outcome::EXIT_STATUSES, render::Format};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "dbaudit", version, about, after_help = EXIT_STATUSES, max_term_width = 100)]
#[command(
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that may come before or after the command. They have a heading of their own, so that a command's help
/// begins with the command's own options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Database to connect to: a URL or a libpq key=value string. Without it, libpq's PG* variables,
    /// service file and password file apply
    #[arg(
        short = 'd',
        long,
        global = true,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// Configuration file [default: ./dbaudit.toml, if it exists]
    #[arg(
        short = 'c',
        long,
        global = true,
        value_name = "FILE",
        env = "DBAUDIT_CONFIG"
    )]
    pub config: Option<PathBuf>,
    /// Timeout for connecting; 0 waits without limit [default: 10s]
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        env = "DBAUDIT_CONNECT_TIMEOUT"
    )]
    pub connect_timeout: Option<HumanDuration>,
    /// Maximum number of connections open at once [default: 5]
    #[arg(long, global = true, value_name = "N", env = "DBAUDIT_POOL_SIZE")]
    pub pool_size: Option<usize>,
    /// Format of the result [default: table]
    #[arg(long, global = true, value_enum, env = "DBAUDIT_FORMAT")]
    pub format: Option<Format>,
    /// Write the result to a file instead of stdout
    #[arg(
        short = 'o',
        long,
        global = true,
        value_name = "FILE",
        env = "DBAUDIT_OUTPUT"
    )]
    pub output: Option<PathBuf>,
    /// Also write the result in another format to a file, for example junit=timing.xml (may be repeated)
    #[arg(long, global = true, value_name = "FORMAT=FILE", value_parser = format_and_file)]
    pub also: Vec<(Format, PathBuf)>,
    /// Print more on stderr (-vv: even more)
    #[arg(short = 'v', long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print only errors on stderr
    #[arg(short = 'q', long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Use of colour [default: auto, which means on a terminal, unless NO_COLOR is set]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        env = "DBAUDIT_COLOR"
    )]
    pub color: Option<Color>,
    /// Do not show progress bars
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Format of log lines on stderr [default: text]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "DBAUDIT_LOG_FORMAT"
    )]
    pub log_format: Option<LogFormat>,
}

fn format_and_file(text: &str) -> Result<(Format, PathBuf), String> {
    let wrong = "write FORMAT=FILE, for example junit=timing.xml";
    let (format, file) = text.split_once('=').ok_or(wrong)?;
    if file.is_empty() {
        return Err(wrong.to_owned());
    }
    Ok((Format::from_str(format, false)?, file.into()))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply the index migrations concurrently: no writer waits, and a killed run is repaired by the next
    #[command(after_help = examples::APPLY_INDEXES)]
    ApplyIndexes(Box<ApplyArgs>),
    /// Show the state of each migration and its index; change nothing
    #[command(after_help = examples::STATUS)]
    Status(Box<ApplyArgs>),
    /// Time queries against their budgets and give a verdict
    #[command(after_help = examples::TIME_QUERIES)]
    TimeQueries(Box<TimeArgs>),
    /// Find the set of indexes that brings every query within its budget, and prove it
    #[command(after_help = examples::ADVISE)]
    Advise(Box<AdviseArgs>),
    /// Report table sizes, connections, statistics and what is wrong with a database
    #[command(after_help = examples::REPORT)]
    Report(Box<ReportArgs>),
    /// Time HTTP endpoints and page loads against their budgets, and give a verdict
    #[command(after_help = examples::TIME_ENDPOINTS)]
    TimeEndpoints(Box<EndpointsArgs>),
    /// Watch databases, APIs and pages against their budgets: a dashboard and Prometheus metrics
    #[command(after_help = examples::SERVE)]
    Serve(Box<ServeArgs>),
    /// Explain a check of the report (what it means, how to confirm it, how to fix it) or the format of
    /// query files
    #[command(after_help = examples::EXPLAIN)]
    Explain {
        /// Code of a check, or query-file; without it, all checks are listed
        check: Option<String>,
    },
    /// Try dbaudit on a throwaway server with sample data; nothing to configure
    #[command(after_help = examples::DEMO)]
    Demo(Box<DemoArgs>),
    /// Read what the planner reads of a database into a file: schema, sizes and statistics
    #[command(after_help = examples::SNAPSHOT)]
    Snapshot(SnapshotArgs),
    /// Run a command on a throwaway server that plans as the database of a snapshot does
    #[command(after_help = examples::TWIN)]
    Twin(TwinArgs),
    /// Write a first dbaudit.toml, migrations/ and queries/ here; never over a file
    #[command(after_help = examples::INIT)]
    Init(InitArgs),
    /// Take the index statements out of another tool's migrations
    ///
    /// It reads the folders of goose, dbmate, sql-migrate, golang-migrate, Flyway, Prisma, Diesel and Atlas, SQL that
    /// Alembic generated, and plain SQL.
    #[command(after_help = examples::IMPORT)]
    Import(ImportArgs),
    /// Print the resolved configuration and where each value came from
    #[command(after_help = examples::CONFIG)]
    Config,
    /// Print a shell completion script
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    #[command(after_help = examples::MAN)]
    Man,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}
