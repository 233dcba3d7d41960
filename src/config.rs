//! File + environment + flags → one validated [`Config`]. No clap type goes below this room.
//!
//! Flags win over environment variables, those over `dbaudit.toml`, that over the defaults. Every value
//! remembers where it came from, for `dbaudit config`.

mod advise;
mod app;
mod apply;
mod complete;
mod connection;
mod demo;
mod endpoints;
mod file;
mod first_run;
mod formats;
mod front;
mod invocation;
mod lines;
mod output;
mod report;
mod resolve;
mod serve;
mod standard;
mod time;
mod twin;

pub use self::{
    advise::AdviseConfig,
    app::AppConfig,
    complete::complete,
    demo::DemoConfig,
    endpoints::EndpointsConfig,
    file::ConfigFile,
    front::{ImportConfig, InitConfig},
    invocation::{Invocation, Task},
    output::{LogFormat, LogLevel},
    report::ReportConfig,
    resolve::Resolver,
    serve::{DatabaseFile, ServeConfig, WebhookForm},
    standard::Standard,
    time::TimeConfig,
    twin::{SnapshotConfig, TwinConfig},
};
use crate::render::Format;

/// What every command needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the database is, and how connections to it are opened and pooled.
    pub connection: crate::db::ConnectionConfig,
    pub format: Format,
    /// Where the result goes.
    pub output: crate::output::Output,
    /// In which formats it is written besides, and where to.
    pub also: Vec<(Format, crate::output::Output)>,
    pub progress: bool,
}

impl Config {
    /// The formats that the result is written in.
    pub fn formats(&self) -> impl Iterator<Item = Format> + '_ {
        let also = self.also.iter().map(|(format, _)| *format);
        std::iter::once(self.format).chain(also)
    }
}
