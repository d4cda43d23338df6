//! Two reports side by side: is a subject faster, slower, or the same but for noise?

use super::{Report, Row};
use serde::Serialize;

/// Differences below this part of the time are noise whatever the samples say: clocks and neighbours differ from run to run.
const LEAST_NOISE: f64 = 0.03;

/// What became of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The second report's time is shorter by more than the noise.
    Fast,
    /// Longer by more than the noise.
    Slow,
    /// Neither.
    Same,
}

/// One subject in two reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The subject.
    pub name: String,
    /// Warm median of the first report, in seconds.
    pub before: f64,
    /// Warm median of the second.
    pub after: f64,
    /// after / before - 1 must be beyond this, either way, to count: the wider of both reports' quartiles, relative to their
    /// medians, and 3 % at least.
    pub noise: f64,
    /// The word.
    pub verdict: Verdict,
}

/// The subjects that both reports have, in the order of the second.
pub fn compare(before: &Report, after: &Report) -> Vec<Comparison> {
    let pair = |row: &Row| before.rows.iter().find(|other| other.name == row.name).map(|other| judge(other, row));
    after.rows.iter().filter_map(pair).collect()
}

fn judge(before: &Row, after: &Row) -> Comparison {
    let spread = |row: &Row| (row.warm.high - row.warm.low) / row.warm.median;
    let noise = spread(before).max(spread(after)).max(LEAST_NOISE);
    let (a, b) = (before.warm.median, after.warm.median);
    // The same factor both ways, so that swapping the reports swaps the words.
    let verdict = match b / a {
        ratio if ratio > 1.0 + noise => Verdict::Slow,
        ratio if ratio < 1.0 / (1.0 + noise) => Verdict::Fast,
        _ => Verdict::Same,
    };
    Comparison { name: after.name.clone(), before: a, after: b, noise, verdict }
}

#[cfg(test)]
mod tests {
    use super::super::Times;
    use super::*;

    fn row(median: f64, spread: f64) -> Row {
        let times = Times { median, low: median * (1.0 - spread / 2.0), high: median * (1.0 + spread / 2.0), samples: 9 };
        Row { name: "adam 9".into(), warm: times, cold: times, flop: 0.0, bytes: 1.0, items: 0.0, roof: None, error: 0.0 }
    }

    #[test]
    fn a_verdict_needs_more_than_the_noise() {
        for (before, after, verdict) in [
            (row(1.0, 0.0), row(1.02, 0.0), Verdict::Same),
            (row(1.0, 0.0), row(1.04, 0.0), Verdict::Slow),
            (row(1.04, 0.0), row(1.0, 0.0), Verdict::Fast),
            (row(1.0, 0.0), row(1.04, 0.1), Verdict::Same),
            (row(1.0, 0.1), row(0.8, 0.0), Verdict::Fast),
        ] {
            assert_eq!(judge(&before, &after).verdict, verdict, "{} to {}", before.warm.median, after.warm.median);
        }
    }
}
