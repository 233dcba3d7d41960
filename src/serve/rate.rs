//! How often one address may ask: a bucket of tokens for each, in bounded memory.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many addresses are remembered; further ones share a bucket until an old one is forgotten.
const MOST_ADDRESSES: usize = 10_000;

/// Wrong tokens a second and address, in a bucket of their own: they slow neither the right one nor anything else.
pub(super) const GUESSES: u32 = 5;

/// Requests per second and address; twice as many at once.
#[derive(Debug)]
pub(super) struct RateLimit {
    per_second: f64,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    by_address: HashMap<IpAddr, Bucket>,
    others: Bucket,
    swept: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    pub(super) fn new(per_second: u32) -> Self {
        let now = Instant::now();
        let per_second = f64::from(per_second);
        Self {
            per_second,
            buckets: Mutex::new(Buckets {
                by_address: HashMap::new(),
                others: Bucket {
                    tokens: per_second * 2.0,
                    filled: now,
                },
                swept: now,
            }),
        }
    }

    /// Takes a token; false where there is none left.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        self.bucket(address, now, |bucket| {
            let admitted = bucket.tokens >= 1.0;
            if admitted {
                bucket.tokens -= 1.0;
            }
            admitted
        })
    }

    fn bucket<T>(&self, address: IpAddr, now: Instant, take: impl FnOnce(&mut Bucket) -> T) -> T {
        let burst = self.per_second * 2.0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Buckets {
            by_address,
            others,
            swept,
        } = &mut *buckets;
        let address = network(address);
        // A bucket that has filled up again says nothing that a new one would not.
        if by_address.len() >= MOST_ADDRESSES
            && !by_address.contains_key(&address)
            && now.duration_since(*swept) > Duration::from_secs(1)
        {
            by_address.retain(|_, bucket| now.duration_since(bucket.filled).as_secs() < 2);
            *swept = now;
        }
        let bucket = if by_address.len() < MOST_ADDRESSES || by_address.contains_key(&address) {
            by_address.entry(address).or_insert(Bucket {
                tokens: burst,
                filled: now,
            })
        } else {
            others
        };
        let since = now.duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * self.per_second).min(burst);
        bucket.filled = now;
        take(bucket)
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
    use super::*;

    #[test]
    fn an_address_is_refused_until_its_bucket_fills_again_and_others_are_not() {
        let limit = RateLimit::new(5);
        let now = Instant::now();
        let [one, two] = ["10.0.0.1", "10.0.0.2"].map(|a| a.parse::<IpAddr>().unwrap());
        let admitted = (0..20).filter(|_| limit.admits_at(one, now)).count();
        assert_eq!(admitted, 10, "twice the rate at once");
        assert!(limit.admits_at(two, now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..20).filter(|_| limit.admits_at(one, later)).count(), 5);
    }

    #[test]
    fn a_token_is_guessed_at_no_more_than_five_times_a_second() {
        let limit = RateLimit::new(GUESSES);
        let address = "10.0.0.1".parse().unwrap();
        let begun = Instant::now();
        let guessed = (0..60_000_u64)
            .filter(|ms| limit.admits_at(address, begun + Duration::from_millis(*ms)))
            .count();
        assert!((280..=320).contains(&guessed), "{guessed} in a minute");
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let limit = RateLimit::new(1);
        let now = Instant::now();
        let admitted = (0..50_u16)
            .filter(|n| {
                let own = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, *n);
                limit.admits_at(own.into(), now)
            })
            .count();
        assert_eq!(admitted, 2);
    }

    #[test]
    fn a_flood_of_addresses_grows_nothing_beyond_its_bound() {
        let limit = RateLimit::new(5);
        let now = Instant::now();
        for n in 0..50_000_u32 {
            limit.admits_at(std::net::Ipv4Addr::from_bits(n).into(), now);
        }
        let held = limit.buckets.lock().unwrap().by_address.len();
        assert_eq!(held, MOST_ADDRESSES);
    }
}
