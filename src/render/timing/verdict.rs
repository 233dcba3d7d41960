//! A verdict for people.

use crate::{render::Tone, report::timing::Verdict};

pub(super) fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Over => "over budget",
        Verdict::PredictedOver => "predicted over budget",
        other => other.as_str(),
    }
}

pub(super) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Within => Tone::Good,
        Verdict::Over | Verdict::PredictedOver | Verdict::Error => Tone::Bad,
        Verdict::Inconclusive => Tone::Warn,
        Verdict::Skipped | Verdict::Planned => Tone::Dim,
    }
}
