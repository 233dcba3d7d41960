//! Contenders that take turns, and what can be said of their samples.

use std::time::{Duration, Instant};

use crate::figure::ms;

/// One of those who are compared.
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    /// One round: the sample in milliseconds, or why there is none.
    pub(crate) round: Box<dyn FnMut() -> Result<f64, String> + 'a>,
    /// After so long in all, it takes no further turn.
    patience: Duration,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(
        name: impl Into<String>,
        round: impl FnMut() -> Result<f64, String> + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            round: Box::new(round),
            patience: Duration::MAX,
        }
    }

    /// The same, for one that may need minutes: what it showed by then is what is known of it.
    pub(crate) fn for_at_most(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// What came of a contender: a sample per round, or why it is out.
#[derive(Debug, Clone)]
pub(crate) struct Sampled {
    pub(crate) name: String,
    pub(crate) samples: Vec<f64>,
    pub(crate) missing: Option<String>,
}

/// Everyone once per round, after `warm_ups` rounds that do not count. Who begins changes from round to
/// round, and so does the direction, so that nobody always runs behind the same other one.
pub(crate) fn interleave(
    warm_ups: usize,
    rounds: usize,
    mut contenders: Vec<Contender<'_>>,
) -> Vec<Sampled> {
    let mut all: Vec<Sampled> = contenders
        .iter()
        .map(|contender| Sampled {
            name: contender.name.clone(),
            samples: Vec::new(),
            missing: None,
        })
        .collect();
    let count = contenders.len();
    let mut spent = vec![Duration::ZERO; count];
    for round in 0..warm_ups + rounds {
        for turn in 0..count {
            let step = if round % 2 == 0 { turn } else { count - turn };
            let at = (round / 2 + step) % count;
            let patience = contenders[at].patience;
            if all[at].missing.is_some() || spent[at] > patience {
                continue;
            }
            let begun = Instant::now();
            let result = (contenders[at].round)();
            spent[at] += begun.elapsed();
            match result {
                // Without a further turn, the warm-up is the sample.
                Ok(_) if round < warm_ups && spent[at] <= patience => {}
                Ok(sample) => all[at].samples.push(sample),
                Err(why) => {
                    eprintln!("  {}: {why}", all[at].name);
                    all[at].missing = Some(why);
                }
            }
        }
    }
    all
}

/// The value below which this share of the samples lies; between two of them, the nearer.
pub(crate) fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * (sorted.len().max(1) - 1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(samples: &[f64]) -> f64 {
    let (low, high) = (quantile_low(samples), quantile(samples, 0.5));
    f64::midpoint(low, high)
}

fn quantile_low(samples: &[f64]) -> f64 {
    let negated: Vec<f64> = samples.iter().map(|sample| -sample).collect();
    -quantile(&negated, 0.5)
}

/// Rows of the usual table: the median, the quartiles, and the ratio of the first contender to each.
pub(crate) fn rows(all: &[Sampled]) -> Vec<Vec<String>> {
    all.iter()
        .map(|one| {
            if let Some(why) = &one.missing {
                return vec![one.name.clone(), why.clone(), String::new(), String::new()];
            }
            let ratio = (one.name != all[0].name)
                .then(|| Ratio::of(&all[0], one))
                .flatten();
            let quartiles = match one.samples.len() {
                1 => "one turn".into(),
                _ => format!(
                    "{} to {}",
                    ms(quantile(&one.samples, 0.25)),
                    ms(quantile(&one.samples, 0.75))
                ),
            };
            vec![
                one.name.clone(),
                ms(median(&one.samples)),
                quartiles,
                ratio.map_or(String::new(), |ratio| ratio.to_string()),
            ]
        })
        .collect()
}

/// Above [`rows`].
pub(crate) fn header(ours: &str) -> Vec<String> {
    ["", "median", "quartiles", &format!("{ours} ÷ it")]
        .map(str::to_owned)
        .to_vec()
}

/// How many times as long one takes as the other, round by round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    /// The quartiles of the rounds' ratios.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Ratio {
    pub(crate) fn of(ours: &Sampled, theirs: &Sampled) -> Option<Self> {
        let ratios: Vec<f64> = ours
            .samples
            .iter()
            .zip(&theirs.samples)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        (!ratios.is_empty()).then(|| Self {
            median: median(&ratios),
            low: quantile(&ratios, 0.25),
            high: quantile(&ratios, 0.75),
        })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2} ({:.2} to {:.2})",
            self.median, self.low, self.high
        )
    }
}
