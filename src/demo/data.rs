//! The sample rows: skewed as real ones are, and the same for the same seed on every platform.
//!
//! A few users hold a tenth of all content; types, topics and authors follow Zipf's law; content grows
//! over two years up to a fixed date, and lies in the table in about that order; some users are
//! inactive, some never came back, some content has no metadata.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

use super::words::{ANGLES, AUDIENCES, SETTINGS, SUBJECTS, TYPES, WORDS};

/// 2026-01-01T00:00:00Z, where the sample's time ends.
const END: i64 = 1_767_225_600;
/// Two years of 365 days, in seconds.
const SPAN: i64 = 2 * 365 * 86_400;
/// Of a thousand contents, how many each of the first users holds.
const WHALES: [u32; 4] = [50, 30, 15, 5];

pub(super) fn user_count(rows: u64) -> u64 {
    (rows / 10).max(20)
}

/// Rows as lines of COPY's text format. Nothing generated needs escaping.
#[derive(Debug)]
pub(super) struct Users {
    random: ChaCha8Rng,
}

impl Users {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// `id, email, display_name, is_active, created_at, last_used_at`
    pub(super) fn line(&mut self, id: u64, line: &mut String) {
        let random = &mut self.random;
        let created = END - random.random_range(0..SPAN);
        let active = random.random_ratio(4, 5);
        let name = if random.random_ratio(1, 10) {
            r"\N".to_owned()
        } else {
            format!("Teacher {id}")
        };
        let used = if random.random_ratio(1, 20) {
            r"\N".to_owned()
        } else {
            timestamp(random.random_range(created..=END))
        };
        let created = timestamp(created);
        line.push_str(&format!(
            "{id}\tuser{id}@example.com\t{name}\t{active}\t{created}\t{used}\n"
        ));
    }
}

/// `content`, and what `content_metadata` tells about it.
#[derive(Debug)]
pub(super) struct Contents {
    random: ChaCha8Rng,
    rows: u64,
    authors: Zipf<f64>,
    types: Zipf<f64>,
    topics: Zipf<f64>,
}

impl Contents {
    /// `None` only for distributions that do not exist, which these do.
    pub(super) fn new(seed: u64, rows: u64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let size = |n: u64| n as f64;
        let topics = ANGLES.len() * SUBJECTS.len() * SETTINGS.len();
        Some(Self {
            random: ChaCha8Rng::seed_from_u64(seed.wrapping_add(1)),
            rows,
            authors: Zipf::new(size(user_count(rows)), 0.6).ok()?,
            types: Zipf::new(size(TYPES.len() as u64), 1.1).ok()?,
            topics: Zipf::new(size(topics as u64), 0.8).ok()?,
        })
    }

    /// `id, user_id, topic, content_type, audience_level, generated_at, body`; gives the body's words.
    pub(super) fn line(&mut self, id: u64, line: &mut String) -> u32 {
        let user = self.author();
        let rank = rank(self.topics.sample(&mut self.random));
        let topic = topic(rank);
        let kind = TYPES[rank_in(self.types.sample(&mut self.random), TYPES)];
        let audience = self.audience();
        let when = timestamp(self.moment(id));
        line.push_str(&format!(
            "{id}\t{user}\t{topic}\t{kind}\t{audience}\t{when}\t"
        ));
        let words = self.random.random_range(215..265);
        body(&mut self.random, words, line);
        line.push('\n');
        words
    }

    fn author(&mut self) -> u64 {
        let mut draw = self.random.random_range(0..1000);
        for (user, share) in (1..).zip(WHALES) {
            if draw < share {
                return user;
            }
            draw -= share;
        }
        // Spread the Zipf ranks over the ids: old accounts are not the busiest ones.
        let users = user_count(self.rows);
        let rank = rank(self.authors.sample(&mut self.random)) as u64;
        (rank.wrapping_mul(7_919) + 11) % users + 1
    }

