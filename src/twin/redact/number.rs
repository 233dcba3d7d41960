//! Values that stand on a line: numbers, times, UUIDs. Others take their places, in the same order.

use std::collections::BTreeSet;

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime, Time},
};
use rand::Rng;

/// What a type's values are on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Line {
    Integer,
    /// With this many digits after the point.
    Decimal(u32),
    Date,
    /// `timestamp`, and the same with a time zone.
    Timestamp,
    TimestampTz,
    Time,
    /// Without its last two bits, so that lengths on the line stay numbers.
    Uuid,
}

/// Digits after the point that a number has which declares none.
const DIGITS: u32 = 12;
const FLOAT_DIGITS: u32 = 9;
const DAY: i128 = 86_400_000_000;
/// Beyond it no number is read: 38 digits are what the line has.
const FARTHEST: i128 = 10_i128.pow(36);

/// From the year 100 to the year 9999.
const FIRST_DAY: i128 = -693_900;
const LAST_DAY: i128 = 2_921_940;
const FIRST_TIME: i128 = -59_000_000_000_000_000;
const LAST_TIME: i128 = 253_402_207_200_000_000;

impl Line {
    /// By the name of a type of the server's own, and its modifier.
    pub(super) fn of(type_name: &str, modifier: Option<i32>) -> Option<Self> {
        Some(match type_name {
            "int2" | "int4" | "int8" | "oid" => Line::Integer,
            // numeric's modifier: precision above, scale in the lowest 11 bits, four bytes added.
            "numeric" => Line::Decimal(modifier.map_or(DIGITS, |m| {
                u32::try_from((m - 4) & 0x7ff).map_or(DIGITS, |scale| scale.min(DIGITS))
            })),
            "float4" | "float8" => Line::Decimal(FLOAT_DIGITS),
            "date" => Line::Date,
            "timestamp" => Line::Timestamp,
            "timestamptz" => Line::TimestampTz,
            "time" => Line::Time,
            "uuid" => Line::Uuid,
            _ => return None,
        })
    }

    pub(super) fn position(self, text: &str) -> Option<i128> {
        match self {
            Line::Integer => text.parse().ok().filter(|n: &i128| n.abs() < FARTHEST),
            Line::Decimal(digits) => decimal(text, digits),
            Line::Date => {
                let date: Date = text.parse().ok()?;
                let days = Date::new(2000, 1, 1).ok()?.until(date).ok()?;
                Some(days.get_days().into())
            }
            Line::Timestamp => {
                let time: DateTime = text.parse().ok()?;
                Some(i128::from(
                    time.to_zoned(jiff::tz::TimeZone::UTC)
                        .ok()?
                        .timestamp()
                        .as_microsecond(),
                ))
            }
            Line::TimestampTz => {
                // `2025-01-01 00:00:00+00`: hours alone are too little for jiff.
                let hours = text.len().checked_sub(3)?;
                let whole = matches!(text.as_bytes().get(hours), Some(b'+' | b'-'));
                let text = if whole {
                    format!("{text}:00")
                } else {
                    text.to_owned()
                };
                let time: Timestamp = text.parse().ok()?;
                Some(time.as_microsecond().into())
            }
            Line::Time => {
                let time: Time = text.parse().ok()?;
                let since = Time::midnight().until(time).ok()?;
                Some(since.total(jiff::Unit::Microsecond).ok()? as i128)
            }
            Line::Uuid => {
                let digits: String = text.chars().filter(|c| *c != '-').collect();
                let number = u128::from_str_radix(&digits, 16).ok()?;
                (digits.len() == 32).then(|| (number >> 2).cast_signed())
            }
        }
    }

