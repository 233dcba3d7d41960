//! dbaudit makes an application's Postgres queries meet their latency budget, and proves it.
//!
//! The map of the house, and which room imports which, is `docs/src/house.md`.

pub mod advise;
pub mod apply;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod command;
pub mod config;
pub mod db;
pub mod demo;
pub mod duration;
pub mod endpoint;
pub mod error;
pub mod explain;
pub mod host;
pub mod human;
pub mod interrupt;
pub mod measure;
pub mod memory_limit;
pub mod migration;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod progress;
pub mod render;
pub mod report;
pub mod serve;
pub mod sql;
pub mod stats;
pub mod workload;

pub use error::{Error, Result};
pub use outcome::Outcome;
