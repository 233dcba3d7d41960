//! The results: the one value per command that every output format receives.

pub mod apply;
mod database;
pub mod demo;
mod settings;
pub mod timing;

pub use self::{
    apply::ApplyResult,
    database::{
        Baseline, Changes, ConnectionSummary, DatabaseReport, IndexRow, ReportSet, SavedFacts,
        Section, StatementChange, TableChange, TableRow, View,
    },
    demo::DemoResult,
    settings::Settings,
    timing::TimingResult,
};
