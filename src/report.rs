//! The results: the one value per command that every output format receives.

mod database;
mod settings;
pub mod timing;

pub use self::{
    database::{ConnectionSummary, DatabaseReport, IndexRow, TableRow},
    settings::Settings,
    timing::TimingResult,
};