    fn audience(&mut self) -> &'static str {
        let mut draw = self.random.random_range(0..100);
        for (audience, share) in AUDIENCES {
            if draw < *share {
                return audience;
            }
            draw -= share;
        }
        AUDIENCES[0].0
    }

    /// Growth: the second year holds most. A little out of order, as concurrent writers leave it.
    fn moment(&mut self, id: u64) -> i64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "seconds within two years"
        )]
        let into = ((id as f64 / self.rows as f64).powf(0.7) * SPAN as f64) as i64;
        (END - SPAN + into - self.random.random_range(0..3_600)).max(END - SPAN)
    }
}

/// `content_id, word_count, estimated_read_time` (minutes). One content in twenty has no metadata.
#[derive(Debug)]
pub(super) struct Metadata {
    random: ChaCha8Rng,
}

impl Metadata {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed.wrapping_add(2)),
        }
    }

    pub(super) fn line(&mut self, content: u64, words: u32, line: &mut String) {
        if self.random.random_ratio(1, 20) {
            return;
        }
        let minutes = if self.random.random_ratio(1, 10) {
            r"\N".to_owned()
        } else {
            words.div_ceil(60).to_string()
        };
        line.push_str(&format!("{content}\t{words}\t{minutes}\n"));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Zipf gives whole numbers from 1 to its size"
)]
fn rank(drawn: f64) -> usize {
    (drawn as usize).saturating_sub(1)
}

fn rank_in(drawn: f64, of: &[&str]) -> usize {
    rank(drawn).min(of.len() - 1)
}

fn topic(rank: usize) -> String {
    // Shuffled by a step that shares no factor with the number of topics.
    let topics = ANGLES.len() * SUBJECTS.len() * SETTINGS.len();
    let at = (rank * 7_919) % topics;
    let angle = ANGLES[at % ANGLES.len()];
    let subject = SUBJECTS[at / ANGLES.len() % SUBJECTS.len()];
    let setting = SETTINGS[at / ANGLES.len() / SUBJECTS.len() % SETTINGS.len()];
    format!("{angle} {subject}{setting}")
}

fn body(random: &mut ChaCha8Rng, words: u32, line: &mut String) {
    let mut sentence = 0;
    for word in 0..words {
        let drawn = WORDS[random.next_u32() as usize % WORDS.len()];
        if sentence == 0 {
            if word > 0 {
                line.push_str(". ");
            }
            let (first, rest) = drawn.split_at(1);
            line.push_str(&first.to_ascii_uppercase());
            line.push_str(rest);
            sentence = 6 + random.next_u32() % 9;
        } else {
            line.push(' ');
            line.push_str(drawn);
            sentence -= 1;
        }
    }
    line.push('.');
}

fn timestamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(seed: u64, rows: u64) -> Vec<Vec<String>> {
        let mut made = Contents::new(seed, rows).unwrap();
        (1..=rows)
            .map(|id| {
                let mut line = String::new();
                made.line(id, &mut line);
                line.trim_end().split('\t').map(str::to_owned).collect()
            })
            .collect()
    }

    fn share(rows: &[Vec<String>], column: usize, value: &str) -> f64 {
        let hits = rows.iter().filter(|row| row[column] == value).count();
        hits as f64 / rows.len() as f64
    }

    #[test]
    fn the_same_seed_gives_the_same_rows_and_another_seed_others() {
        assert_eq!(contents(1, 200), contents(1, 200));
        assert_ne!(contents(1, 200), contents(2, 200));
    }

    #[test]
    fn a_whale_holds_a_twentieth_and_one_type_more_than_a_third() {
        let rows = contents(42, 5_000);
        assert!(rows.iter().all(|row| row.len() == 7));
        let whale = share(&rows, 1, "1");
        assert!((0.04..0.06).contains(&whale), "{whale}");
        let articles = share(&rows, 3, "article");
        assert!((0.33..0.45).contains(&articles), "{articles}");
    }

    #[test]
    fn every_author_exists_and_no_time_lies_outside_the_two_years() {
        let rows = contents(42, 2_000);
        let users = user_count(2_000);
        for row in &rows {
            assert!((1..=users).contains(&row[1].parse().unwrap()), "{row:?}");
            assert!(row[5].as_str() <= "2026-01-01T00:00:00Z");
            assert!(row[5].as_str() >= "2024-01-02T00:00:00Z");
        }
    }
}