    pub(super) fn text(self, position: i128, random: &mut impl Rng) -> Option<String> {
        Some(match self {
            Line::Integer => position.to_string(),
            Line::Decimal(digits) => written(position, digits),
            Line::Date => {
                let days = Span::new().try_days(i64::try_from(position).ok()?).ok()?;
                Date::new(2000, 1, 1)
                    .ok()?
                    .checked_add(days)
                    .ok()?
                    .to_string()
            }
            Line::Timestamp | Line::TimestampTz => {
                let time = Timestamp::from_microsecond(i64::try_from(position).ok()?).ok()?;
                let zone = if self == Line::Timestamp { "" } else { "+00" };
                format!("{}{zone}", time.strftime("%Y-%m-%d %H:%M:%S%.f"))
            }
            Line::Time => {
                let since = Span::new()
                    .try_microseconds(i64::try_from(position).ok()?)
                    .ok()?;
                Time::midnight().checked_add(since).ok()?.to_string()
            }
            Line::Uuid => {
                let number = position.cast_unsigned() << 2 | random.random_range(0..4);
                let hex = format!("{number:032x}");
                let mut parts = Vec::new();
                let mut from = 0;
                for length in [8, 4, 4, 4, 12] {
                    parts.push(hex.get(from..from + length)?);
                    from += length;
                }
                parts.join("-")
            }
        })
    }

    /// Where the line ends, where the types of one kind that are narrower end, and what a statement counts from: no value
    /// changes from one side of these to the other.
    fn cuts(self, now: Timestamp) -> Vec<i128> {
        let now_us = i128::from(now.as_microsecond());
        const HOURS: [i128; 7] = [0, 1, 24, 7 * 24, 30 * 24, 90 * 24, 365 * 24];
        let around = |unit: i128, now: i128| {
            let after = HOURS
                .iter()
                .map(move |hours| now + hours * (DAY / 24) / unit);
            let before = HOURS
                .iter()
                .map(move |hours| now - hours * (DAY / 24) / unit);
            after.chain(before)
        };
        match self {
            Line::Integer => vec![
                -(1 << 63),
                -(1 << 31),
                -(1 << 15),
                1 << 15,
                1 << 31,
                1 << 32,
                1 << 63,
            ],
            Line::Decimal(_) => vec![-FARTHEST, FARTHEST],
            Line::Date => {
                let epoch = Date::new(2000, 1, 1)
                    .ok()
                    .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
                    .map_or(0, |zoned| i128::from(zoned.timestamp().as_microsecond()));
                let mut cuts: Vec<i128> = around(DAY, (now_us - epoch) / DAY).collect();
                cuts.extend([FIRST_DAY, LAST_DAY]);
                cuts
            }
            Line::Timestamp | Line::TimestampTz => {
                let mut cuts: Vec<i128> = around(1, now_us).collect();
                cuts.extend([FIRST_TIME, LAST_TIME]);
                cuts
            }
            Line::Time => vec![0, DAY],
            Line::Uuid => vec![0, 1 << 126],
        }
    }

    /// Whether values beyond the outermost may be pushed towards this end of the line; else the room is all used.
    fn has_free_ends(self) -> bool {
        !matches!(self, Line::Time | Line::Uuid)
    }

    fn fixed(self) -> Option<i128> {
        matches!(self, Line::Integer | Line::Decimal(_)).then_some(0)
    }

    /// The places that `values` get. `literals`: of the schema, which stays as it is: these keep their places.
    pub(super) fn places(
        self,
        values: &BTreeSet<i128>,
        literals: impl Iterator<Item = i128>,
        now: Timestamp,
        random: &mut impl Rng,
    ) -> Vec<(i128, i128)> {
        let mut fences: Vec<(i128, bool)> =
            self.cuts(now).iter().map(|cut| (*cut, false)).collect();
        fences.extend(
            self.fixed()
                .into_iter()
                .chain(literals)
                .map(|at| (at, true)),
        );
        fences.sort_unstable();
        let mut places = Vec::with_capacity(values.len());
        for pair in fences.windows(2) {
            let [(from, kept), (to, _)] = *pair else {
                continue;
            };
            if kept && values.contains(&from) {
                places.push((from, from));
            }
            let low = if kept { from } else { from.saturating_sub(1) };
            if low.checked_add(1).is_none_or(|first| first >= to) {
                continue;
            }
            let between: Vec<i128> = values.range(low + 1..to).copied().collect();
            if between.is_empty() {
                continue;
            }
            let free = self.has_free_ends();
            let upwards = free && to > 0 && self.is_end(to);
            let downwards = free && from < 0 && self.is_end(from);
            let (low, high) = around(&between, low, to, (downwards, upwards), random);
            let mut new = spread(&between, low, high, random);
            step_aside(&between, &mut new, high);
            places.extend(between.into_iter().zip(new));
        }
        places
    }

