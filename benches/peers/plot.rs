//! Pictures, drawn by hand: a line per contender, a dot per sample, a bar at the median.

use serde::{Deserialize, Serialize};

use crate::compare::{Sampled, median};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) unit: String,
    /// Milliseconds that lie orders of magnitude apart.
    pub(crate) logarithmic: bool,
    pub(crate) series: Vec<(String, Vec<f64>)>,
}

const LEFT: f64 = 230.0;
const WIDTH: f64 = 820.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 44.0;
const LINE: f64 = 34.0;

impl Plot {
    pub(crate) fn of(title: impl Into<String>, unit: &str, all: &[Sampled]) -> Self {
        Self {
            title: title.into(),
            unit: unit.into(),
            logarithmic: false,
            series: all
                .iter()
                .map(|one| (one.name.clone(), one.samples.clone()))
                .collect(),
        }
    }

    pub(crate) fn svg(&self) -> String {
        let values = || self.series.iter().flat_map(|(_, samples)| samples).copied();
        let highest = values().fold(f64::MIN_POSITIVE, f64::max);
        let lowest = values().fold(highest, f64::min).max(highest / 1e6);
        let (from, to) = if self.logarithmic {
            (
                10f64.powf(lowest.log10().floor()),
                10f64.powf(highest.log10().ceil()),
            )
        } else {
            (0.0, highest * 1.05)
        };
        let across = |value: f64| {
            let share = if self.logarithmic {
                (value.max(from) / from).ln() / (to / from).ln()
            } else {
                value / to
            };
            LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
        };
        let height = TOP + LINE * self.series.len() as f64 + 40.0;
        let bottom = height - 34.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"14\" y=\"24\" font-weight=\"600\" fill=\"#1b1f24\">{}</text>\n",
            escape(&self.title)
        );
        for tick in self.ticks(from, to) {
            let x = across(tick);
            svg.push_str(&format!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\" stroke=\"#e3e6ea\"/>\n\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#57606a\">{} {}</text>\n",
                TOP - 8.0,
                bottom + 18.0,
                short(tick),
                escape(&self.unit)
            ));
        }
        for (number, (name, samples)) in self.series.iter().enumerate() {
            let y = TOP + LINE * (number as f64 + 0.5);
            let colour = if name.starts_with("dbaudit") {
                "#0b63ce"
            } else {
                "#8a5a00"
            };
            svg.push_str(&format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#1b1f24\">{}</text>\n",
                LEFT - 12.0,
                y + 4.0,
                escape(name)
            ));
            if samples.is_empty() {
                svg.push_str(&format!(
                    "<text x=\"{}\" y=\"{:.1}\" fill=\"#57606a\">missing</text>\n",
                    LEFT + 6.0,
                    y + 4.0
                ));
                continue;
            }
            for sample in samples {
                svg.push_str(&format!(
                    "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\" fill-opacity=\"0.35\"/>\n",
                    across(*sample)
                ));
            }
            let x = across(median(samples));
            svg.push_str(&format!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"3\"/>\n",
                y - 11.0,
                y + 11.0
            ));
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn ticks(&self, from: f64, to: f64) -> Vec<f64> {
        if self.logarithmic {
            let (from, to) = (from.log10().round() as i32, to.log10().round() as i32);
            return (from..=to).map(|power| 10f64.powi(power)).collect();
        }
        let raw = to / 5.0;
        let size = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|times| times * size)
            .into_iter()
            .find(|step| *step >= raw)
            .unwrap_or(raw);
        (0..)
            .map(|number| f64::from(number) * step)
            .take_while(|tick| *tick <= to)
            .collect()
    }
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
