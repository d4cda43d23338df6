//! The table of a sweep: `table.csv` with every number of every run, `table.json` with their uncertainties too, `table.md` with the main
//! ones of each setting over its seeds, and those as a picture, `sweep.svg` and `.png`.

use super::plan::{Plan, Point};
use crate::analysis::statistics::{mean, standard_deviation};
use crate::figures::{self, Quantity};
use crate::report::{number, spread};
use crate::{Error, Result, file};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::Path;

/// The numbers that settings are compared by: id of the row, heading, label in the picture, the paper's value. Those without a label are
/// in `table.md` alone.
const MAIN: [(&str, &str, &str, Option<f64>); 20] = [
    ("2g.accuracy", "D2L, %", "D2L, %", Some(94.80)),
    ("3d.accuracy", "L2D2L, %", "L2D2L, %", Some(94.21)),
    ("3e.accuracy", "truth, %", "Truth, %", Some(79.10)),
    ("control.range", "beyond D2L's range, %", "Beyond range, %", None),
    ("population.designs", "designs of w_avg 0.2 to 0.4, %", "", Some(69.0)),
    ("4g-1.alpha", "alpha", "Exponent *\u{3b1}*", Some(3.79)),
    ("4g-1.xmin", "xmin", "Lower bound", Some(0.432)),
    ("4g-1.p", "p", "", None),
    ("control.bound.alpha", "alpha from the paper's xmin", "", Some(3.79)),
    ("4g-1.ratio.lognormal", "R lognormal", "", None),
    ("4g-1.ratio.exponential", "R exponential", "*R* exponential", None),
    ("4g-1.ratio.stretched_exponential", "R stretched exp.", "", None),
    ("4g-1.ratio.truncated_power_law", "R truncated", "", None),
    ("control.untrained.alpha", "alpha untrained", "", None),
    ("5b.alpha", "W_j alpha", "*W*_{j}: exponent", None),
    ("5b.pearson", "W_j with dr", "*W*_{j} with \u{394}*r*", None),
    ("6ab.small_m", "attack, small m", "Attack, small *m*", None),
    ("6d.cv", "hubs CV", "", None),
    ("control.live.d2l", "live D2L, %", "", None),
    ("control.live.l2d", "live L2D, %", "Live L2D, %", None),
];

/// The fault of a run that no one has begun.
const NOT_YET: &str = "not run yet";

/// One number of a run: what is read of `results.json`.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    id: String,
    what: String,
    unit: String,
    ours: Option<f64>,
    uncertainty: Option<f64>,
    n: usize,
}

/// A run in the table.
#[derive(Debug, Clone)]
struct Line {
    point: Point,
    numbers: Vec<Entry>,
    /// Why it has none.
    fault: Option<String>,
}

/// What a sweep found.
#[derive(Debug, Clone)]
pub struct Table {
    keys: Vec<String>,
    lines: Vec<Line>,
}

impl Line {
    fn number(&self, id: &str) -> f64 {
        self.numbers.iter().find(|entry| entry.id == id).and_then(|entry| entry.ours).unwrap_or(f64::NAN)
    }
}

impl Table {
    /// The runs of `plan`, none of them made.
    pub(super) fn new(plan: &Plan) -> Self {
        let line = |point: &Point| Line { point: point.clone(), numbers: Vec::new(), fault: Some(NOT_YET.into()) };
        Table { keys: plan.keys.clone(), lines: plan.points.iter().map(line).collect() }
    }

    /// Takes in the `results.json` of run `at`.
    pub(super) fn read(&mut self, at: usize, path: &Path) -> Result<()> {
        let line = &mut self.lines[at];
        line.numbers =
            serde_json::from_slice(&file::read_bytes(path)?).map_err(|e| Error::file(path, format!("not a list of rows: {e}")))?;
        line.fault = None;
        Ok(())
    }

    /// Notes why run `at` has no numbers.
    pub(super) fn failed(&mut self, at: usize, fault: String) {
        self.lines[at].fault = Some(fault);
    }

