//! Numbers of distinct combinations and dependencies (`pg_ndistinct`, `pg_dependencies`) name columns by their numbers, which
//! differ where production's table has dropped columns.

use std::collections::HashMap;

/// Those of `bytes`, which are in hexadecimal, with other numbers. Nothing where they are not as expected, or a number is not known.
///
/// Layouts (`statext_ndistinct_serialize` and `statext_dependencies_serialize`, the same from version 13 to 18): magic, type and
/// number of items, four bytes each; then of each item a double, the number of its columns, and two bytes for each.
pub(super) fn renumber(bytes: &str, new: &HashMap<i16, i16>) -> Option<Vec<u8>> {
    const HEAD: usize = 3 * size_of::<u32>();
    const N_DISTINCT: [u8; 4] = 0xA352_BFA4_u32.to_ne_bytes();
    const DEPENDENCIES: [u8; 4] = 0xB454_9A2C_u32.to_ne_bytes();
    let mut bytes = from_hexadecimal(bytes)?;
    let count = match bytes.get(..4)? {
        magic if magic == N_DISTINCT => size_of::<i32>(),
        magic if magic == DEPENDENCIES => size_of::<i16>(),
        _ => return None,
    };
    let items = u32::from_ne_bytes(bytes.get(8..HEAD)?.try_into().ok()?);
    let mut at = HEAD;
    let mut read = 0;
    while at < bytes.len() {
        read += 1;
        at += size_of::<f64>();
        let columns = bytes.get(at..at + 2)?;
        let columns = u16::from_ne_bytes(columns.try_into().ok()?);
        at += count;
        for _ in 0..columns {
            let number = bytes.get_mut(at..at + 2)?;
            let old = i16::from_ne_bytes((&*number).try_into().ok()?);
            // Those of expressions are negative.
            let new = if old < 0 { old } else { *new.get(&old)? };
            number.copy_from_slice(&new.to_ne_bytes());
            at += 2;
        }
    }
    (read == items).then_some(bytes)
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        .collect()
}
