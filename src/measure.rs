//! The clock, and what is measured with it: queries case by case, alone and under load, until their budgets are
//! decided. The decisions themselves are functions of [`crate::stats`].
//!
//! Between the two readings of the clock nothing happens but sending the execution and draining its rows.
//! Every statement runs in a transaction that is rolled back, a read-only one unless it may write.

mod bare_plan;
mod bench;
mod clock;
mod cpu_wait;
mod floor;
mod heavy_statements;
mod load;
mod parameters;
mod plan;
mod query;
mod run;
mod sampling;
mod session;
mod settings;
mod verdict;

pub use self::{
    bare_plan::bare_plan,
    bench::{Access, Bench, BenchSettings},
    clock::{Clock, Sample},
    cpu_wait::CpuWaits,
    floor::time_no_op,
    heavy_statements::{HeavyStatement, heaviest_statements, statements_schema},
    load::{LoadSamples, closed_loop, open_loop},
    parameters::{ParameterNotes, infer_parameters, parameter_values},
    plan::{PlanDetail, execute, fetch_plan},
    run::{CALIBRATION, QueryTiming, time_queries},
    sampling::{TimeLimits, sample, warm_up},
    session::connect,
    settings::{Experiment, Load, MeasureConfig},
    verdict::{CaseSamples, judge_load},
};