    /// Writes table and picture to `folder`, each atomically.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let files = [
            ("table.csv", self.csv().into_bytes()),
            ("table.json", format!("{:#}\n", self.json()).into_bytes()),
            ("table.md", self.markdown().into_bytes()),
        ];
        files.iter().try_for_each(|(name, bytes)| file::write_bytes(&folder.join(name), bytes))?;
        let picture = self.picture();
        ["sweep.png", "sweep.svg"].iter().try_for_each(|name| figures::write(&folder.join(name), &picture))
    }

    /// The values of a run's varied keys; empty where it keeps the configured one.
    fn values<'a>(&'a self, point: &'a Point) -> impl Iterator<Item = &'a str> {
        self.keys.iter().map(|key| point.changes.iter().find(|(changed, _)| changed == key).map_or("", |(_, value)| value.as_str()))
    }

    /// A line a run; a column a varied key, and one a number that any run has.
    fn csv(&self) -> String {
        let mut ids: Vec<&str> = Vec::new();
        for entry in self.lines.iter().flat_map(|line| &line.numbers) {
            if !ids.contains(&entry.id.as_str()) {
                ids.push(&entry.id);
            }
        }
        let head = ["run", "seed"].into_iter().chain(self.keys.iter().map(String::as_str)).chain(["fault"]).chain(ids.iter().copied());
        let mut text = joined(head.map(String::from));
        for line in &self.lines {
            let start = [line.point.folder(), line.point.config.seed.to_string()];
            let keys = self.values(&line.point).map(String::from);
            let fault = [line.fault.clone().unwrap_or_default()];
            let numbers = ids.iter().map(|id| Some(line.number(id)).filter(|v| v.is_finite()).map_or(String::new(), |v| v.to_string()));
            text += &joined(start.into_iter().chain(keys).chain(fault).chain(numbers));
        }
        text
    }

    /// A list of runs, each with what it changes and every row.
    pub fn json(&self) -> Value {
        let entry = |entry: &Entry| {
            let Entry { id, what, unit, ours, uncertainty, n } = entry;
            json!({ "id": id, "what": what, "unit": unit, "ours": ours, "uncertainty": uncertainty, "n": n })
        };
        let run = |line: &Line| {
            let changes: Map<String, Value> = line.point.changes.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
            let rows: Vec<Value> = line.numbers.iter().map(entry).collect();
            json!({ "run": line.point.folder(), "seed": line.point.config.seed, "changes": changes, "fault": line.fault, "rows": rows })
        };
        self.lines.iter().map(run).collect()
    }

    /// The settings in order, each with the runs of its seeds.
    fn settings(&self) -> Vec<(String, Vec<&Line>)> {
        let mut settings: Vec<(String, Vec<&Line>)> = Vec::new();
        for line in &self.lines {
            let name = line.point.setting();
            match settings.iter_mut().find(|(known, _)| *known == name) {
                Some((_, lines)) => lines.push(line),
                None => settings.push((name, vec![line])),
            }
        }
        settings
    }

    /// A line a setting: the mean over its seeds, with their standard deviation where there are several.
    pub fn markdown(&self) -> String {
        let mut text = String::from("| setting | seeds |");
        MAIN.iter().for_each(|(_, heading, ..)| text += &format!(" {heading} |"));
        text += &format!("\n|---|---|{}\n", "---|".repeat(MAIN.len()));
        for (name, lines) in self.settings() {
            let done = lines.iter().filter(|line| line.fault.is_none()).count();
            let _ = write!(text, "| {name} | {done} |");
            for (id, ..) in MAIN {
                let values: Vec<f64> = lines.iter().map(|line| line.number(id)).filter(|v| v.is_finite()).collect();
                let _ = write!(text, " {} |", mean_and_spread(&values));
            }
            text.push('\n');
        }
        let faults = self.lines.iter().filter_map(|line| Some((line, line.fault.as_deref()?)));
        let (waiting, failed): (Vec<_>, Vec<_>) = faults.partition(|(_, fault)| *fault == NOT_YET);
        for (line, fault) in failed {
            let _ = write!(text, "\n{}: {fault}\n", line.point.folder());
        }
        if !waiting.is_empty() {
            let _ = write!(text, "\nNot run yet: {} of {} runs.\n", waiting.len(), self.lines.len());
        }
        text
    }

    fn picture(&self) -> String {
        let settings = self.settings();
        let quantity = |(id, _, label, paper): &(&str, &str, &'static str, Option<f64>)| {
            let values = settings.iter().map(|(_, lines)| lines.iter().map(|line| line.number(id)).collect()).collect();
            Quantity { label, paper: *paper, values }
        };
        let quantities: Vec<Quantity> = MAIN.iter().filter(|(_, _, label, _)| !label.is_empty()).map(quantity).collect();
        figures::grid(&settings.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), &quantities)
    }
}

/// Cells as a line of CSV.
fn joined(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

fn mean_and_spread(values: &[f64]) -> String {
    match values {
        [] => "\u{2014}".into(),
        [one] => number(*one),
        _ => format!("{} \u{b1} {}", number(mean(values)), spread(standard_deviation(values))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_would_break_a_line_are_quoted() {
        let cells = ["plain", "[4, 8]", "\"mean\"", ""].map(String::from);
        assert_eq!(joined(cells.into_iter()), "plain,\"[4, 8]\",\"\"\"mean\"\"\",\n");
    }

    #[test]
    fn seeds_are_averaged() {
        assert_eq!([&[][..], &[3.25], &[3.0, 4.0]].map(mean_and_spread), ["\u{2014}", "3.25", "3.5 \u{b1} 0.71"]);
    }
}
