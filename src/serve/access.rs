//! Access control: the bearer token, the host's name, the pages that may send beacons.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::ServeConfig;

/// What a route is to those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Area {
    /// Health and the beacon: anyone.
    Open,
    /// `/metrics`: anyone, where the configuration says so.
    Metrics,
    Private,
}

/// The cookie that a signed-in browser holds. Its value is derived from the token, and so outlives a restart; it says
/// nothing of the token, and another token ends it.
pub(super) const COOKIE: &str = "dbaudit";

#[derive(Debug)]
pub(super) struct Access {
    token: Option<String>,
    session: String,
    loopback: bool,
    open_metrics: bool,
    origins: Vec<String>,
}

impl Access {
    pub(super) fn new(settings: &ServeConfig, listen: SocketAddr) -> Self {
        Self {
            token: settings.token.clone(),
            session: session_of(settings.token.as_deref().unwrap_or_default()),
            loopback: listen.ip().to_canonical().is_loopback(),
            open_metrics: settings.open_metrics,
            origins: settings.origins.clone(),
        }
    }

    /// Whether the request may go on.
    pub(super) fn admit(&self, area: Area, headers: &HeaderMap) -> Result<(), StatusCode> {
        match area {
            Area::Open => return Ok(()),
            Area::Metrics if self.open_metrics => return Ok(()),
            Area::Metrics | Area::Private => {}
        }
        if self.token.is_some() {
            return if self.signed_in(headers) {
                Ok(())
            } else {
                Err(StatusCode::UNAUTHORIZED)
            };
        }
        // Without a token only this machine can connect; but a page anywhere may point a name of its own here, and
        // read the answer (DNS rebinding). Its requests carry that name.
        if self.loopback && names_loopback(headers) {
            Ok(())
        } else {
            Err(StatusCode::MISDIRECTED_REQUEST)
        }
    }

    fn signed_in(&self, headers: &HeaderMap) -> bool {
        let bearer = text(headers, header::AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|given| self.knows(given.trim()));
        bearer || sessions(headers).any(|value| same(value, &self.session))
    }

    /// Whether something is there that could be the token, or a session, and is neither.
    pub(super) fn guesses(&self, headers: &HeaderMap) -> bool {
        let given = headers.contains_key(header::AUTHORIZATION) || sessions(headers).any(|_| true);
        given && !self.signed_in(headers)
    }

    pub(super) fn knows(&self, given: &str) -> bool {
        self.token
            .as_deref()
            .is_some_and(|token| same(given, token))
    }

    /// The cookie for whoever gave the token; `secure`: by HTTPS, and never by another way.
    pub(super) fn cookie(&self, secure: bool) -> String {
        let secure = if secure { "; Secure" } else { "" };
        format!(
            "{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000{secure}",
            self.session
        )
    }

    /// Whether a page of this origin may send beacons. A browser always names the origin of a POST.
    pub(super) fn takes_beacons_from(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = text(headers, header::ORIGIN) else {
            return false;
        };
        if self.origins.iter().any(|known| known == origin) {
            return true;
        }
        let Some((_, authority)) = origin.split_once("://") else {
            return false;
        };
        // A page of ours, which a name pointed at this machine is not; and, on the developer's machine, any page of it.
        let own = text(headers, header::HOST) == Some(authority)
            && (self.token.is_some() || names_loopback(headers));
        own || (self.loopback && self.origins.is_empty() && is_loopback(authority))
    }
}

/// The values of our cookie; another application of the same host may have set one of its name.
fn sessions(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter_map(|(name, value)| (name == COOKIE).then_some(value))
}

fn session_of(token: &str) -> String {
    // A key may be of any length: there is no other error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(token.as_bytes()) else {
        return String::new();
    };
    mac.update(b"dbaudit serve: session");
    let session = mac.finalize().into_bytes();
    session.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn names_loopback(headers: &HeaderMap) -> bool {
    text(headers, header::HOST).is_some_and(is_loopback)
}

