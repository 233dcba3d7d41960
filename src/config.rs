//! File + environment + flags → one validated [`Config`]. No clap type goes below this room.
//!
//! Flags win over environment variables, those over `dbaudit.toml`, that over the defaults. Every value
//! remembers where it came from, for `dbaudit config`.

mod apply;
mod demo;
mod file;
mod invocation;
mod report;
mod resolve;
mod time;

pub use self::{
    apply::ApplyConfig,
    demo::DemoConfig,
    file::ConfigFile,
    invocation::{Invocation, Task},
    report::ReportConfig,
    resolve::{Origin, Resolver, Setting},
    time::TimeConfig,
};
use crate::render::Format;

/// What every command needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the database is: a URL or key=value string; `None`: libpq's environment variables.
    /// May hold a password: never print it.
    pub database_url: Option<String>,
    /// How the result is written.
    pub format: Format,
    /// Where the result goes.
    pub output: crate::output::Output,
    /// Whether progress bars are drawn.
    pub progress: bool,
}
