//! A bounded number of series, by name.

use std::collections::HashMap;

/// Where the names that found no room are counted.
const OTHER: &str = "(other)";
/// A series of which nothing was heard for so long gives its place to a new name.
pub(in crate::serve) const IDLE_S: u64 = 3_600;

#[derive(Debug)]
pub(super) struct BoundedMap<T> {
    by_name: HashMap<String, Slot<T>>,
    most: usize,
    /// When places were last looked for in vain.
    full_at: Option<u64>,
}

#[derive(Debug)]
struct Slot<T> {
    heard: u64,
    series: T,
}

impl<T: Default> BoundedMap<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            by_name: HashMap::new(),
            most,
            full_at: None,
        }
    }

    /// The series of this name, and the name it is counted under. `now`: in seconds.
    pub(super) fn of(&mut self, name: &str, now: u64) -> (String, &mut T) {
        let name = if self.by_name.contains_key(name) || self.has_room(now) {
            name
        } else {
            OTHER
        };
        (name.to_owned(), self.slot(name, now))
    }

    /// The series of the names that found no room.
    pub(super) fn other(&mut self, now: u64) -> &mut T {
        self.slot(OTHER, now)
    }

    fn slot(&mut self, name: &str, now: u64) -> &mut T {
        let slot = self.by_name.entry(name.to_owned()).or_insert_with(|| Slot {
            heard: now,
            series: T::default(),
        });
        slot.heard = now;
        &mut slot.series
    }

    fn has_room(&mut self, now: u64) -> bool {
        let room = |slots: &Self| {
            let others = usize::from(slots.by_name.contains_key(OTHER));
            slots.by_name.len() - others < slots.most
        };
        if room(self) {
            return true;
        }
        // Looking through them all is not for every request of a flood.
        if self.full_at == Some(now) {
            return false;
        }
        self.by_name.retain(|_, slot| slot.heard + IDLE_S > now);
        self.full_at = Some(now);
        room(self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.by_name
            .iter()
            .map(|(name, slot)| (name.as_str(), &slot.series))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_takes_the_place_of_one_that_fell_silent() {
        let mut slots: BoundedMap<u32> = BoundedMap::new(2);
        slots.of("a", 0);
        slots.of("b", IDLE_S / 2);
        assert_eq!(slots.of("c", IDLE_S / 2).0, OTHER);
        assert_eq!(slots.of("a", 1).0, "a");
        assert_eq!(slots.of("c", IDLE_S + 2).0, "c", "a is idle");
        assert_eq!(slots.of("d", IDLE_S + 3).0, OTHER, "b is not");
    }
}
