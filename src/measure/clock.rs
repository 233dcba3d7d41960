//! What every clock offers: a query's, an endpoint's.

use std::time::Duration;

use super::Sample;
use crate::Result;

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
