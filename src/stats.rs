//! PURE: samples → summary, confidence intervals, verdict against a budget.
//!
//! Slices and counts come in, values go out; no clock, no connection. Nothing here assumes that
//! latencies are normally distributed, or distributed in any particular way: a budget is judged by
//! counting the samples that exceed it, a percentile by order statistics.

mod binomial;
mod calibration;
mod judge;
mod noise;
mod percentile;
mod permutation;
mod quantile;
mod sequential;
mod summary;
mod time_needed;

pub use self::{
    binomial::{lower_bound, upper_bound},
    calibration::{Calibration, Prediction},
    judge::{Judge, Judgement, SampleStanding, decide_once},
    noise::explained_by_noise,
    percentile::Percentile,
    permutation::{PairedResult, compare_pairs},
    quantile::{Interval, quantile, quantile_interval},
    sequential::{Decision, Design, FALSE_OVER, FALSE_WITHIN, SequentialTest},
    summary::Summary,
    time_needed::{run_time, time_needed},
};
