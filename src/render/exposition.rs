//! Prometheus text exposition 0.0.4: the one writer of it. A family has one HELP and TYPE, and none without samples.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
};

/// Before every name: an application's own metrics are not ours.
const PREFIX: &str = "dbaudit_";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends with `_total`.
    Counter,
    Gauge,
}

/// What tells the series of a family apart.
pub type Labels = Vec<(Cow<'static, str>, String)>;

/// A family whose series are the figures of things of one kind, one for each that has it.
pub(crate) struct Metric<T> {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    figure: fn(&T) -> Option<f64>,
}

pub(crate) const fn counter<T>(
    name: &'static str,
    help: &'static str,
    figure: fn(&T) -> Option<f64>,
) -> Metric<T> {
    Metric {
        name,
        kind: Kind::Counter,
        help,
        figure,
    }
}

pub(crate) const fn gauge<T>(
    name: &'static str,
    help: &'static str,
    figure: fn(&T) -> Option<f64>,
) -> Metric<T> {
    Metric {
        kind: Kind::Gauge,
        ..counter(name, help, figure)
    }
}

/// A count as the format has it.
#[expect(clippy::cast_precision_loss, reason = "the format has only floats")]
pub(crate) fn count(count: u64) -> Option<f64> {
    Some(count as f64)
}

#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Up to which value each bucket reaches, rising, and how many are in it alone.
    pub counts: Vec<(f64, u64)>,
    pub beyond: u64,
    pub sum: f64,
}

/// The text, family by family.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Each metric, of everything that is labelled.
    pub(crate) fn each<T>(&mut self, metrics: &[Metric<T>], labelled: &[(Labels, &T)]) {
        for metric in metrics {
            let samples = labelled
                .iter()
                .filter_map(|(labels, of)| Some((labels.clone(), (metric.figure)(of)?)));
            self.family(metric.name, metric.kind, metric.help, samples);
        }
    }

    /// A family of counters or gauges.
    pub fn family<V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, V)>,
    ) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let mut head = Some(kind);
        for (labels, value) in samples {
            if let Some(kind) = head.take() {
                self.head(name, kind, help);
            }
            self.line(name, &labels, None, value);
        }
    }

    /// A family of one series without labels, where there is a figure.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: Option<f64>) {
        self.family(name, kind, help, value.map(|value| (Labels::new(), value)));
    }

    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, Buckets)>,
    ) {
        let mut head = Some("histogram");
        for (labels, buckets) in samples {
            if let Some(kind) = head.take() {
                self.head(name, kind, help);
            }
            let bucket = format!("{name}_bucket");
            let mut below = 0;
            for (bound, count) in &buckets.counts {
                below += count;
                self.line(&bucket, &labels, Some(bound), below);
            }
            let all = below + buckets.beyond;
            self.line(&bucket, &labels, Some(&f64::INFINITY), all);
            self.line(&format!("{name}_sum"), &labels, None, buckets.sum);
            self.line(&format!("{name}_count"), &labels, None, all);
        }
    }

    pub fn into_text(self) -> String {
        self.0
    }

    // Writing into memory cannot fail: hence no error of it is looked at below.
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(
            self.0,
            "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"
        );
    }

    fn line(&mut self, name: &str, labels: &Labels, bound: Option<&f64>, value: impl Display) {
        let _ = write!(self.0, "{PREFIX}{name}");
        let mut separator = '{';
        for (key, value) in labels {
            let _ = write!(self.0, "{separator}{key}=\"{}\"", Escaped(value));
            separator = ',';
        }
        if let Some(bound) = bound {
            let _ = match *bound {
                f64::INFINITY => write!(self.0, "{separator}le=\"+Inf\""),
                bound => write!(self.0, "{separator}le=\"{bound}\""),
            };
            separator = ',';
        }
        if separator == ',' {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_a_parser_reads() {
        let mut text = Exposition::default();
        let odd = "a\\b\"c\nd";
        // The parser leaves it as it is written.
        let escaped = r#"a\\b\"c\nd"#;
        let labels = || vec![("name".into(), odd.to_owned())];
        text.family("a_total", Kind::Counter, "A.", [(labels(), 3)]);
        text.family("none", Kind::Gauge, "No sample.", [] as [(Labels, u8); 0]);
        text.single("b", Kind::Gauge, "B.", Some(0.5));
        let buckets = Buckets {
            counts: vec![(0.1, 2), (1.0, 3)],
            beyond: 4,
            sum: 12.5,
        };
        text.histograms("c_seconds", "C.", [(labels(), buckets)]);
        let text = text.into_text();
        assert!(!text.contains("none"), "{text}");
        let scrape =
            prometheus_parse::Scrape::parse(text.lines().map(|l| Ok(l.to_owned()))).unwrap();
        let found = |name: &str| scrape.samples.iter().find(|s| s.metric == name).unwrap();
        assert_eq!(found("dbaudit_a_total").labels.get("name"), Some(escaped));
        assert_eq!(
            found("dbaudit_a_total").value,
            prometheus_parse::Value::Counter(3.0)
        );
        assert_eq!(
            found("dbaudit_b").value,
            prometheus_parse::Value::Gauge(0.5)
        );
        let prometheus_parse::Value::Histogram(read) = &found("dbaudit_c_seconds").value else {
            panic!("{text}");
        };
        let read: Vec<(f64, f64)> = read.iter().map(|b| (b.less_than, b.count)).collect();
        assert_eq!(read, [(0.1, 2.0), (1.0, 5.0), (f64::INFINITY, 9.0)]);
        assert!(text.contains("c_seconds_sum{name="), "{text}");
    }
}
