//! A beacon as it comes: read strictly, its figures possible or left out.

use serde::Deserialize;

/// A beacon longer than this is refused.
pub(in crate::serve) const MOST_BYTES: usize = 16 * 1024;
/// No page load takes longer.
const MOST_MS: f64 = 600_000.0;
/// Of more calls than a snippet sends at once, the rest is left out.
const MOST_FETCHES: usize = 100;
const MOST_COUNT: u32 = 10_000;

/// What a page tells of itself.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::serve) struct Beacon {
    pub(super) page: String,
    pub(super) load: Option<f64>,
    pub(super) ttfb: Option<f64>,
    pub(super) lcp: Option<f64>,
    pub(super) inp: Option<f64>,
    pub(super) cls: Option<f64>,
    pub(super) errors: u32,
    pub(super) interactions: u32,
    pub(super) fetches: Vec<Fetch>,
}

/// A `fetch` call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Fetch {
    #[serde(rename = "m")]
    method: String,
    #[serde(rename = "u")]
    pub(super) url: String,
    /// 0: there was no answer.
    #[serde(rename = "s")]
    status: u16,
    #[serde(rename = "d")]
    pub(super) ms: f64,
}

impl Beacon {
    /// From the body of a request; `None`: it is no beacon.
    pub(in crate::serve) fn parse(body: &[u8]) -> Option<Self> {
        let mut beacon: Self = serde_json::from_slice(body).ok()?;
        if beacon.page.is_empty() {
            return None;
        }
        for value in [
            &mut beacon.load,
            &mut beacon.ttfb,
            &mut beacon.lcp,
            &mut beacon.inp,
        ] {
            *value = value.filter(|ms| (0.0..=MOST_MS).contains(ms));
        }
        beacon.cls = beacon.cls.filter(|cls| (0.0..=100.0).contains(cls));
        beacon.errors = beacon.errors.min(MOST_COUNT);
        beacon.interactions = beacon.interactions.min(MOST_COUNT);
        beacon.fetches.truncate(MOST_FETCHES);
        beacon
            .fetches
            .retain(|fetch| (0.0..=MOST_MS).contains(&fetch.ms));
        Some(beacon)
    }
}

impl Fetch {
    pub(super) fn failed(&self) -> bool {
        self.status == 0 || self.status >= 400
    }

    /// One of the known ones: a name that a client makes up is no label.
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
