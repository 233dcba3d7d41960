//! The results: the one value per command that every output format receives.

pub mod advise;
pub mod apply;
mod database;
pub mod demo;
pub mod files;
mod import;
mod init;
mod settings;
pub mod timing;

pub use self::{
    advise::AdviseResult,
    apply::ApplyResult,
    database::{
        Baseline, Blocker, Changes, ConnectionSummary, DatabaseReport, DueVacuum, Horizon,
        IndexOrigin, IndexRow, OpenTransaction, Origins, ReplicationSummary, ReportSet,
        RunningVacuum, SavedFacts, Section, SessionSummary, StatementChange, StatementSummary,
        TableChange, TableRow, VacuumSummary, View, WriteSummary,
    },
    demo::DemoResult,
    import::ImportResult,
    init::InitResult,
    settings::Settings,
    timing::TimingResult,
};
