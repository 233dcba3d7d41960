//! Index names that earlier runs may have left behind, and those that this run creates.

use crate::catalog::{
    MAX_NAME_BYTES, cut_name,
    index_state::{IndexHealth, IndexState},
    name_with_suffix,
};

/// A mark of the whole name, for what is cut off: two long names may differ in nothing else.
fn mark(name: &str) -> String {
    // FNV-1a, 32 bits: Fowler, Noll, Vo.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("_{hash:08x}")
}

/// The name under which `--replace` builds the new index.
pub fn built_name(index: &str) -> String {
    with_suffix(index, "_dbaudit_new")
}

/// The name under which `--replace` retires the old index.
pub fn retired_name(index: &str) -> String {
    with_suffix(index, "_dbaudit_old")
}

/// The name of a partition's index: `partition_index`, cut as Postgres cuts its own generated names,
/// the longer part first, so that both stay recognisable. `number` > 0 is appended where a name is taken.
pub fn partition_index_name(partition: &str, index: &str, number: usize) -> String {
    let number = if number == 0 {
        String::new()
    } else {
        number.to_string()
    };
    let (mut first, mut second) = (partition.len(), index.len());
    while first + second + 1 + number.len() > MAX_NAME_BYTES {
        if first > second {
            first -= 1
        } else {
            second -= 1
        }
    }
    format!(
        "{}_{}{number}",
        cut_name(partition, first),
        cut_name(index, second)
    )
}

/// Whether a partition's index may have got its name from [`partition_index_name`], with whatever number.
pub(super) fn is_partition_index_name(candidate: &str, partition: &str, index: &str) -> bool {
    let digits = candidate
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .len();
    (digits..=candidate.len()).any(|end| {
        let number = match candidate.get(end..) {
            Some("") => Some(0),
            number => number.and_then(|number| number.parse().ok()),
        };
        number.is_some_and(|number| partition_index_name(partition, index, number) == candidate)
    })
}

/// Whether `candidate` is what a broken-off `REINDEX CONCURRENTLY` left of the index `name`: `name_ccnew`,
/// `name_ccnew1`, `name_ccold`, cut to 63 bytes, and not valid.
pub fn is_reindex_leftover(candidate: &IndexState, name: &str) -> bool {
    let Some((base, label)) = candidate.name.rsplit_once("_cc") else {
        return false;
    };
    let digits = label
        .strip_prefix("new")
        .or_else(|| label.strip_prefix("old"));
    candidate.health() == IndexHealth::Invalid
        && candidate.constraint.is_none()
        && digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()))
        && base == cut_name(name, MAX_NAME_BYTES - "_cc".len() - label.len())
}

fn with_suffix(name: &str, suffix: &str) -> String {
    if name.len() + suffix.len() <= MAX_NAME_BYTES {
        return format!("{name}{suffix}");
    }
    name_with_suffix(name, &format!("{}{suffix}", mark(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_fit_and_stay_recognisable() {
        let long = "ü".repeat(31);
        for name in [
            built_name(&long),
            retired_name(&long),
            partition_index_name(&long, &long, 12),
        ] {
            assert!(name.len() <= 63, "{name}");
        }
        let other = format!("{long}x");
        assert_ne!(built_name(&long), built_name(&other));
        assert_eq!(built_name("idx"), "idx_dbaudit_new");
        assert_eq!(partition_index_name("p_2026", "idx", 0), "p_2026_idx");
        assert_eq!(partition_index_name("p_2026", "idx", 2), "p_2026_idx2");
        for (candidate, is) in [
            ("p_2026_idx", true),
            ("p_2026_idx12", true),
            ("p_2026_idx0", false),
            ("p_2026_idx012", false),
            ("p_2026_idy", false),
        ] {
            assert_eq!(
                is_partition_index_name(candidate, "p_2026", "idx"),
                is,
                "{candidate}"
            );
        }
        let (partition, index) = ("p".repeat(60), "i1".repeat(15));
        for number in [0, 7, 1234] {
            let name = partition_index_name(&partition, &index, number);
            assert!(is_partition_index_name(&name, &partition, &index), "{name}");
        }
    }
}
