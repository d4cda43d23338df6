//! What becomes of designs that leave the displacements which D2L has been trained on, run by run of a sweep.

use super::axes::{Axis, Panel, range};
use super::colour;
use super::svg::{Area, Svg};

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Beyond {
    /// Designed sites beyond D2L's training range, in percent.
    pub share: f64,
    /// L2D2L test accuracy, in percent.
    pub chain: f64,
    /// Hamiltonian truth of the designs, in percent.
    pub truth: f64,
    /// Exponent of the fit of Fig. 4g-1.
    pub exponent: f64,
    /// Normalised log-likelihood ratio of that fit against the exponential law: above 0 for the power.
    pub exponential: f64,
}

/// One number of a run.
type Pick = fn(&Beyond) -> f64;

/// Where runs without a site beyond the range are drawn.
const LEAST: f64 = 0.01;
/// Below this L2D2L accuracy (percent) L2D has learnt the mean alone.
const LEARNT: f64 = 90.0;

/// Truth, exponent and likelihood ratio against the share of sites beyond the range; grey where L2D has not learnt (the axes hold
/// those that have, and what lies beyond an axis is drawn at its end), dashed the paper's values, and 0 of the ratio.
pub fn beyond(runs: &[Beyond]) -> String {
    let mut svg = Svg::new(1180.0, 345.0);
    let share = |run: &Beyond| run.share.max(LEAST);
    let learnt = |run: &&Beyond| run.chain >= LEARNT;
    let spread = |pick: Pick| range(&runs.iter().filter(learnt).map(pick).collect::<Vec<_>>());
    let ((worst, best), (flat, steep), (low, high)) = (spread(|r| r.truth), spread(|r| r.exponent), spread(|r| r.exponential));
    let panels: [(&str, Axis, Pick, f64); 3] = [
        ("Hamiltonian truth", Axis::linear(worst - 10.0, best + 4.0, "Truth (%)"), |r| r.truth, 79.1),
        ("Exponent", Axis::log(flat.min(3.79) / 1.2, 1.2 * steep, "Exponent *\u{3b1}*"), |r| r.exponent, 3.79),
        ("Power law against exponential", Axis::linear(low - 8.0, high + 8.0, "Likelihood ratio *R*"), |r| r.exponential, 0.0),
    ];
    for (i, (title, vertical, pick, paper)) in panels.into_iter().enumerate() {
        let area = Area { x: 72.0 + 390.0 * i as f64, y: 36.0, width: 300.0, height: 250.0 };
        let panel =
            Panel { area, horizontal: Axis::log(LEAST / 1.5, 100.0, "Sites beyond D2L\u{2019}s range (%; none: at the left)"), vertical };
        panel.line(&mut svg, [(LEAST / 1.5, paper), (100.0, paper)], &format!("stroke=\"{}\" stroke-dasharray=\"5 4\"", colour::TRUTH));
        for (shown, colour) in [(false, colour::GHOST), (true, colour::DESIGN)] {
            let of = runs.iter().filter(|run| learnt(run) == shown && pick(run).is_finite());
            panel.dots(&mut svg, of.map(|run| (share(run), panel.vertical.held(pick(run)))), 3.0, colour);
        }
        panel.frame(&mut svg, ["a", "b", "c"][i], title);
    }
    svg.finish("Designs beyond D2L's range")
}