    fn is_end(self, cut: i128) -> bool {
        match self {
            Line::Integer => (15..=63).any(|bits| cut.abs() == 1 << bits),
            Line::Decimal(_) => cut.abs() == FARTHEST,
            Line::Date => cut == FIRST_DAY || cut == LAST_DAY,
            Line::Timestamp | Line::TimestampTz => cut == FIRST_TIME || cut == LAST_TIME,
            Line::Time | Line::Uuid => false,
        }
    }
}

/// The ends between which the values are spread: the given ones, or nearer ones at a free end.
fn around(
    values: &[i128],
    low: i128,
    high: i128,
    (downwards, upwards): (bool, bool),
    random: &mut impl Rng,
) -> (i128, i128) {
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return (low, high);
    };
    let count = values.len() as i128;
    let stretched = |length: i128, random: &mut dyn rand::RngCore| {
        (length as f64 * random.random_range(1.1..3.0)) as i128 + 3 * count + 8
    };
    let high = if upwards {
        let from = if downwards { *first } else { low };
        high.min(low.max(from) + stretched(last - from, random))
    } else {
        high
    };
    let low = if downwards {
        low.max(high - stretched(high - first, random))
    } else {
        low
    };
    (low, high)
}

/// As many new values between the ends (neither of which is taken), in order, the distances between them changed by half
/// at most, as far as there is room.
fn spread(values: &[i128], low: i128, high: i128, random: &mut impl Rng) -> Vec<i128> {
    let mut weights: Vec<f64> = Vec::with_capacity(values.len() + 1);
    let mut before = low;
    for value in values.iter().chain([&high]) {
        weights.push((value - before).max(1) as f64 * random.random_range(0.5..1.5));
        before = *value;
    }
    let total: f64 = weights.iter().sum();
    let spare = (high - low - 1 - values.len() as i128).max(0);
    let mut sum = 0.0;
    let mut new = Vec::with_capacity(values.len());
    for (n, weight) in (1..=values.len() as i128).zip(&weights) {
        sum += weight;
        let extra = ((spare as f64 * (sum / total)) as i128).clamp(0, spare);
        new.push(low + n + extra);
    }
    new
}

/// Where a new value is one of the old ones by chance, the next free one takes its place, if there is one.
fn step_aside(values: &[i128], new: &mut [i128], high: i128) {
    let mut limit = high;
    for place in new.iter_mut().rev() {
        let free = (*place..limit)
            .take(16)
            .find(|at| values.binary_search(at).is_err());
        *place = free.unwrap_or(*place);
        limit = *place;
    }
}

fn decimal(text: &str, digits: u32) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let is_number = !all.is_empty() && all.bytes().all(|b| b.is_ascii_digit());
    let number: i128 = is_number.then(|| all.parse().ok()).flatten()?;
    let shift = exponent + i32::try_from(digits).ok()? - i32::try_from(fraction.len()).ok()?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let number = if shift < 0 {
        number / power
    } else {
        number.checked_mul(power)?
    };
    (number < FARTHEST).then_some(sign * number)
}

