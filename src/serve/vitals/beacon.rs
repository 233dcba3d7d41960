//! A beacon as it arrives: parsed strictly; impossible figures are left out.

use serde::Deserialize;

/// A beacon longer than this is refused.
pub(in crate::serve) const MOST_BYTES: usize = 16 * 1024;
const MOST_MS: f64 = 600_000.0;
/// Of more calls than a snippet sends at once, the rest is left out.
const MOST_FETCHES: usize = 100;
const MOST_COUNT: u32 = 10_000;

/// What a page tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::serve) struct Beacon {
    /// The number of the page view, made up by the page for as long as it is shown.
    pub(super) v: String,
    pub(super) page: String,
    pub(super) load: Option<f64>,
    pub(super) ttfb: Option<f64>,
    pub(super) fcp: Option<f64>,
    pub(super) lcp: Option<f64>,
    pub(super) inp: Option<f64>,
    pub(super) cls: Option<f64>,
    pub(super) errors: u32,
    pub(super) interactions: u32,
    pub(super) fetches: Vec<Fetch>,
    /// Calls that found no room among them.
    pub(super) more: u32,
    /// 1: these are the view's final figures.
    end: u8,
}

/// A call, by `fetch` or `XMLHttpRequest`; or several like it, of which one was timed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Fetch {
    #[serde(rename = "m")]
    method: String,
    #[serde(rename = "u")]
    pub(super) url: String,
    /// 0: there was no answer; -1: the page gave it up.
    #[serde(rename = "s")]
    status: i16,
    #[serde(rename = "d")]
    pub(super) ms: f64,
    #[serde(rename = "n", default = "one")]
    pub(super) count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Ok,
    Failed,
    Aborted,
}

fn one() -> u32 {
    1
}

impl Beacon {
    /// From the body of a request; `None`: it is not a beacon.
    pub(in crate::serve) fn parse(body: &[u8]) -> Option<Self> {
        let mut beacon: Self = serde_json::from_slice(body).ok()?;
        if beacon.page.is_empty() {
            return None;
        }
        for value in [
            &mut beacon.load,
            &mut beacon.ttfb,
            &mut beacon.fcp,
            &mut beacon.lcp,
            &mut beacon.inp,
        ] {
            *value = value.filter(|ms| (0.0..=MOST_MS).contains(ms));
        }
        beacon.cls = beacon.cls.filter(|cls| (0.0..=100.0).contains(cls));
        beacon.errors = beacon.errors.min(MOST_COUNT);
        beacon.interactions = beacon.interactions.min(MOST_COUNT);
        beacon.more = beacon.more.min(MOST_COUNT);
        beacon.fetches.truncate(MOST_FETCHES);
        beacon
            .fetches
            .retain(|fetch| (0.0..=MOST_MS).contains(&fetch.ms));
        for fetch in &mut beacon.fetches {
            fetch.count = fetch.count.clamp(1, MOST_COUNT);
        }
        Some(beacon)
    }

    /// The number of its page view, as the snippet writes it; `None`: it is of no known view.
    pub(super) fn view(&self) -> Option<u64> {
        u64::from_str_radix(self.v.get(..12).unwrap_or(&self.v), 36).ok()
    }

    /// Whether its figures are final. Those of no known view are.
    pub(super) fn ended(&self) -> bool {
        self.end == 1
    }
}

impl Fetch {
    pub(super) fn ending(&self) -> Ending {
        match self.status {
            i16::MIN..=-1 => Ending::Aborted,
            0 | 400.. => Ending::Failed,
            1..=399 => Ending::Ok,
        }
    }

    /// One of the known ones: a name made up by a client never becomes a label.
    pub(super) fn method(&self) -> &'static str {
        ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(&self.method))
            .unwrap_or("OTHER")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_figures_are_left_out_and_possible_ones_kept() {
        let beacon = Beacon::parse(
            br#"{"page":"/","load":-1,"lcp":1e300,"ttfb":12.5,"cls":0.1,"errors":4000000000,
                 "fetches":[{"m":"get","u":"/a","s":200,"d":1},{"m":"BREW","u":"/b","s":0,"d":1e99}]}"#,
        )
        .unwrap();
        assert_eq!((beacon.load, beacon.lcp), (None, None));
        assert_eq!((beacon.ttfb, beacon.cls), (Some(12.5), Some(0.1)));
        assert_eq!(beacon.errors, MOST_COUNT);
        assert_eq!(beacon.fetches.len(), 1);
        assert_eq!(beacon.fetches[0].method(), "GET");
    }

    #[test]
    fn what_is_no_beacon_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"page":7}"#,
            r#"{"page":"/","load":"fast"}"#,
            r#"{"page":"/","fetches":[{"m":"GET"}]}"#,
            r#"{"page":"/","load":NaN}"#,
            "\u{0}\u{1}",
            &"[".repeat(16_000),
        ] {
            assert_eq!(Beacon::parse(body.as_bytes()), None, "{body:.20}");
        }
    }
}
