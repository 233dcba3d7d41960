//! The results: the one value per command that every output format receives.

pub mod advise;
pub mod apply;
mod database;
pub mod demo;
mod drop_impact;
pub mod files;
mod import;
mod init;
mod query_list;
mod server;
mod settings;
pub mod timing;

pub use self::{
    advise::AdviseResult,
    apply::ApplyResult,
    database::{
        Baseline, Blocker, Changes, DatabaseReport, IndexOrigin, IndexRow, Origins, ReportSet,
        SavedFacts, Section, StatementSummary, TableRow, View,
    },
    demo::DemoResult,
    drop_impact::{ChangedQuery, DropImpact, NotJudged},
    import::ImportResult,
    init::InitResult,
    query_list::QueryList,
    server::Server,
    settings::{Origin, Setting, Settings},
    timing::TimingResult,
};
