//! The verdict on one case while its samples come in: by wall-clock time, with the waits for a CPU given beside it.

use super::{
    Decision, Design, FALSE_OVER, FALSE_WITHIN, Percentile, SequentialTest, lower_bound,
    upper_bound,
};

/// How one sample stands to its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleStanding {
    /// Within it, by the clock.
    Within,
    /// Over it by the clock; without its waits for a CPU it would be within.
    OverByWaiting,
    /// Over it, whatever it waited.
    Over,
    /// It was cut off, and had exceeded the budget by then.
    CutOff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The percentile is within the budget, by the clock.
    Within,
    /// It is over by the clock, and would be without the waits for a CPU as well.
    Over,
    /// A sample was cut off: over at once.
    CutOff,
    /// It is over by the clock; without the waits it would be within, or so near that nothing can be told: the machine
    /// was busy.
    Busy,
}

/// Two sequential tests over the same samples: one by the clock, which is what a user waits, and one without the
/// waits for a CPU. Waits decide nothing alone: they can keep an `over` from being said, never make it a `within`.
#[derive(Debug, Clone)]
pub struct Judge<'d> {
    clock: SequentialTest<'d>,
    net: SequentialTest<'d>,
    by_clock: Option<Decision>,
    by_net: Option<Decision>,
    /// Samples that may still come until the waits have explained what the clock says.
    patience: u32,
}

impl<'d> Judge<'d> {
    /// Before the first sample.
    pub fn new(design: &'d Design) -> Self {
        Self {
            clock: SequentialTest::new(design),
            net: SequentialTest::new(design),
            by_clock: None,
            by_net: None,
            patience: 2 * design.fewest(),
        }
    }

    /// Counts a sample; says what is found, once it is certain. The first decision of each test stands: its error
    /// holds for that one.
    pub fn observe(&mut self, standing: SampleStanding) -> Option<Judgement> {
        if standing == SampleStanding::CutOff {
            return Some(Judgement::CutOff);
        }
        let by_clock = self.clock.observe(standing != SampleStanding::Within);
        let by_net = self.net.observe(standing == SampleStanding::Over);
        self.by_clock = self.by_clock.or(by_clock);
        self.by_net = self.by_net.or(by_net);
        match (self.by_clock?, self.by_net) {
            (Decision::Within, _) => Some(Judgement::Within),
            (Decision::Over, Some(Decision::Over)) => Some(Judgement::Over),
            (Decision::Over, Some(Decision::Within)) => Some(Judgement::Busy),
            (Decision::Over, None) => {
                // Near the budget without them, and beyond it with them: hundreds of samples more would say no more.
                self.patience = self.patience.saturating_sub(1);
                (self.patience == 0).then_some(Judgement::Busy)
            }
        }
    }

    pub fn samples(&self) -> u32 {
        self.clock.samples()
    }

    /// Whether it is over by the clock, and only what it waited keeps that from being said.
    pub fn is_over_by_clock(&self) -> bool {
        self.by_clock == Some(Decision::Over)
    }
}

/// The decision where all samples are in: a single look, by the exact bounds.
pub fn decide_once(exceedances: u64, samples: u64, percentile: Percentile) -> Option<Decision> {
    let tolerated = percentile.tolerated();
    if lower_bound(exceedances, samples, FALSE_OVER) > tolerated {
        Some(Decision::Over)
    } else if upper_bound(exceedances, samples, FALSE_WITHIN) <= tolerated {
        Some(Decision::Within)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Percentile, *};

    fn judged(standing: impl Fn(u32) -> SampleStanding) -> (Option<Judgement>, u32) {
        let design = Design::new(Percentile::P95, 1_800);
        let mut judge = Judge::new(&design);
        let mut finding = None;
        while finding.is_none() && judge.samples() < 1_800 {
            finding = judge.observe(standing(judge.samples()));
        }
        (finding, judge.samples())
    }

    #[test]
    fn both_clocks_must_agree_on_an_over_and_waits_never_make_a_within() {
        use SampleStanding::{CutOff, Over, OverByWaiting, Within};
        assert_eq!(judged(|_| Within), (Some(Judgement::Within), 72));
        assert_eq!(judged(|_| Over), (Some(Judgement::Over), 4));
        assert_eq!(judged(|_| OverByWaiting), (Some(Judgement::Busy), 72));
        // Every second one waited: by the clock that is over all the same.
        let half = |n: u32| {
            if n.is_multiple_of(2) {
                Within
            } else {
                OverByWaiting
            }
        };
        assert_eq!(judged(half).0, Some(Judgement::Busy));
        let late = |n: u32| if n == 30 { CutOff } else { Within };
        assert_eq!(judged(late), (Some(Judgement::CutOff), 30));
        // Over by the clock; without the waits right at the percentile, which nothing can decide.
        let edge = |n: u32| if n % 20 == 19 { Over } else { OverByWaiting };
        assert_eq!(judged(edge), (Some(Judgement::Busy), 4 + 2 * 72 - 1));
    }
}
