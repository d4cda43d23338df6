//! Training, epoch by epoch (Fig. S2): validation accuracy and cost of D2L and L2D.

use super::axes::{Axis, Panel, range};
use super::colour;
use super::svg::{Area, Svg};

/// One training run; the first number belongs to epoch 1.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// What tells it from the other runs of its network.
    pub name: &'a str,
    /// 1 - L on the validation set after each epoch; NaN where it was not measured.
    pub validation_accuracy: &'a [f64],
    /// The Hamiltonian's word on an L2D's designs for that set, where it was asked; NaN where not.
    pub validation_truth: &'a [f64],
    /// L over the training set during each epoch.
    pub cost: &'a [f64],
}

/// Fig. S2a-d. Runs are named in a legend where a network has several.
pub fn training(d2l: &[Run], l2d: &[Run]) -> String {
    let mut svg = Svg::new(820.0, 610.0);
    for (row, (network, runs, letters)) in [("D2L", d2l, ["a", "b"]), ("L2D", l2d, ["c", "d"])].into_iter().enumerate() {
        let accuracy: Vec<&[f64]> = runs.iter().map(|run| run.validation_accuracy).collect();
        let cost: Vec<&[f64]> = runs.iter().map(|run| run.cost).collect();
        let y = 32.0 + 300.0 * row as f64;
        let left = Area { x: 72.0, y, width: 310.0, height: 220.0 };
        let right = Area { x: 482.0, ..left };
        let truth: Vec<&[f64]> = runs.iter().map(|run| run.validation_truth).collect();
        let (low, high) = range(accuracy.iter().chain(&truth).copied().flatten());
        let margin = 0.08 * (high - low).max(0.01);
        let panel =
            curves(&mut svg, left, Axis::linear(low - margin, high + margin, "Validation accuracy"), &accuracy, (letters[0], network));
        // The sweeps, several runs in a panel, ask for no truth.
        if let [truth] = truth[..]
            && truth.iter().any(|t| t.is_finite())
        {
            let dashed = pen(0) + " stroke-dasharray=\"5 4\"";
            panel.line(&mut svg, points(truth), &dashed);
            panel.dots(&mut svg, points(truth), 2.6, colour::RUNS[0]);
            panel.legend(&mut svg, (0.45, 0.5), &[(pen(0), "by D2L"), (dashed, "by the Hamiltonian")]);
        }
        let (low, high) = range(cost.iter().copied().flatten().filter(|c| **c > 0.0));
        // The legend stands above the curves.
        let room = if runs.len() > 1 { (1.25 * high / low).powf(0.1 + 0.11 * runs.len() as f64) } else { 1.0 };
        let panel = curves(&mut svg, right, Axis::log(0.9 * low, 1.1 * high * room, "Training cost *L*"), &cost, (letters[1], network));
        if runs.len() > 1 {
            let entries: Vec<_> = runs.iter().enumerate().map(|(i, run)| (pen(i), run.name)).collect();
            panel.legend(&mut svg, (0.55, 0.08), &entries);
        }
    }
    svg.finish("Training: accuracy and cost, epoch by epoch")
}

fn curves(svg: &mut Svg, area: Area, vertical: Axis, curves: &[&[f64]], (letter, title): (&str, &str)) -> Panel {
    let epochs = curves.iter().map(|curve| curve.len()).max().unwrap_or(0);
    let panel = Panel { area, horizontal: Axis::whole(0.0, epochs as f64, "Epoch"), vertical };
    for (i, curve) in curves.iter().enumerate() {
        panel.line(svg, points(curve), &pen(i));
        if epochs <= 40 {
            panel.dots(svg, points(curve), 2.6, colour::RUNS[i % colour::RUNS.len()]);
        }
    }
    panel.frame(svg, letter, title);
    panel
}

fn points(curve: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    curve.iter().enumerate().map(|(epoch, y)| ((epoch + 1) as f64, *y))
}

fn pen(run: usize) -> String {
    format!("stroke=\"{}\" stroke-width=\"1.6\"", colour::RUNS[run % colour::RUNS.len()])
}
