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
        (Line::Timestamp(6), "2025-01-01 00:00:00.25"),
        (Line::Timestamp(3), "2025-01-01 00:00:00.123"),
        (Line::TimestampTz(0), "1969-12-31 23:59:57+00"),
        (Line::TimestampTz(6), "1969-12-31 23:59:59+00"),
        (Line::Time(6), "23:59:59.5"),
    ] {
        let position = line.position(text).unwrap();
        assert_eq!(line.text(position, &mut random).unwrap(), text);
    }
    assert_eq!(
        Line::TimestampTz(6).position("2025-01-01 02:00:00+02"),
        Line::TimestampTz(6).position("2025-01-01T00:00:00+00:00")
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
            Line::Timestamp(6),
            Line::TimestampTz(0),
            Line::Time(3),
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
        for line in [Line::Integer, Line::Decimal(2), Line::Date, Line::TimestampTz(6), Line::Timestamp(0)] {
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
fn times_have_no_more_digits_than_are_declared() {
    let now: Timestamp = NOW.parse().unwrap();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    for (name, digits) in [("timestamp", 0), ("timestamptz", 3), ("time", 2)] {
        let line = Line::of(name, Some(digits)).unwrap();
        let values = (1..500).collect();
        for (_, place) in line.places(&values, std::iter::empty(), now, &mut random) {
            let text = line.text(place, &mut random).unwrap();
            let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
            let fraction = fraction.trim_end_matches("+00");
            assert!(
                fraction.len() <= digits as usize,
                "{name}({digits}): {text}"
            );
        }
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
