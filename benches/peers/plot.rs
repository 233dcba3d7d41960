//! Pictures, drawn by hand: a line per contender, a dot per sample, a bar at the median; or a bar of shares.

use serde::{Deserialize, Serialize};

use crate::compare::{Sampled, median};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) unit: String,
    /// Milliseconds that lie orders of magnitude apart.
    pub(crate) logarithmic: bool,
    /// The values of a line are parts of its whole: a bar of the good, the undecided, the bad.
    #[serde(default)]
    pub(crate) stacked: bool,
    pub(crate) series: Vec<(String, Vec<f64>)>,
}

const WIDTH: f64 = 820.0;
const RIGHT: f64 = 46.0;
const TOP: f64 = 44.0;
const LINE: f64 = 34.0;
const INK: &str = "#1b1f24";
const FAINT: &str = "#57606a";
/// Good, undecided, bad: told apart by their lightness as well.
const SHARES: [(&str, &str); 3] = [
    ("#2e7d32", "#ffffff"),
    ("#f2d28b", INK),
    ("#8c1d18", "#ffffff"),
];

/// Where a value lies across the picture.
struct Scale {
    left: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    fn across(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            value / self.to
        };
        self.left + share.clamp(0.0, 1.0) * (WIDTH - self.left - RIGHT)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let power = |value: f64| value.log10().round() as i32;
            return (power(self.from)..=power(self.to))
                .map(|power| 10f64.powi(power))
                .collect();
        }
        let raw = self.to / 5.0;
        let size = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|times| times * size)
            .into_iter()
            .find(|step| *step >= raw)
            .unwrap_or(raw);
        (0..)
            .map(|number| f64::from(number) * step)
            .take_while(|tick| *tick <= self.to)
            .collect()
    }
}

impl Plot {
    pub(crate) fn of(title: impl Into<String>, unit: &str, all: &[Sampled]) -> Self {
        Self {
            title: title.into(),
            unit: unit.into(),
            logarithmic: false,
            stacked: false,
            series: all
                .iter()
                .map(|one| (one.name.clone(), one.samples.clone()))
                .collect(),
        }
    }

    pub(crate) fn svg(&self) -> String {
        let scale = self.scale();
        let height = TOP + LINE * self.series.len() as f64 + if self.stacked { 12.0 } else { 40.0 };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"14\" y=\"24\" font-weight=\"600\" fill=\"{INK}\">{}</text>\n",
            escape(&self.title)
        );
        if !self.stacked {
            svg.push_str(&self.axis(&scale, height - 34.0));
        }
        for (number, (name, values)) in self.series.iter().enumerate() {
            let y = TOP + LINE * (number as f64 + 0.5);
            svg.push_str(&text(scale.left - 12.0, y + 4.0, "end", INK, name));
            svg.push_str(&match values.is_empty() {
                true => text(scale.left + 6.0, y + 4.0, "start", FAINT, "no figure"),
                false if self.stacked => shares(&scale, y, values),
                false => dots(&scale, y, name, values),
            });
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn scale(&self) -> Scale {
        let longest = self.series.iter().map(|(name, _)| name.chars().count());
        let left = 30.0 + 7.0 * longest.max().unwrap_or(0) as f64;
        let values = || self.series.iter().flat_map(|(_, values)| values).copied();
        let highest = values().fold(f64::MIN_POSITIVE, f64::max);
        let lowest = values().fold(highest, f64::min).max(highest / 1e6);
        let (from, to) = match self.logarithmic {
            _ if self.stacked => (0.0, 1.0),
            true => (
                10f64.powf(lowest.log10().floor()),
                10f64.powf(highest.log10().ceil()),
            ),
            false => (0.0, highest * 1.05),
        };
        Scale {
            left,
            from,
            to,
            logarithmic: self.logarithmic,
        }
    }

    fn axis(&self, scale: &Scale, bottom: f64) -> String {
        let tick = |value: f64| {
            let x = scale.across(value);
            let label = format!("{} {}", short(value), self.unit);
            format!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\" stroke=\"#e3e6ea\"/>\n{}",
                TOP - 8.0,
                text(x, bottom + 18.0, "middle", FAINT, &label)
            )
        };
        scale.ticks().into_iter().map(tick).collect()
    }
}

/// A dot per sample, a bar at their median.
fn dots(scale: &Scale, y: f64, name: &str, samples: &[f64]) -> String {
    let ours = name.starts_with("dbaudit");
    let colour = if ours { "#0b63ce" } else { "#8a5a00" };
    let mut svg = String::new();
    for sample in samples {
        svg.push_str(&format!(
            "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\" fill-opacity=\"0.35\"/>\n",
            scale.across(*sample)
        ));
    }
    let x = scale.across(median(samples));
    svg.push_str(&format!(
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"3\"/>\n",
        y - 11.0,
        y + 11.0
    ));
    svg
}

/// One bar, each part as long as its share, with its count.
fn shares(scale: &Scale, y: f64, parts: &[f64]) -> String {
    let whole: f64 = parts.iter().sum();
    let (mut svg, mut before) = (String::new(), 0.0);
    for (part, (colour, ink)) in parts.iter().zip(SHARES) {
        let (from, to) = (
            scale.across(before / whole),
            scale.across((before + part) / whole),
        );
        before += part;
        if *part > 0.0 {
            svg.push_str(&format!(
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"22\" fill=\"{colour}\"/>\n{}",
                y - 11.0,
                to - from,
                text(f64::midpoint(from, to), y + 4.0, "middle", ink, &short(*part))
            ));
        }
    }
    svg
}

fn text(x: f64, y: f64, anchor: &str, colour: &str, words: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>\n",
        escape(words)
    )
}

fn short(value: f64) -> String {
    if value >= 1.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}").trim_end_matches('0').to_owned()
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
