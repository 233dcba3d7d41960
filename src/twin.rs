//! A database that plans as production does, without its data: what the planner reads of a server, as a file, and a
//! throwaway server that is given it.

mod build;
mod pages;
mod redact;
mod schema;
mod snapshot;
mod take;

pub use self::{
    build::{Twin, build},
    snapshot::Snapshot,
    take::take,
};
