//! Rate limits per network, in bounded memory.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

/// Wrong tokens a second and network, counted apart: they slow neither the right one nor anything else.
pub(super) const GUESSES: u32 = 5;

/// Requests per second and network; twice as many at once.
///
/// A network is known by sixteen bits of a hash, so there are never more than 65,536 of them, whoever makes addresses up; two
/// share a number by a chance that nobody outside can turn to use.
#[derive(Debug)]
pub(super) struct RateLimit<C: Clock = DefaultClock> {
    numbers: RandomState,
    limiter: RateLimiter<u16, HashMapStateStore<u16>, C, NoOpMiddleware<C::Instant>>,
}

impl RateLimit {
    pub(super) fn new(per_second: u32) -> Self {
        Self::with_clock(per_second, DefaultClock::default())
    }
}

impl<C: Clock> RateLimit<C> {
    fn with_clock(per_second: u32, clock: C) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let twice = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let quota = Quota::per_second(per_second).allow_burst(twice);
        Self {
            numbers: RandomState::new(),
            limiter: RateLimiter::hashmap_with_clock(quota, clock),
        }
    }

    /// Counts a request in; false where there were too many. `kind`: what is counted apart.
    pub(super) fn admits(&self, address: IpAddr, kind: impl Hash) -> bool {
        let [low, high, ..] = self
            .numbers
            .hash_one((network(address), kind))
            .to_le_bytes();
        let number = u16::from_le_bytes([low, high]);
        self.limiter.check_key(&number).is_ok()
    }
}

/// One subscriber of IPv6 holds 2⁶⁴ addresses at least; and an IPv4 address may come dressed as IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limit(per_second: u32) -> (RateLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (RateLimit::with_clock(per_second, clock.clone()), clock)
    }

    #[test]
    fn a_network_is_refused_until_a_second_later_and_what_is_counted_apart_is_not() {
        let (limit, clock) = limit(5);
        let one: IpAddr = "10.0.0.1".parse().unwrap();
        let admitted = |times: usize| (0..times).filter(|_| limit.admits(one, 1)).count();
        assert_eq!(admitted(20), 10, "twice the rate at once");
        assert!(limit.admits(one, 2));
        clock.advance(Duration::from_secs(1));
        assert_eq!(admitted(20), 5);
    }

    #[test]
    fn a_token_is_guessed_at_no_more_than_five_times_a_second() {
        let (limit, clock) = limit(GUESSES);
        let address = "10.0.0.1".parse().unwrap();
        let guess = |_: &u32| {
            clock.advance(Duration::from_millis(1));
            limit.admits(address, ())
        };
        let guessed = (0..60_000).filter(guess).count();
        assert!((300..=320).contains(&guessed), "{guessed} in a minute");
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let (limit, _) = limit(1);
        let own = |n: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n);
        let admitted = (0..50).filter(|n| limit.admits(own(*n).into(), ()));
        assert_eq!(admitted.count(), 2);
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_room_and_keeps_few_others_out() {
        let (limit, _) = limit(5);
        for n in 0..20_000_u32 {
            for _ in 0..20 {
                limit.admits(std::net::Ipv4Addr::from_bits(n).into(), ());
            }
        }
        assert!(limit.limiter.len() <= 20_000);
        let others = (0..1_000_u32).map(|n| std::net::Ipv4Addr::from_bits((1 << 24) + n));
        let served = others.filter(|other| limit.admits((*other).into(), ()));
        assert!(served.count() > 600, "a quarter of the numbers is used up");
    }
}
