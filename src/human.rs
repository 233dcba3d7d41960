//! Figures as people read them.

use std::fmt;

/// Bytes for people, in powers of 1024 as `pg_size_pretty` has them: `12 kB`, `3.4 MB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", UNITS[unit])
    } else if value >= 10.0 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.2} {}", UNITS[unit])
    }
}

/// Milliseconds for people: `0.054 ms`, `12.3 ms`, `1.24 s`, `3m 20s`.
pub fn human_ms(ms: f64) -> String {
    if ms.is_infinite() {
        // Cut off, after however long.
        "timed out".into()
    } else if ms < 1.0 {
        format!("{ms:.3} ms")
    } else if ms < 100.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if ms < 60_000.0 {
        format!("{:.2} s", ms / 1000.0)
    } else {
        let seconds = (ms / 1000.0).round();
        format!("{}m {}s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

/// Seconds as people say them: `40 s`, `12 min`, `3.5 h`, `4 days`.
pub fn human_seconds(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7_200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds < 172_800.0 {
        format!("{:.1} h", seconds / 3_600.0)
    } else {
        format!("{:.0} days", seconds / 86_400.0)
    }
}

/// `1 index`, `3 indexes`.
pub fn counted<N: fmt::Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}

/// `1234`, `12.3 k`, `4.56 M`.
pub fn human_count(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = count as f64;
    match value {
        v if v < 10_000.0 => count.to_string(),
        v if v < 1e6 => format!("{:.1} k", v / 1e3),
        v if v < 1e9 => format!("{:.2} M", v / 1e6),
        v => format!("{:.2} G", v / 1e9),
    }
}

/// The text on one line, its spaces squeezed, cut after so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(8192), "8.00 kB");
        assert_eq!(human_bytes(123_456_789), "118 MB");
        assert_eq!(human_ms(0.054), "0.054 ms");
        assert_eq!(human_ms(99.94), "99.9 ms");
        assert_eq!(human_ms(1240.0), "1.24 s");
        assert_eq!(human_ms(200_000.0), "3m 20s");
    }
}
