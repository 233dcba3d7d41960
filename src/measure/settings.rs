//! How much is measured, and in what ways.

use std::time::Duration;

use crate::workload::SettingPair;

#[derive(Debug, Clone)]
pub struct MeasureConfig {
    /// What writes is timed as well, and rolled back.
    pub allow_writes: bool,
    /// Nothing is run: each case is only planned.
    pub plans_only: bool,
    /// Per case; `None`: what the percentile needs.
    pub max_samples: Option<u32>,
    /// Per case; `None`: what its budget needs.
    pub max_time: Option<Duration>,
    /// Combinations of parameters per query.
    pub max_cases: u32,
    /// Only the worst values, and the plan that the server chooses: a first look.
    pub worst_only: bool,
    /// Under load as well.
    pub load: Option<Load>,
    pub load_time: Duration,
    /// Two ways of running each query.
    pub experiment: Option<Experiment>,
    /// What reading one block takes; `None`: as the server measured it.
    pub cold_read: Option<Duration>,
}

impl Default for MeasureConfig {
    fn default() -> Self {
        Self {
            allow_writes: false,
            plans_only: false,
            max_samples: None,
            max_time: None,
            max_cases: 24,
            worst_only: false,
            load: None,
            load_time: Duration::from_secs(5),
            experiment: None,
            cold_read: None,
        }
    }
}

/// The load a query is put under.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Each client runs again as soon as it is done.
    Closed {
        clients: u32,
    },
    /// Executions are due at a rate.
    Open {
        /// Per second.
        rate: f64,
        /// Sessions that share them.
        clients: u32,
    },
    Sweep {
        most: u32,
    },
}

/// Two ways of running a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Experiment {
    /// Under two values of a setting.
    Setting(SettingPair),
    /// With and without an index.
    WithoutIndex(String),
}
