//! Fig. 6 over many pairs of seed and design: how unequal atoms are, and how much less a design answers, against the length of the attack.

use super::axes::Axis;
use super::colour;
use super::series::{Series, curves, entries, log_width, span};
use super::svg::{Area, Svg};

/// Mean and standard error over pairs.
pub type Estimate = (f64, f64);

/// What attacks of one length do, over the pairs.
#[derive(Debug, Clone, Copy)]
pub struct Response {
    /// How far the attacked atom moves, in periods.
    pub rho_a: f64,
    /// Of the seeds: coefficient of variation, largest over mean, and Gini coefficient of the normalised error.
    pub seed: [Estimate; 3],
    /// The same of the designs.
    pub design: [Estimate; 3],
    /// Fall of abs(dw_m) from seed to design, in orders of magnitude: over the most localised modes, and over all.
    pub fall: [Estimate; 2],
}

/// Fig. 6sweep: responses with sorted modes (solid), and with tracked ones (dashed), each ascending in rho_a.
pub fn sweep(sorted: &[Response], tracked: &[Response]) -> String {
    let mut svg = Svg::new(860.0, 690.0);
    let kinds = [(sorted, false), (tracked, true)];
    let unequal = |which: usize| {
        let one = |(responses, dashed): (&[Response], bool)| {
            let of = |pick: fn(&Response) -> [Estimate; 3]| {
                responses.iter().map(|r| (r.rho_a, pick(r)[which].0, pick(r)[which].1)).collect::<Vec<_>>()
            };
            let (seed, design) = if dashed { ("Seeds, tracked", "Designs, tracked") } else { ("Seeds", "Designs") };
            [
                Series { name: seed, colour: colour::SEED, dashed, points: of(|r| r.seed) },
                Series { name: design, colour: colour::DESIGN, dashed, points: of(|r| r.design) },
            ]
        };
        kinds.into_iter().flat_map(one).filter(|s| !s.points.is_empty()).collect::<Vec<_>>()
    };
    let fall = || {
        let one = |(responses, dashed): (&[Response], bool)| {
            let of = |which: usize| responses.iter().map(|r| (r.rho_a, r.fall[which].0, r.fall[which].1)).collect::<Vec<_>>();
            let (small, all) = if dashed { ("small *m*, tracked", "all modes, tracked") } else { ("small *m*", "all modes") };
            [
                Series { name: small, colour: colour::TRUTH, dashed, points: of(0) },
                Series { name: all, colour: colour::MEAN, dashed, points: of(1) },
            ]
        };
        kinds.into_iter().flat_map(one).filter(|s| !s.points.is_empty()).collect::<Vec<_>>()
    };
    for (i, (title, label, series)) in [
        ("Coefficient of variation of δ", "Coefficient of variation", unequal(0)),
        ("Largest δ over its mean", "Largest over mean", unequal(1)),
        ("Gini coefficient of δ", "Gini coefficient", unequal(2)),
        ("Fall of |Δ*w*_{m}| from seed to design", "Orders of magnitude", fall()),
    ]
    .into_iter()
    .enumerate()
    {
        let area = Area { x: 72.0 + 430.0 * (i % 2) as f64, y: 36.0 + 345.0 * (i / 2) as f64, width: 330.0, height: 250.0 };
        let ((left, right), (low, high)) = (log_width(&series), span(&series));
        // The legend takes the upper third.
        let axes = (Axis::log(left, right, "Length of the attack *ρ*_{a} (period)"), Axis::linear(low, high + 0.4 * (high - low), label));
        let panel = curves(&mut svg, area, axes, &series, (["a", "b", "c", "d"][i], title));
        panel.legend(&mut svg, (0.5, 0.07), &entries(&series));
        if i == 3 {
            let zero = [(left, 0.0), (right, 0.0)];
            panel.line(&mut svg, zero.into_iter().filter(|_| low < 0.0), "stroke=\"#6b7480\" stroke-width=\"0.8\"");
        }
    }
    svg.finish("Fig. 6 over many pairs, against the length of the attack")
}
