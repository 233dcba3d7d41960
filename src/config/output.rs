//! Settings of output and logs: `[output]` and `[log]`.

use std::{fmt, path::PathBuf};

use serde::Deserialize;

use super::{Resolver, formats::Offered};
use crate::{
    Result,
    cli::{self, GlobalArgs},
    output::Output,
    render::Format,
};

/// `[output]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OutputFile {
    pub format: Option<Format>,
    pub file: Option<PathBuf>,
    pub color: Option<Color>,
    pub progress: Option<bool>,
}

/// `[log]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LogFile {
    pub format: Option<LogFormat>,
    pub level: Option<LogLevel>,
}

/// When the output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Errors only (`-q`).
    Error,
    /// What a user wants to know.
    Info,
    /// What dbaudit does (`-v`).
    Debug,
    /// What its libraries do as well (`-vv`).
    Trace,
}

#[derive(Debug)]
pub(super) struct Presentation {
    pub(super) format: Format,
    pub(super) output: Output,
    pub(super) also: Vec<(Format, Output)>,
    pub(super) progress: bool,
    pub(super) log_format: LogFormat,
    pub(super) log_level: LogLevel,
}

impl Presentation {
    pub(super) fn resolve(
        args: &GlobalArgs,
        file: OutputFile,
        log: LogFile,
        offered: &Offered,
        resolver: &mut Resolver<'_>,
    ) -> Result<Self> {
        let picked = resolver.pick_flag(
            "output.format",
            "format",
            args.format,
            file.format,
            Format::Table,
        );
        let format = if resolver.is_on_command_line("format") {
            offered.check(picked)?;
            picked
        } else {
            // What a variable or the file says is meant for many commands, and applies to those that have it.
            [Some(picked), file.format]
                .into_iter()
                .flatten()
                .find(|format| offered.has(*format))
                .unwrap_or(Format::Table)
        };
        for (format, _) in &args.also {
            offered.check_also(*format)?;
        }
        let output = resolver.pick_optional_flag(
            "output.file",
            "output",
            args.output.clone(),
            file.file,
            |path| path.display().to_string(),
        );
        let color = resolver.pick_flag(
            "output.color",
            "color",
            args.color.map(color_of),
            file.color,
            Color::Auto,
        );
        let progress = resolver.pick_flag(
            "output.progress",
            "no_progress",
            args.no_progress.then_some(false),
            file.progress,
            true,
        );
        let log_format = resolver.pick_flag(
            "log.format",
            "log_format",
            args.log_format.map(|format| match format {
                cli::LogFormat::Text => LogFormat::Text,
                cli::LogFormat::Json => LogFormat::Json,
            }),
            log.format,
            LogFormat::Text,
        );
        let flag = match (args.quiet, args.verbose) {
            (true, _) => Some((LogLevel::Error, "quiet")),
            (false, 0) => None,
            (false, 1) => Some((LogLevel::Debug, "verbose")),
            (false, _) => Some((LogLevel::Trace, "verbose")),
        };
        let log_level = resolver.pick_flag(
            "log.level",
            flag.map_or("verbose", |(_, id)| id),
            flag.map(|(level, _)| level),
            log.level,
            LogLevel::Info,
        );
        let also = args.also.iter().map(|(format, file)| {
            let output = Output::detect(Some(file.clone()), color.forced());
            (*format, output)
        });
        Ok(Self {
            format,
            output: Output::detect(output, color.forced()),
            also: also.collect(),
            // Bars and lines of JSON do not go together on one terminal.
            progress: progress && log_level != LogLevel::Error && format != Format::JsonLines,
            log_format,
            log_level,
        })
    }
}

impl Color {
    /// What it forces; `None`: look at the terminal.
    pub(super) fn forced(self) -> Option<bool> {
        match self {
            Color::Auto => None,
            Color::Always => Some(true),
            Color::Never => Some(false),
        }
    }
}

pub(super) fn color_of(color: cli::Color) -> Color {
    match color {
        cli::Color::Auto => Color::Auto,
        cli::Color::Always => Color::Always,
        cli::Color::Never => Color::Never,
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Color::Auto => "auto",
            Color::Always => "always",
            Color::Never => "never",
        })
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogLevel::Error => "error",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        })
    }
}
