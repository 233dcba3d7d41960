//! What every clock offers: a query's, an endpoint's.

use std::time::Duration;

use crate::Result;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// From sending the execution to the last row and the server's word that it is ready.
    pub elapsed: Duration,
    /// How much of it the backend and this process spent ready to run, but without a CPU.
    pub waited: Duration,
    pub rows: u64,
    /// It was cancelled by the timeout; `elapsed` is what passed until then.
    pub timed_out: bool,
}

impl Sample {
    /// What it took without the time that it waited for a CPU: a busy machine does not make the query slow.
    pub fn net(&self) -> Duration {
        self.elapsed.saturating_sub(self.waited)
    }
}

/// Something that can be run again and again, and tells how long it took each time. It judges nothing.
pub trait Clock {
    /// From now on no run takes longer than this, nor than the clock's own timeout.
    fn limit(&mut self, at_most: Duration);

    /// Runs it once. A run that ends in the timeout is a sample; an error is anything that makes samples
    /// meaningless.
    fn sample(&mut self) -> impl Future<Output = Result<Sample>>;

    /// Gives up what it holds open.
    fn end(&mut self) -> impl Future<Output = Result<()>>;
}
