//! PURE: from a path to its pattern: what differs from visitor to visitor becomes `:id`.

const MOST_SEGMENTS: usize = 8;
const LONGEST_SEGMENT: usize = 32;

/// `/users/42/orders?token=…` is `/users/:id/orders`. Of a URL with a host, the host stays.
pub(super) fn pattern(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut segments = url.split('/');
    let host = segments.next().unwrap_or_default();
    let mut pattern: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'))
        .take(LONGEST_SEGMENT * 2)
        .collect();
    for (at, segment) in segments.enumerate() {
        if at == MOST_SEGMENTS {
            pattern.push_str("/…");
            break;
        }
        pattern.push('/');
        pattern.push_str(if is_id(segment) { ":id" } else { segment });
    }
    if pattern.is_empty() {
        pattern.push('/');
    }
    pattern
}

/// A number, a UUID, a hash, a token, an address: anything but a word of the application's own.
fn is_id(segment: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    if segment.len() > LONGEST_SEGMENT || !segment.chars().all(plain) {
        return true;
    }
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let is_version = segment.starts_with('v') && segment.len() <= 3;
    (digits > 0 && digits * 2 >= segment.len() && !is_version)
        || (digits >= 2 && segment.len() >= 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_visitor_to_visitor_is_no_part_of_a_pattern() {
        for (url, expected) in [
            ("/", "/"),
            ("", "/"),
            ("/users/42/orders?token=abc#x", "/users/:id/orders"),
            ("/a/0c9a34f2-6f2b-4a53-9d0c-0d8d1f0f3a11", "/a/:id"),
            ("/reset/9f86d081884c7d659a2feaa0c55ad015", "/reset/:id"),
            ("/mail/ann@example.com", "/mail/:id"),
            ("/mail/ann%40example.com", "/mail/:id"),
            ("/api/v2/items", "/api/v2/items"),
            ("/how-to-write-a-query", "/how-to-write-a-query"),
            ("/app.min.js", "/app.min.js"),
            (
                "https://api.example.com:8443/v1/x?y=1",
                "api.example.com:8443/v1/x",
            ),
            (
                "/1/2/3/4/5/6/7/8/9/10",
                "/:id/:id/:id/:id/:id/:id/:id/:id/…",
            ),
            ("/<script>alert(1)</script>", "/:id/:id"),
            ("/line\nbreak", "/:id"),
        ] {
            assert_eq!(pattern(url), expected, "{url}");
        }
    }
}
