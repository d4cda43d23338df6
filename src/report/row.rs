//! One row of the results: what the paper says, what we found, and the verdict. The rules are fixed here, not chosen by an author.

use crate::{Result, file};
use serde::Serialize;
use std::path::Path;

/// What came out of comparing a result with the paper's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// Within the tolerance.
    #[serde(rename = "reproduced")]
    Reproduced,
    /// Outside it.
    #[serde(rename = "differs")]
    Differs,
    /// Fewer than a tenth of the paper's samples.
    #[serde(rename = "too small to judge")]
    TooSmall,
}

impl Verdict {
    /// The word that `results.json` and the report use.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Reproduced => "reproduced",
            Verdict::Differs => "differs",
            Verdict::TooSmall => "too small to judge",
        }
    }
}

/// The paper's side of a row: a number, or a statement in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// In the row's unit.
    Number(f64),
    /// As the paper has it.
    Words(String),
}

/// What the paper claims. The kind of claim decides the tolerance.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// An accuracy in percent: reproduced down to one point below, and anywhere above.
    Accuracy(f64),
    /// A power law's exponent: within 0.3.
    Exponent(f64),
    /// An exponent between two: within 0.3 of their range.
    Exponents(f64, f64),
    /// A power law's lower bound: within 0.05.
    Bound(f64),
    /// A statement in words: reproduced where it `holds` for our number.
    Direction {
        /// The paper's statement.
        stated: String,
        /// Whether our number bears it out.
        holds: bool,
    },
}

impl Claim {
    /// The largest difference that still counts as reproduced, in the unit of the claim.
    fn tolerance(&self) -> Option<f64> {
        match self {
            Claim::Accuracy(_) => Some(1.0),
            Claim::Exponent(_) | Claim::Exponents(..) => Some(0.3),
            Claim::Bound(_) => Some(0.05),
            Claim::Direction { .. } => None,
        }
    }

    /// Does our number bear the claim out? A number that could not be had never does.
    fn holds(&self, ours: f64) -> bool {
        // Decimal numbers such as 3.79 + 0.3 are no sums of binary ones: a difference of exactly the tolerance must count.
        let tolerance = self.tolerance().unwrap_or_default() + 1e-9;
        match self {
            Claim::Accuracy(paper) => ours >= paper - tolerance,
            Claim::Exponent(paper) | Claim::Bound(paper) => (ours - paper).abs() <= tolerance,
            Claim::Exponents(low, high) => (low - tolerance..=high + tolerance).contains(&ours),
            Claim::Direction { holds, .. } => *holds && !ours.is_nan(),
        }
    }
}

/// One row of the results table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which result: the figure and the quantity, as in "2g.accuracy" or "4g-1.alpha".
    pub id: String,
    /// What is compared, in plain words.
    pub what: String,
    /// The paper's value; none for controls of our own.
    pub paper: Option<Value>,
    /// Ours; none where it could not be had (the note says why).
    pub ours: Option<f64>,
    /// Unit of all the row's numbers; empty for pure numbers.
    pub unit: String,
    /// How many samples ours rests on, counted as the paper counts them.
    pub n: usize,
    /// How many it takes to be judged: a tenth of the paper's.
    pub n_needed: Option<usize>,
    /// Standard error or spread of ours.
    pub uncertainty: Option<f64>,
    /// What a trivial method reaches, where there is one.
    pub baseline: Option<f64>,
    /// What the curve of the training sample of the nearest true w_avg reaches; of accuracies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<f64>,
    /// The largest difference that still counts as reproduced.
    pub tolerance: Option<f64>,
    /// None for controls.
    pub verdict: Option<Verdict>,
    /// What a reader should know about this number.
    pub note: String,
}

impl Row {
    /// A row without a paper value: a control of our own, until [`Row::claim`] says otherwise. A number that is not finite counts as
    /// none.
    pub fn new(id: &str, what: &str, ours: f64, unit: &str, n: usize) -> Self {
        Row {
            id: id.into(),
            what: what.into(),
            paper: None,
            ours: Some(ours).filter(|v| v.is_finite()),
            unit: unit.into(),
            n,
            n_needed: None,
            uncertainty: None,
            baseline: None,
            nearest: None,
            tolerance: None,
            verdict: None,
            note: String::new(),
        }
    }

