//! Places for connections: so many in all, so many for one network. Where none is left, whoever was idle longest goes; where
//! all are busy, whoever has been longest: that is a client that is slow with its body.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::Notify;

use crate::serve::rate::network;

/// All places. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    most: usize,
    most_of_one: usize,
    next: u64,
    by_network: HashMap<IpAddr, usize>,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    network: IpAddr,
    /// Requests that have come whole, and are not answered.
    requests: usize,
    /// Since when it is idle, or busy.
    since: Instant,
    leave: Arc<Notify>,
}

/// One connection's place, given up when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    number: u64,
    leave: Arc<Notify>,
}

/// A request under way on a connection: as long as there is one, it is not idle.
#[derive(Debug)]
pub(super) struct Busy {
    places: Places,
    number: u64,
}

impl Places {
    pub(super) fn new(most: usize, most_of_one: usize) -> Self {
        Self(Arc::new(Mutex::new(Held {
            most,
            most_of_one,
            next: 0,
            by_network: HashMap::new(),
            taken: HashMap::new(),
        })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place: where the network has its share, that of its own connection which gives way first.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let network = network(address);
        self.with(|held| {
            let of_one = held.by_network.get(&network).copied().unwrap_or(0);
            if of_one >= held.most_of_one {
                held.make_room(|taken| taken.network == network)?;
            } else if held.taken.len() >= held.most {
                held.make_room(|_| true)?;
            }
            let number = held.next;
            held.next += 1;
            let leave = Arc::new(Notify::new());
            *held.by_network.entry(network).or_default() += 1;
            held.taken.insert(
                number,
                Taken {
                    network,
                    requests: 0,
                    since: Instant::now(),
                    leave: Arc::clone(&leave),
                },
            );
            Some(Place {
                places: self.clone(),
                number,
                leave,
            })
        })
    }
}

impl Held {
    /// Of these, whoever was idle longest leaves; where all are busy, whoever has been longest.
    fn make_room(&mut self, among: impl Fn(&Taken) -> bool) -> Option<()> {
        let taken = self.taken.iter().filter(|(_, taken)| among(taken));
        let first = taken.min_by_key(|(_, taken)| (taken.requests > 0, taken.since));
        let number = first.map(|(number, _)| *number)?;
        self.give_up(number);
        Some(())
    }

    /// It is told to leave; or has.
    fn give_up(&mut self, number: u64) {
        let Some(taken) = self.taken.remove(&number) else {
            return;
        };
        taken.leave.notify_one();
        if let Some(count) = self.by_network.get_mut(&taken.network) {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&taken.network);
            }
        }
    }
}

impl Place {
    /// Completes when another connection needs the place.
    pub(super) async fn wanted(&self) {
        self.leave.notified().await;
    }

    /// A request has come on it.
    pub(super) fn busy(&self) -> Busy {
        self.places.with(|held| {
            if let Some(taken) = held.taken.get_mut(&self.number) {
                taken.requests += 1;
                taken.since = Instant::now();
            }
        });
        Busy {
            places: self.places.clone(),
            number: self.number,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.with(|held| held.give_up(self.number));
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.places.with(|held| {
            if let Some(taken) = held.taken.get_mut(&self.number) {
                taken.requests = taken.requests.saturating_sub(1);
                taken.since = Instant::now();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn v4(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn in_a_network_that_has_its_share_the_longest_idle_gives_way_and_no_other_does() {
        let places = Places::new(10, 2);
        let addresses = ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1::3"];
        let [one, two, three] = addresses.map(|a| a.parse::<IpAddr>().unwrap());
        let first = places.admit(one);
        let second = places.admit(two);
        assert!(first.is_some() && second.is_some());
        let other = places.admit(v4(1)).unwrap();
        let first = first.unwrap();
        let third = places.admit(three);
        assert!(third.is_some(), "one subscriber's network");
        let left = |place: &Place| place.wanted().now_or_never().is_some();
        assert!(left(&first), "it was idle longest");
        assert!(!left(second.as_ref().unwrap()) && !left(&other));
        drop((first, second, third, other));
        let left = places.with(|held| (held.taken.len(), held.by_network.len()));
        assert_eq!(left, (0, 0));
    }

    #[test]
    fn in_a_full_house_the_longest_idle_leaves_and_else_the_longest_busy() {
        let places = Places::new(2, 2);
        let one = places.admit(v4(1)).unwrap();
        let two = places.admit(v4(2)).unwrap();
        let busy = one.busy();
        let three = places.admit(v4(3)).unwrap();
        assert!(two.wanted().now_or_never().is_some(), "it was idle");
        assert!(one.wanted().now_or_never().is_none());
        let also_busy = three.busy();
        let four = places.admit(v4(4)).unwrap();
        assert!(one.wanted().now_or_never().is_some(), "all were busy");
        assert!(three.wanted().now_or_never().is_none());
        drop((busy, also_busy, three, four, one, two));
        assert_eq!(places.with(|held| held.taken.len()), 0);
    }
}
