//! What a group found: one table, one picture, its goals.

use serde::{Deserialize, Serialize};

use crate::plot::Plot;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) title: String,
    /// What was done, and how.
    pub(crate) method: String,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) goals: Vec<Goal>,
    pub(crate) plots: Vec<Plot>,
    pub(crate) conditions: Conditions,
}

/// A limit, and what was measured against it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) limit: f64,
    /// `None`: could not be measured.
    pub(crate) measured: Option<f64>,
    pub(crate) unit: String,
}

impl Goal {
    pub(crate) fn new(
        what: impl Into<String>,
        measured: Option<f64>,
        limit: f64,
        unit: &str,
    ) -> Self {
        Self {
            what: what.into(),
            limit,
            measured,
            unit: unit.into(),
        }
    }

    /// What was measured, and the goal.
    fn to_text(&self) -> String {
        let unit = match &self.unit[..] {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        let measured = self
            .measured
            .map_or("?".into(), |value| format!("{value:.2}{unit}"));
        format!(
            "{}: {measured} (goal: at most {}{unit}):",
            self.what, self.limit
        )
    }

    fn verdict(&self) -> &'static str {
        match self.measured {
            None => "not measured",
            Some(measured) if measured <= self.limit => "met",
            Some(_) => "missed",
        }
    }
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Conditions {
    pub(crate) machine: String,
    pub(crate) versions: Vec<String>,
    /// What was measured.
    #[serde(default)]
    pub(crate) commit: String,
    /// Over one minute, at the end of the group: the bench itself is in it.
    pub(crate) load: f64,
    pub(crate) taken_at: String,
    pub(crate) seconds: f64,
}

impl Outcome {
    /// For the terminal.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        text.push_str(&aligned(&self.header, &self.rows));
        for goal in &self.goals {
            text.push_str(&format!("{} {}\n", goal.to_text(), goal.verdict()));
        }
        text.push_str(&format!(
            "{} s, load average at the end {:.1}\n",
            self.conditions.seconds, self.conditions.load
        ));
        text
    }

    /// A section of the page; its pictures are `<name>.svg`, `<name>-2.svg`….
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.method);
        let columns = self.header.len();
        let line = |cells: &[String]| {
            // A row of one who is out is shorter.
            let mut cells: Vec<String> =
                cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            cells.resize(columns, String::new());
            format!("| {} |\n", cells.join(" | "))
        };
        text.push_str(&line(&self.header));
        text.push_str(&line(&vec!["---".to_owned(); columns]));
        for row in &self.rows {
            text.push_str(&line(row));
        }
        text.push('\n');
        for goal in &self.goals {
            text.push_str(&format!("- {} **{}**\n", goal.to_text(), goal.verdict()));
        }
        text.push('\n');
        for (number, plot) in self.plots.iter().enumerate() {
            text.push_str(&format!("![{}]({})\n\n", plot.title, self.picture(number)));
        }
        let Conditions { commit, .. } = &self.conditions;
        text.push_str(&format!(
            "Measured {}{} in {} s on {}; load average at the end {:.1}, the bench's own included.\n",
            self.conditions.taken_at,
            match &commit[..] {
                "" => String::new(),
                commit => format!(" at commit {commit}"),
            },
            self.conditions.seconds,
            self.conditions.machine,
            self.conditions.load
        ));
        text
    }

    /// Where a picture goes, from the page.
    pub(crate) fn picture(&self, number: usize) -> String {
        match number {
            0 => format!("results/{}.svg", self.name),
            _ => format!("results/{}-{}.svg", self.name, number + 1),
        }
    }
}

fn aligned(header: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        std::iter::once(header)
            .chain(rows.iter().map(Vec::as_slice))
            .map(|row| row.get(column).map_or(0, |cell| cell.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        text.push(' ');
        for (column, cell) in row.iter().enumerate() {
            let gap = widths[column].saturating_sub(cell.chars().count());
            if column == 0 {
                text.push_str(&format!(" {cell}{}", " ".repeat(gap)));
            } else {
                text.push_str(&format!("  {}{cell}", " ".repeat(gap)));
            }
        }
        text.push('\n');
    }
    text
}
