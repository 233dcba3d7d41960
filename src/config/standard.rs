//! Every command's settings as they are without flags, file and environment: what `demo` works with, so
//! that it shows the same everywhere.

use super::{
    ApplyConfig, ReportConfig, Resolver, TimeConfig, apply::ApplyFile, file::Lines,
    report::ReportFile,
};
use crate::{
    Result,
    cli::{ApplyArgs, ReportArgs},
};

#[derive(Debug, Clone)]
pub struct Standard {
    pub report: ReportConfig,
    /// `time-queries`
    pub time: TimeConfig,
    /// `apply-indexes`
    pub apply: ApplyConfig,
}

impl Standard {
    /// The defaults.
    ///
    /// # Errors
    /// None that a test would not find.
    pub fn settings() -> Result<Self> {
        let (matches, command) = (clap::ArgMatches::default(), clap::Command::new("demo"));
        let lines = Lines::default();
        let mut resolver = Resolver::new(&matches, &command, &lines);
        let apply = ApplyConfig::resolve(ApplyArgs::default(), ApplyFile::default(), &mut resolver);
        Ok(Self {
            report: ReportConfig::resolve(
                ReportArgs::default(),
                ReportFile::default(),
                &mut resolver,
            )?,
            time: TimeConfig::default(),
            apply: ApplyConfig {
                // Those of the sample, whatever the present folder holds.
                migrations: None,
                ..apply
            },
        })
    }
}
