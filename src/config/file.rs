//! `dbaudit.toml`. Unknown keys are errors with the line.

use std::path::Path;

use serde::Deserialize;

use super::{
    advise::AdviseFile,
    app::AppFile,
    apply::ApplyFile,
    connection::{ConnectionFile, PoolFile},
    demo::DemoFile,
    endpoints::{EndpointFile, EndpointsFile, PageFile},
    lines::Lines,
    output::{LogFile, OutputFile},
    report::ReportFile,
    serve::{DatabaseFile, ServeFile},
    time::TimeFile,
};
use crate::{Error, Result, db::mask_text};

/// The whole file. Keys are spelled as the flags are.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConfigFile {
    pub database_url: Option<String>,
    /// `[connection]`
    pub connection: ConnectionFile,
    /// `[pool]`
    pub pool: PoolFile,
    /// `[output]`
    pub output: OutputFile,
    /// `[log]`
    pub log: LogFile,
    /// `[apply-indexes]`
    pub apply_indexes: ApplyFile,
    /// `[time-queries]`
    pub time_queries: TimeFile,
    /// `[advise]`
    pub advise: AdviseFile,
    /// `[report]`
    pub report: ReportFile,
    /// `[time-endpoints]`
    pub time_endpoints: EndpointsFile,
    /// `[[endpoint]]`
    pub endpoint: Vec<EndpointFile>,
    /// `[[page]]`
    pub page: Vec<PageFile>,
    /// `[serve]`
    pub serve: ServeFile,
    /// `[[database]]`
    pub database: Vec<DatabaseFile>,
    /// `[[app]]`
    pub app: Vec<AppFile>,
    /// `[demo]`
    pub demo: DemoFile,
}

impl ConfigFile {
    /// Reads `path`; without one, `./dbaudit.toml` if it is there.
    ///
    /// # Errors
    /// The file named is not there, is not TOML, has an unknown key or a value of the wrong type.
    pub fn load(path: Option<&Path>) -> Result<(Self, Lines)> {
        let default = Path::new("dbaudit.toml");
        let path = match path {
            Some(path) => path,
            None if default.is_file() => default,
            None => return Ok(Default::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            doing: "reading the configuration file",
            path: path.to_owned(),
            source,
        })?;
        let file = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(String::new(), |span| {
                let before = text.get(..span.start).unwrap_or_default();
                format!(":{}", before.matches('\n').count() + 1)
            });
            Error::Config {
                // The caret snippet repeats the line, which may hold a password.
                message: mask_text(format!("{}{line}: {error}", path.display()).trim_end()),
                hint: "the annotated dbaudit.toml in the repository shows every key".into(),
            }
        })?;
        Ok((file, Lines::read(path, &text)))
    }
}