/// Of `host` or `host:port`.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// In a time that does not tell how much of it was right.
fn same(given: &str, expected: &str) -> bool {
    let differences = given
        .bytes()
        .zip(expected.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == expected.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(listen: &str, change: impl FnOnce(&mut ServeConfig)) -> Access {
        let mut settings = ServeConfig::default();
        change(&mut settings);
        Access::new(&settings, listen.parse().unwrap())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = header::HeaderName::from_static(name);
                (name, value.parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn elsewhere_than_on_loopback_all_but_the_open_routes_want_the_token() {
        let mut access = access("0.0.0.0:9187", |s| s.token = Some("a secret".into()));
        let none = headers(&[("host", "db.example.com")]);
        let right = headers(&[("authorization", "Bearer a secret")]);
        let wrong = headers(&[("authorization", "Bearer a secreT")]);
        let cookie = access.cookie(false);
        let signed_in = headers(&[("cookie", cookie.split(';').next().unwrap())]);
        let made_up = headers(&[("cookie", "dbaudit=a secret")]);
        assert_eq!(access.admit(Area::Open, &none), Ok(()));
        for area in [Area::Private, Area::Metrics] {
            assert_eq!(access.admit(area, &none), Err(StatusCode::UNAUTHORIZED));
            assert_eq!(access.admit(area, &wrong), Err(StatusCode::UNAUTHORIZED));
            assert_eq!(access.admit(area, &made_up), Err(StatusCode::UNAUTHORIZED));
            assert_eq!(access.admit(area, &right), Ok(()));
            assert_eq!(access.admit(area, &signed_in), Ok(()));
        }
        access.open_metrics = true;
        assert_eq!(access.admit(Area::Metrics, &none), Ok(()));
    }

    #[test]
    fn a_session_outlives_a_restart_and_not_a_change_of_the_token() {
        let with = |token: &str| access("0.0.0.0:9187", |s| s.token = Some(token.into()));
        let cookie = with("a secret").cookie(false);
        let signed_in = headers(&[("cookie", cookie.split(';').next().unwrap())]);
        assert_eq!(with("a secret").admit(Area::Private, &signed_in), Ok(()));
        assert!(with("another").admit(Area::Private, &signed_in).is_err());
        assert!(!cookie.contains("secret"));
    }

    #[test]
    fn on_loopback_a_name_that_was_pointed_here_is_refused() {
        let access = access("127.0.0.1:9187", |_| ());
        for host in ["127.0.0.1:9187", "localhost", "[::1]:80", "LOCALHOST:1"] {
            let own = headers(&[("host", host)]);
            assert_eq!(access.admit(Area::Private, &own), Ok(()), "{host}");
        }
        for host in [
            "evil.example:9187",
            "127.0.0.1.evil.example",
            "localhost.evil",
        ] {
            let other = headers(&[("host", host)]);
            let refused = Err(StatusCode::MISDIRECTED_REQUEST);
            assert_eq!(access.admit(Area::Private, &other), refused, "{host}");
        }
        assert!(access.admit(Area::Private, &HeaderMap::new()).is_err());
    }

    #[test]
    fn beacons_come_from_listed_origins_and_from_our_own() {
        let access = access("0.0.0.0:9187", |s| {
            s.origins = vec!["https://app.example.com".into()];
            s.token = Some("a secret".into());
        });
        let from = |origin| headers(&[("origin", origin), ("host", "audit.example.com")]);
        for (origin, taken) in [
            ("https://app.example.com", true),
            ("https://audit.example.com", true),
            ("https://app.example.com.evil.example", false),
            ("http://app.example.com", false),
            ("http://localhost:3000", false),
            ("null", false),
        ] {
            assert_eq!(access.takes_beacons_from(&from(origin)), taken, "{origin}");
        }
        assert!(!access.takes_beacons_from(&HeaderMap::new()));
    }

    #[test]
    fn on_loopback_any_page_of_this_machine_may_send_beacons() {
        let access = access("127.0.0.1:9187", |_| ());
        let from = |origin| headers(&[("origin", origin), ("host", "127.0.0.1:9187")]);
        assert!(access.takes_beacons_from(&from("http://localhost:3000")));
        assert!(!access.takes_beacons_from(&from("https://example.com")));
        let rebound = headers(&[
            ("origin", "http://evil.example:9187"),
            ("host", "evil.example:9187"),
        ]);
        assert!(!access.takes_beacons_from(&rebound));
    }
}
