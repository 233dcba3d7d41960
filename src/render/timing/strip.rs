//! A distribution in a line of text.

use crate::report::timing::Histogram;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character per bucket pair, its height the count; a blank where there is none.
pub(super) fn strip(histogram: &Histogram) -> String {
    let merged: Vec<u32> = histogram
        .counts
        .chunks(2)
        .map(|pair| pair.iter().sum())
        .collect();
    let highest = merged.iter().copied().max().unwrap_or(0);
    merged
        .iter()
        .map(|&count| {
            if count == 0 || highest == 0 {
                return ' ';
            }
            // The square root: a single slow sample among hundreds must still be seen.
            let height = (f64::from(count) / f64::from(highest)).sqrt() * 7.0;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 7"
            )]
            let level = height.round() as usize;
            LEVELS.get(level).copied().unwrap_or('█')
        })
        .collect()
}