fn written(position: i128, digits: u32) -> String {
    let sign = if position < 0 { "-" } else { "" };
    let power = 10_u128.pow(digits);
    let (whole, fraction) = (
        position.unsigned_abs() / power,
        position.unsigned_abs() % power,
    );
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = digits as usize);
    let text = format!("{sign}{whole}.{fraction}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const NOW: &str = "2025-06-15T12:00:00Z";

    #[test]
    fn what_is_read_is_written_again() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for (line, text) in [
            (Line::Integer, "-42"),
            (Line::Decimal(2), "-0.05"),
            (Line::Decimal(12), "1234.5"),
            (Line::Date, "1950-02-28"),
            (Line::Timestamp, "2025-01-01 00:00:00.25"),
            (Line::TimestampTz, "1969-12-31 23:59:59+00"),
            (Line::Time, "23:59:59.5"),
        ] {
            let position = line.position(text).unwrap();
            assert_eq!(line.text(position, &mut random).unwrap(), text);
        }
        assert_eq!(
            Line::TimestampTz.position("2025-01-01 02:00:00+02"),
            Line::TimestampTz.position("2025-01-01T00:00:00+00:00")
        );
        assert_eq!(Line::Decimal(2).position("1.5e3"), Some(150_000));
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        let again = Line::Uuid
            .text(Line::Uuid.position(uuid).unwrap(), &mut random)
            .unwrap();
        assert_eq!(again[..35], uuid[..35]);
        for wrong in ["infinity", "x", "", "44-03-15 BC"] {
            for line in [
                Line::Integer,
                Line::Decimal(2),
                Line::Date,
                Line::Timestamp,
                Line::TimestampTz,
                Line::Time,
                Line::Uuid,
            ] {
                assert_eq!(line.position(wrong), None, "{line:?} {wrong}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn places_are_in_order_on_the_same_side_of_every_fence_and_others(
            seed in 0_u64..1_000_000,
            values in proptest::collection::btree_set(-3_000_000_000_i128..3_000_000_000, 1..200),
            small in proptest::collection::btree_set(-50_i128..50, 0..60),
            literals in proptest::collection::btree_set(-100_000_i128..100_000, 0..8),
        ) {
            let values: BTreeSet<i128> = values.union(&small).copied().collect();
            let now: Timestamp = NOW.parse().unwrap();
            for line in [Line::Integer, Line::Decimal(2), Line::Date, Line::TimestampTz] {
                let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
                let values: BTreeSet<i128> = values.iter().map(|v| if line == Line::Date { v / 10_000 } else { *v }).collect();
                let places = line.places(&values, literals.iter().copied(), now, &mut random);
                let old: Vec<i128> = places.iter().map(|(old, _)| *old).collect();
                proptest::prop_assert_eq!(&old, &values.iter().copied().collect::<Vec<_>>());
                proptest::prop_assert!(places.windows(2).all(|pair| pair[0].1 < pair[1].1));
                for (old, new) in &places {
                    for fence in literals.iter().copied().chain(line.fixed()) {
                        proptest::prop_assert_eq!(old.cmp(&fence), new.cmp(&fence));
                    }
                    for cut in line.cuts(now) {
                        proptest::prop_assert_eq!(*old < cut, *new < cut);
                    }
                }
            }
        }
    }

    #[test]
    fn the_whole_line_of_uuids_has_places() {
        let ends = [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ];
        let values = ends
            .iter()
            .map(|text| Line::Uuid.position(text).unwrap())
            .collect();
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let now: Timestamp = NOW.parse().unwrap();
        let places = Line::Uuid.places(&values, std::iter::empty(), now, &mut random);
        assert_eq!(places.len(), 2);
        for (_, place) in places {
            let text = Line::Uuid.text(place, &mut random).unwrap();
            assert_eq!(Line::Uuid.position(&text), Some(place));
        }
    }

    #[test]
    fn no_value_stays_where_there_is_room() {
        let values: BTreeSet<i128> = (0..1_000).map(|n| 1_000_003 + n * 7_919).collect();
        let now: Timestamp = NOW.parse().unwrap();
        for seed in 0..50 {
            let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let places = Line::Integer.places(&values, std::iter::empty(), now, &mut random);
            assert!(
                places.iter().all(|(_, new)| !values.contains(new)),
                "seed {seed}"
            );
        }
    }
}
