//! Texts in the place of texts: the same order, and as long where the order leaves room.

use std::collections::BTreeSet;

use rand::{Rng, seq::index};

/// Signs that every collation of the systems' sorts like this, and of which no two make one letter in any language.
const SIGNS: &[u8; 20] = b"0123456789bdfgkmprtv";

/// New texts for these, which are in the order of their collation. Where `is_kept` says so, a text stays.
pub(super) fn words(
    sorted: &[String],
    is_kept: impl Fn(&str) -> bool,
    random: &mut impl Rng,
) -> Vec<String> {
    let mut new = Vec::with_capacity(sorted.len());
    let mut before = "";
    let mut rest = sorted;
    while !rest.is_empty() {
        let until = rest.iter().position(|text| is_kept(text));
        let (between, after) = rest.split_at(until.unwrap_or(rest.len()));
        // Behind the kept one before, and ahead of that which follows: figures stand ahead of letters.
        let ahead = if until.is_some() && before.is_empty() {
            "0"
        } else {
            ""
        };
        fill(between, &format!("{before}{ahead}"), random, &mut new);
        let Some((kept, further)) = after.split_first() else {
            break;
        };
        new.push(kept.clone());
        before = kept;
        rest = further;
    }
    new
}

/// As many texts of this length as give a choice, and those of the old ones that stay; in no order yet.
pub(super) fn candidates<'a>(
    length: u32,
    old: &BTreeSet<&'a String>,
    kept: impl Iterator<Item = &'a String>,
    random: &mut impl Rng,
) -> Vec<String> {
    const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    const CHOICE: usize = 5_000;
    let all = LETTERS.len().saturating_pow(length);
    let mut new: BTreeSet<String> = index::sample(random, all, all.min(CHOICE + 4 * old.len()))
        .into_iter()
        .map(|number| {
            let sign = |place| LETTERS[number / LETTERS.len().pow(place) % LETTERS.len()];
            (0..length).map(|place| char::from(sign(place))).collect()
        })
        .collect();
    // Without the old ones, as far as there are enough others.
    let others: BTreeSet<String> = new.iter().filter(|it| !old.contains(it)).cloned().collect();
    if others.len() >= 2 * old.len() {
        new = others;
    }
    new.extend(kept.cloned());
    new.into_iter().collect()
}

/// Of the candidates, in the order of the collation as the old texts are, one for each; `None` where there are too few between
/// two that stay.
pub(super) fn chosen(
    sorted: &[String],
    is_kept: impl Fn(&str) -> bool,
    candidates: &[String],
    random: &mut impl Rng,
) -> Option<Vec<String>> {
    let mut new = Vec::with_capacity(sorted.len());
    let mut from = 0;
    for run in sorted.split_inclusive(|text| is_kept(text)) {
        let (replaced, kept) = match run.split_last() {
            Some((last, others)) if is_kept(last) => (others, Some(last)),
            _ => (run, None),
        };
        let until = match kept {
            Some(kept) => candidates.iter().position(|it| it == kept)?,
            None => candidates.len(),
        };
        let free = candidates.get(from..until)?;
        if free.len() < replaced.len() {
            return None;
        }
        let mut picked = index::sample(random, free.len(), replaced.len()).into_vec();
        picked.sort_unstable();
        new.extend(picked.into_iter().map(|at| free[at].clone()));
        new.extend(kept.cloned());
        from = until + 1;
    }
    Some(new)
}

fn fill(texts: &[String], prefix: &str, random: &mut impl Rng, new: &mut Vec<String>) {
    let count = texts.len() as u64;
    let base = SIGNS.len() as u64;
    // As few signs as tell them apart, with room to choose from where the texts are long enough.
    let shortest = texts
        .iter()
        .map(|text| text.chars().count())
        .min()
        .unwrap_or(0);
    let room = shortest.saturating_sub(prefix.chars().count());
    let mut width = 1;
    while base.pow(width) < count + 1 || (base.pow(width) < 16 * count && (width as usize) < room) {
        width += 1;
    }
    let step = base.pow(width) / (count + 1);
    for (n, text) in (0_u64..).zip(texts) {
        let code = n * step + random.random_range(0..step.max(1));
        let mut word = prefix.to_owned();
        for place in (0..width).rev() {
            word.push(sign(code / base.pow(place) % base));
        }
        for _ in word.chars().count()..text.chars().count() {
            word.push(sign(random.random_range(0..base)));
        }
        new.push(word);
    }
}

fn sign(number: u64) -> char {
    let at = usize::try_from(number).unwrap_or(0);
    SIGNS.get(at).copied().unwrap_or(b'0').into()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn words_are_in_order_and_as_long() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mut texts: Vec<String> = (0..500).map(|n| format!("customer {:04}", n * 7)).collect();
        texts.push("kept".into());
        texts.push("later".into());
        let new = words(&texts, |text| text == "kept", &mut random);
        assert_eq!(new.len(), texts.len());
        assert!(new.is_sorted() && new.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(new[500], "kept");
        assert!(new[501].starts_with("kept"));
        for (old, new) in texts.iter().zip(&new).take(500) {
            assert_eq!((old.len(), old == new), (new.len(), false));
        }
        let codes: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert!(
            words(&codes, |_| false, &mut random)
                .iter()
                .all(|word| word.len() == 1)
        );
    }

    #[test]
    fn short_texts_stay_short_and_in_order_around_those_that_stay() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let texts: Vec<String> = ["at", "ch", "de", "fr", "it", "us", "za"]
            .map(str::to_owned)
            .into();
        let is_kept = |text: &str| matches!(text, "de" | "us");
        let old = texts.iter().collect();
        let kept = texts.iter().filter(|text| is_kept(text));
        let mut candidates = candidates(2, &old, kept, &mut random);
        candidates.sort();
        let new = chosen(&texts, is_kept, &candidates, &mut random).unwrap();
        assert!(new.is_sorted() && new.windows(2).all(|pair| pair[0] != pair[1]));
        for (old, new) in texts.iter().zip(&new) {
            assert_eq!((old == new, new.len()), (is_kept(old), 2), "{old}: {new}");
        }
        let few: Vec<String> = ["de", "us", "zz"].map(str::to_owned).into();
        assert_eq!(chosen(&texts, is_kept, &few, &mut random), None);
    }
}
