//! Figures as people read them.

/// Milliseconds for people.
pub(crate) fn ms(value: f64) -> String {
    match value {
        value if value.is_nan() => "?".into(),
        value if value < 1.0 => format!("{value:.3} ms"),
        value if value < 100.0 => format!("{value:.1} ms"),
        value if value < 10_000.0 => format!("{value:.0} ms"),
        value => format!("{:.1} s", value / 1000.0),
    }
}

/// Bytes for people.
pub(crate) fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1024.0 / 1024.0)
}
