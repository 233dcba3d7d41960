//! A database that plans as production does, without its data: what the planner reads of a server, as a file, and a
//! throwaway server that is given it.

mod attribute_numbers;
mod build;
mod calibrate;
mod expressions;
mod furnish;
mod metapages;
mod most_common;
mod new_indexes;
mod pages;
mod redact;
mod rows;
mod schema;
mod session;
mod snapshot;
mod statistics;
mod take;

pub use self::{
    build::{Twin, build},
    furnish::furnish,
    snapshot::Snapshot,
    take::{SnapshotConfig, take},
};
