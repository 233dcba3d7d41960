//! How many connections there are, in all and of one network. Where no more may be, whoever was idle longest gives way;
//! where all are busy, whoever has been longest: that is a client that is slow with its body.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::{AbortHandle, AbortRegistration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::serve::rate::network;

/// All connections. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct ConnectionSlots {
    /// One for each that may still be. It comes back once a connection's file is closed.
    free: Arc<Semaphore>,
    most_of_one: usize,
    held: Arc<Mutex<OpenConnections>>,
}

#[derive(Debug, Default)]
struct OpenConnections {
    /// Counts up: whoever has a lower number is idle, or busy, for longer.
    turns: u64,
    by_number: HashMap<u64, OpenConnection>,
}

#[derive(Debug)]
struct OpenConnection {
    network: IpAddr,
    busy: bool,
    since: u64,
    leave: AbortHandle,
}

/// A connection's own; given back when dropped.
#[derive(Debug)]
pub(super) struct ConnectionSlot {
    of: ConnectionSlots,
    number: u64,
    _free: Option<OwnedSemaphorePermit>,
}

impl ConnectionSlots {
    pub(super) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            most_of_one,
            held: Arc::default(),
        }
    }

    /// Waits for a place; with it comes what ends the connection where another needs that place.
    pub(super) async fn place(&self, address: IpAddr) -> (ConnectionSlot, AbortRegistration) {
        let network = network(address);
        let full = self.free.available_permits() == 0;
        self.with(|held| held.make_room(network, self.most_of_one, full));
        // It is never closed.
        let free = Arc::clone(&self.free).acquire_owned().await.ok();
        let (leave, left) = AbortHandle::new_pair();
        let number = self.with(|held| {
            let since = held.turn();
            let (busy, number) = (false, since);
            let connection = OpenConnection {
                network,
                busy,
                since,
                leave,
            };
            held.by_number.insert(number, connection);
            number
        });
        let of = self.clone();
        (
            ConnectionSlot {
                of,
                number,
                _free: free,
            },
            left,
        )
    }

    fn with<T>(&self, work: impl FnOnce(&mut OpenConnections) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl OpenConnections {
    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    fn make_room(&mut self, network: IpAddr, most_of_one: usize, full: bool) {
        let is_of_it = |connection: &OpenConnection| connection.network == network;
        let of_one = self.by_number.values().filter(|of| is_of_it(of)).count();
        let shared_out = of_one >= most_of_one;
        let ends = |of: &OpenConnection| if shared_out { is_of_it(of) } else { full };
        let all = self.by_number.iter().filter(|(_, of)| ends(of));
        let first = all.min_by_key(|(_, of)| (of.busy, of.since));
        let number = first.map(|(number, _)| *number);
        if let Some(ended) = number.and_then(|number| self.by_number.remove(&number)) {
            ended.leave.abort();
        }
    }
}

impl ConnectionSlot {
    /// A request has come on the connection, or was answered.
    pub(super) fn is_busy(&self, busy: bool) {
        self.of.with(|held| {
            let since = held.turn();
            if let Some(connection) = held.by_number.get_mut(&self.number) {
                (connection.busy, connection.since) = (busy, since);
            }
        });
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.of.with(|held| held.by_number.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::Abortable};

    use super::*;

    /// A place, and whether its connection still goes on.
    fn taken(connections: &ConnectionSlots, address: &str) -> (ConnectionSlot, impl Fn() -> bool) {
        let place = connections.place(address.parse().unwrap());
        let (place, left) = place.now_or_never().unwrap();
        let handle = left.handle();
        (place, move || !handle.is_aborted())
    }

    #[test]
    fn in_a_network_that_has_its_share_the_longest_idle_gives_way_and_no_other_does() {
        let all = ConnectionSlots::new(10, 2);
        let (_first, first_stays) = taken(&all, "2001:db8:0:1::1");
        let (second, second_stays) = taken(&all, "2001:db8:0:1::2");
        let (_other, other_stays) = taken(&all, "10.0.0.1");
        let (_third, third_stays) = taken(&all, "2001:db8:0:1::3");
        assert!(!first_stays() && second_stays() && third_stays() && other_stays());
        // Whoever was asked something lately was not idle for long.
        second.is_busy(true);
        second.is_busy(false);
        let (_fourth, _) = taken(&all, "2001:db8:0:1::4");
        assert!(second_stays() && !third_stays() && other_stays());
    }

    #[test]
    fn in_a_full_house_the_longest_idle_leaves_and_else_the_longest_busy() {
        let all = ConnectionSlots::new(2, 2);
        let (one, one_stays) = taken(&all, "10.0.0.1");
        let (two, two_stays) = taken(&all, "10.0.0.2");
        one.is_busy(true);
        let mut three = Box::pin(all.place("10.0.0.3".parse().unwrap()));
        assert!(three.as_mut().now_or_never().is_none(), "its file is open");
        assert!(one_stays() && !two_stays(), "two was idle");
        drop(two);
        let (three, left) = three.now_or_never().unwrap();
        three.is_busy(true);
        let mut four = Box::pin(all.place("10.0.0.4".parse().unwrap()));
        assert!(four.as_mut().now_or_never().is_none());
        assert!(!one_stays(), "all were busy");
        drop(one);
        let four = four.now_or_never().unwrap();
        let goes_on = Abortable::new(std::future::ready(()), left).now_or_never();
        assert_eq!(goes_on, Some(Ok(())));
        drop((three, four));
        assert_eq!(all.with(|held| held.by_number.len()), 0);
        assert_eq!(all.free.available_permits(), 2);
    }
}
