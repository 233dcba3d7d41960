//! The clock: runs a prepared statement, and returns raw samples and the server's plan. Judges nothing.
//!
//! Between the two readings of the clock nothing happens but sending the execution and draining its rows.
//! Every statement runs in a transaction that is rolled back, a read-only one unless it may write.

mod bench;
mod clock;
mod cpu_wait;
mod floor;
mod load;
mod plan;

pub use self::{
    bench::{Access, Bench, Limits, Sample},
    clock::Clock,
    cpu_wait::CpuWaits,
    floor::time_no_op,
    load::{LoadSamples, closed_loop, open_loop},
    plan::{PlanDetail, fetch_plan},
};
