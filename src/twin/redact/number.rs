//! Values that stand on a line: numbers, times, UUIDs. Others take their places, in the same order.

#[cfg(test)]
mod tests;

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
    /// `timestamp`, with this many digits of a second; and the same with a time zone.
    Timestamp(u32),
    TimestampTz(u32),
    Time(u32),
    /// Without its last two bits, so that lengths on the line stay numbers.
    Uuid,
}

/// Digits after the point that a number has which declares none.
const DIGITS: u32 = 12;
const FLOAT_DIGITS: u32 = 9;
/// Of a second, where fewer are not declared.
const SECOND_DIGITS: u32 = 6;
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
        let second_digits = modifier
            .and_then(|digits| u32::try_from(digits).ok())
            .map_or(SECOND_DIGITS, |digits| digits.min(SECOND_DIGITS));
        Some(match type_name {
            "int2" | "int4" | "int8" | "oid" => Line::Integer,
            // numeric's modifier: precision above, scale in the lowest 11 bits, four bytes added.
            "numeric" => Line::Decimal(modifier.map_or(DIGITS, |m| {
                u32::try_from((m - 4) & 0x7ff).map_or(DIGITS, |scale| scale.min(DIGITS))
            })),
            "float4" | "float8" => Line::Decimal(FLOAT_DIGITS),
            "date" => Line::Date,
            "timestamp" => Line::Timestamp(second_digits),
            "timestamptz" => Line::TimestampTz(second_digits),
            "time" => Line::Time(second_digits),
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
            Line::Timestamp(digits) => {
                let time: DateTime = text.parse().ok()?;
                let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
                Some(i128::from(time.as_microsecond()) / unit(digits))
            }
            Line::TimestampTz(digits) => {
                // `2025-01-01 00:00:00+00`: hours alone are too little for jiff.
                let hours = text.len().checked_sub(3)?;
                let whole = matches!(text.as_bytes().get(hours), Some(b'+' | b'-'));
                let text = if whole {
                    format!("{text}:00")
                } else {
                    text.to_owned()
                };
                let time: Timestamp = text.parse().ok()?;
                Some(i128::from(time.as_microsecond()) / unit(digits))
            }
            Line::Time(digits) => {
                let time: Time = text.parse().ok()?;
                let since = Time::midnight().until(time).ok()?;
                Some(since.total(jiff::Unit::Microsecond).ok()? as i128 / unit(digits))
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
            Line::Timestamp(digits) | Line::TimestampTz(digits) => {
                let microsecond = i64::try_from(position * unit(digits)).ok()?;
                let time = Timestamp::from_microsecond(microsecond).ok()?;
                let zone = if matches!(self, Line::Timestamp(_)) {
                    ""
                } else {
                    "+00"
                };
                format!("{}{zone}", time.strftime("%Y-%m-%d %H:%M:%S%.f"))
            }
            Line::Time(digits) => {
                let since = Span::new()
                    .try_microseconds(i64::try_from(position * unit(digits)).ok()?)
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
            Line::Timestamp(digits) | Line::TimestampTz(digits) => {
                let unit = unit(digits);
                let mut cuts: Vec<i128> = around(unit, now_us / unit).collect();
                cuts.extend([FIRST_TIME / unit, LAST_TIME / unit]);
                cuts
            }
            Line::Time(digits) => vec![0, DAY / unit(digits)],
            Line::Uuid => vec![0, 1 << 126],
        }
    }

    /// Whether values beyond the outermost may be pushed towards this end of the line; else the room is all used.
    fn has_free_ends(self) -> bool {
        !matches!(self, Line::Time(_) | Line::Uuid)
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
            Line::Timestamp(digits) | Line::TimestampTz(digits) => {
                [FIRST_TIME, LAST_TIME].contains(&(cut * unit(digits)))
            }
            Line::Time(_) | Line::Uuid => false,
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

/// The microseconds of the last digit.
fn unit(second_digits: u32) -> i128 {
    10_i128.pow(SECOND_DIGITS.saturating_sub(second_digits))
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
