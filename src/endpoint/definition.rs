//! What is timed: `[[endpoint]]` and `[[page]]`, parsed and checked.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use crate::stats::Percentile;

/// An HTTP endpoint with a budget.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name, unique in a run.
    pub name: String,
    /// `GET`
    pub method: Method,
    /// An absolute `http` or `https` URL.
    pub url: Uri,
    /// Sent with each request. May hold secrets: never print their values.
    pub headers: HeaderMap,
    pub body: String,
    pub status: StatusCode,
    pub budget: Duration,
    /// At which percentile.
    pub percentile: Percentile,
    /// So many at once, as well as alone.
    pub concurrency: Option<u32>,
    /// Average budget of a request, with this many at once.
    pub average_budget: Option<Duration>,
    /// The share of requests that may fail; `None`: a failure is an error.
    pub errors: Option<f64>,
}

/// A page with a budget for its first load.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its name, unique in a run.
    pub name: String,
    pub url: Uri,
    /// What the load event, and the largest contentful paint, may take.
    pub budget: Duration,
    /// At which percentile.
    pub percentile: Percentile,
}

/// An API's response: 2 s. A page's first load: 1 s. Health: 100 ms.
pub(crate) const BUDGET: Duration = Duration::from_secs(2);
pub(crate) const PAGE_BUDGET: Duration = Duration::from_secs(1);
pub(crate) const HEALTH_BUDGET: Duration = Duration::from_millis(100);

impl Endpoint {
    /// The budget where none is given: health checks have their own.
    pub fn default_budget(url: &Uri) -> Duration {
        let last = url.path().trim_end_matches('/').rsplit('/').next();
        let health = [
            "health",
            "healthz",
            "healthcheck",
            "ready",
            "readyz",
            "live",
            "livez",
        ];
        if last.is_some_and(|last| health.contains(&last)) {
            HEALTH_BUDGET
        } else {
            BUDGET
        }
    }
}

/// `$NAME` and `${NAME}` become what the environment holds; `$$` is a dollar sign.
///
/// # Errors
/// The variable that is not set, or a `$` that begins none.
pub fn expanded(
    text: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let word = |text: &str| {
            text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(text.len())
        };
        let (name, after) = match rest.strip_prefix('{') {
            Some(inner) => inner
                .split_once('}')
                .ok_or_else(|| "a `${` is not closed".to_owned())?,
            None => rest.split_at(word(rest)),
        };
        if name.is_empty() || word(name) != name.len() {
            return Err("a `$` does not begin a variable; write `$$` for a dollar sign".to_owned());
        }
        let value = environment(name);
        out.push_str(&value.ok_or_else(|| format!("the variable {name} is not set"))?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// `1%` or `0.5 %`, as a share.
///
/// # Errors
/// It is not a percentage.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').map(str::trim);
    number
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("`{text}` is not a percentage (try 1%)"))
}

/// A URL that can be asked.
///
/// # Errors
/// Why it cannot.
pub fn parse_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text
        .parse()
        .map_err(|error| format!("it is not a URL: {error}"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("it begins with neither http:// nor https://".into());
    }
    let Some(authority) = url.authority().filter(|a| !a.host().is_empty()) else {
        return Err("it has no host".into());
    };
    if authority.as_str().contains('@') {
        return Err("credentials belong in a header, from an environment variable".into());
    }
    Ok(url)
}

/// A header.
///
/// # Errors
/// Why it is none; its value is not repeated.
pub fn parse_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = name
        .parse()
        .map_err(|_| format!("`{name}` is not a valid header name"))?;
    let mut value: HeaderValue = value
        .parse()
        .map_err(|_| format!("the value of `{name}` is not valid in a header"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_missing_ones_named() {
        let environment = |name: &str| (name == "TOKEN").then(|| "a$b".to_owned());
        let of = |text| expanded(text, environment);
        assert_eq!(of("Bearer ${TOKEN}!").unwrap(), "Bearer a$b!");
        assert_eq!(of("$TOKEN/$$5").unwrap(), "a$b/$5");
        assert_eq!(of("no more").unwrap(), "no more");
        for (text, wrong) in [
            ("$OTHER", "OTHER is not set"),
            ("${TOKEN", "not closed"),
            ("5 $", "does not begin a variable"),
            ("${a b}", "does not begin a variable"),
        ] {
            assert!(of(text).unwrap_err().contains(wrong), "{text}");
        }
    }

    #[test]
    fn a_share_has_its_sign() {
        assert_eq!(parse_share("1%"), Ok(0.01));
        assert_eq!(parse_share("0.5 %"), Ok(0.005));
        for bad in ["1", "%", "-1%", "101%", "NaN%", "one%"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn health_has_a_budget_of_its_own() {
        for (url, budget) in [
            ("http://a/health", HEALTH_BUDGET),
            ("http://a/api/healthz/", HEALTH_BUDGET),
            ("http://a/healthy-recipes", BUDGET),
            ("http://a/", BUDGET),
        ] {
            assert_eq!(
                Endpoint::default_budget(&url.parse().unwrap()),
                budget,
                "{url}"
            );
        }
    }

    #[test]
    fn urls_that_cannot_be_asked_and_headers_that_inject_are_refused() {
        for url in [
            "",
            "/a",
            "ftp://a/",
            "http:///a",
            "http://ann:secret@a/",
            "http://a b/",
        ] {
            assert!(parse_url(url).is_err(), "{url}");
        }
        assert!(parse_url("https://a.example:8443/b?c=d").is_ok());
        assert!(parse_header("X-A", "b\r\nSet-Cookie: c").is_err());
        assert!(parse_header("X A", "b").is_err());
        assert!(!format!("{:?}", parse_header("a", "secret").unwrap()).contains("secret"));
    }
}