    /// Compares with the paper, whose number rests on `paper_n` samples.
    pub fn claim(mut self, claim: Claim, paper_n: usize) -> Self {
        let needed = paper_n.div_ceil(10);
        (self.tolerance, self.n_needed) = (claim.tolerance(), Some(needed));
        self.verdict = Some(match self.ours {
            _ if self.n < needed => Verdict::TooSmall,
            Some(ours) if claim.holds(ours) => Verdict::Reproduced,
            _ => Verdict::Differs,
        });
        self.paper = Some(match claim {
            Claim::Accuracy(paper) | Claim::Exponent(paper) | Claim::Bound(paper) => Value::Number(paper),
            Claim::Exponents(low, high) => Value::Words(format!("{low} to {high}")),
            Claim::Direction { stated, .. } => Value::Words(stated),
        });
        self
    }

    /// Adds what the paper shows where there is nothing to judge by: a picture, a number whose scale differs.
    pub fn stated(mut self, words: &str) -> Self {
        self.paper = Some(Value::Words(words.into()));
        self
    }

    /// Adds a standard error or spread.
    pub fn uncertainty(mut self, uncertainty: f64) -> Self {
        self.uncertainty = Some(uncertainty).filter(|v| v.is_finite());
        self
    }

    /// Adds what a trivial method reaches.
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline).filter(|v| v.is_finite());
        self
    }

    /// Adds what the training curve of the nearest true w_avg reaches.
    pub fn nearest(mut self, nearest: f64) -> Self {
        self.nearest = Some(nearest).filter(|v| v.is_finite());
        self
    }

    /// Adds a note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Writes `results.json`: the rows as a list of objects.
///
/// # Errors
/// [`crate::Error::Write`] where the system refuses the file.
pub fn write_results(path: &Path, rows: &[Row]) -> Result<()> {
    file::write_atomic(path, |writer| {
        serde_json::to_writer_pretty(&mut *writer, rows)?;
        std::io::Write::write_all(writer, b"\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(claim: Claim, ours: f64, n: usize) -> Verdict {
        Row::new("id", "what", ours, "", n).claim(claim, 1000).verdict.unwrap()
    }

    #[test]
    fn the_rules() {
        let direction = |holds| Claim::Direction { stated: "lower".into(), holds };
        use Verdict::{Differs, Reproduced, TooSmall};
        for (claim, ours, n, expected) in [
            (Claim::Accuracy(94.80), 93.80, 1000, Reproduced),
            (Claim::Accuracy(94.80), 99.0, 1000, Reproduced),
            (Claim::Accuracy(94.80), 93.79, 1000, Differs),
            (Claim::Exponent(3.79), 4.09, 1000, Reproduced),
            (Claim::Exponent(3.79), 3.48, 1000, Differs),
            (Claim::Exponents(3.24, 3.92), 2.94, 1000, Reproduced),
            (Claim::Exponents(3.24, 3.92), 4.23, 1000, Differs),
            (Claim::Bound(0.432), 0.382, 1000, Reproduced),
            (Claim::Bound(0.432), 0.483, 1000, Differs),
            (direction(true), 2.0, 1000, Reproduced),
            (direction(false), 2.0, 1000, Differs),
            (direction(true), f64::NAN, 1000, Differs),
            (Claim::Accuracy(94.80), f64::NAN, 1000, Differs),
            (Claim::Accuracy(94.80), 94.80, 100, Reproduced),
            (Claim::Accuracy(94.80), 94.80, 99, TooSmall),
            (Claim::Exponent(3.79), f64::NAN, 0, TooSmall),
        ] {
            assert_eq!(verdict(claim.clone(), ours, n), expected, "{claim:?} {ours} {n}");
        }
    }

    #[test]
    fn results_are_a_list_of_rows() {
        let rows = [
            Row::new("4g-1.alpha", "Exponent", 3.7, "", 3200).claim(Claim::Exponent(3.79), 3200).uncertainty(0.01),
            Row::new("control", "Untrained", f64::NAN, "%", 5).baseline(70.0).note("no run"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        write_results(&path, &rows).unwrap();
        let expected = serde_json::json!([
            {"id": "4g-1.alpha", "what": "Exponent", "paper": 3.79, "ours": 3.7, "unit": "", "n": 3200, "n_needed": 320, "uncertainty": 0.01,
             "baseline": null, "tolerance": 0.3, "verdict": "reproduced", "note": ""},
            {"id": "control", "what": "Untrained", "paper": null, "ours": null, "unit": "%", "n": 5, "n_needed": null, "uncertainty": null,
             "baseline": 70.0, "tolerance": null, "verdict": null, "note": "no run"},
        ]);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).unwrap()).unwrap(), expected);
    }

    #[test]
    fn one_word_for_a_verdict() {
        for verdict in [Verdict::Reproduced, Verdict::Differs, Verdict::TooSmall] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.word());
        }
    }
}
