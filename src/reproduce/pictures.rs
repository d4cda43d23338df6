//! Every figure from the saved data of a run.

use super::Run;
use super::results::{in_window, lengths, output_weights};
use super::stages::{attacked_sample, designs, set};
use crate::analysis::attack::Attack;
use crate::analysis::population::{w_avg, weak_and_strong, weight_strength};
use crate::analysis::powerlaw::fit;
use crate::dataset::{Attacked, npz};
use crate::figures::{
    self, Prediction, Redesign, Structure, Tail, attack, d2l_localisation, displacement, l2d_localisation, lattice, prediction, tails,
    training,
};
use crate::nn::Model;
use crate::train::Metrics;
use crate::{Error, Result, file};
use std::path::Path;

/// The figure `id` of the run in `folder`, as SVG.
///
/// # Errors
/// An unknown figure; a folder that is no reproduction, or whose stages are not done yet.
pub fn draw(id: &str, folder: &Path) -> Result<String> {
    let run = Run::new(folder);
    let config = run.config()?;
    let modes = config.lattice.sites();
    let picture = |structures, k| Structure {
        displacement: row(structures, k, 2 * modes),
        size: config.lattice.size,
        hopping_decay: config.lattice.alpha,
    };
    let pair = |w: &[f64]| weak_and_strong(&w_avg(w, modes)).ok_or_else(|| Error::Failed("the test set is empty".into()));

    match id {
        "1" => {
            let test = set(&run, "d2l_test")?;
            let (_, strong) = pair(&test.mode_area)?;
            Ok(lattice(picture(&test.structures.displacement, strong)))
        }
        "training" => {
            let (d2l, l2d) = (metrics(&run, "d2l")?, metrics(&run, "l2d")?);
            let d2l = figures::Run { name: "D2L", validation_accuracy: &d2l.0, cost: &d2l.1 };
            let l2d = figures::Run { name: "L2D", validation_accuracy: &l2d.0, cost: &l2d.1 };
            Ok(training(&[d2l], &[l2d]))
        }
        "2b-e" | "2fg" => {
            let test = set(&run, "d2l_test")?;
            let predicted = npz::Npz::open(&run.path("prediction.npz"))?.array("mode_area")?.values;
            if id == "2fg" {
                return Ok(d2l_localisation(&test.mode_area, &predicted, modes));
            }
            let (weak, strong) = pair(&test.mode_area)?;
            let [weak, strong] = [weak, strong].map(|k| Prediction {
                structure: picture(&test.structures.displacement, k),
                truth: row(&test.mode_area, k, modes),
                ml: row(&predicted, k, modes),
            });
            Ok(prediction(weak, strong))
        }
        "5b" => {
            let l2d = Model::read(&run.path("l2d/checkpoints/best.safetensors"))?;
            let values = weight_strength(output_weights(&l2d), l2d.architecture.hidden);
            let fit = fit(&values)?;
            tails(&[Tail { letter: "b", title: "Weight strength of the trained L2D", label: "*W*_{j}", values: &values, fit: &fit }])
        }
        "3cde" | "4a-f" | "4g" | "6abcd" => {
            let (test, designs) = (set(&run, "l2d_test")?, designs(&run)?);
            let (seeds, targets) = (&test.structures.displacement, &test.mode_area);
            match id {
                "3cde" => Ok(l2d_localisation(targets, &designs.chained, &designs.mode_area, modes)),
                "4g" => {
                    let (chosen, _) = in_window(&designs.mode_area, modes);
                    let dr = lengths(&designs.structures.displacement, modes, &chosen);
                    displacement(&lengths(seeds, modes, &chosen), &dr, &fit(&dr)?)
                }
                "4a-f" => {
                    let (weak, strong) = pair(targets)?;
                    let [weak, strong] = [weak, strong].map(|k| Redesign {
                        seed: picture(seeds, k),
                        design: picture(&designs.structures.displacement, k),
                        seed_mode_area: row(targets, k, modes),
                        design_mode_area: row(&designs.mode_area, k, modes),
                    });
                    Ok(figures::design(weak, strong))
                }
                _ => {
                    let sample = attacked_sample(targets, &designs, modes)?;
                    let (seed, design) = (Attacked::read(&run.path("attack_seed.npz"))?, Attacked::read(&run.path("attack_design.npz"))?);
                    let seed = Statistics::new(&seed, modes, row(targets, sample, modes))?;
                    let design = Statistics::new(&design, modes, row(&designs.mode_area, sample, modes))?;
                    Ok(attack(seed.picture(), design.picture()))
                }
            }
        }
        _ => Err(Error::value("figure", format!("{id:?} is unknown"))),
    }
}

/// Row `k` of `values` (n, width).
fn row(values: &[f64], k: usize, width: usize) -> &[f64] {
    &values[k * width..][..width]
}

/// What Fig. 6 shows of one structure.
struct Statistics {
    by_atom_and_mode: Vec<f64>,
    by_mode: Vec<f64>,
    delta: Vec<f64>,
    w_avg: f64,
}

impl Statistics {
    fn new(attacked: &Attacked, modes: usize, mode_area: &[f64]) -> Result<Self> {
        let attack = Attack::new(&attacked.delta_mode_area, modes, attacked.angles, modes)?;
        Ok(Statistics {
            by_atom_and_mode: attack.by_atom_and_mode(),
            by_mode: attack.by_mode(),
            delta: attack.hubs().delta,
            w_avg: w_avg(mode_area, modes)[0],
        })
    }

    fn picture(&self) -> figures::Attacked<'_> {
        figures::Attacked { by_atom_and_mode: &self.by_atom_and_mode, by_mode: &self.by_mode, delta: &self.delta, w_avg: self.w_avg }
    }
}

/// Validation accuracy and cost of each epoch.
fn metrics(run: &Run, network: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let path = run.path(&format!("{network}/metrics.jsonl"));
    let text = String::from_utf8(file::read_bytes(&path)?).map_err(|e| Error::file(&path, e))?;
    let lines = text.lines().map(|line| serde_json::from_str(line).map_err(|e| Error::file(&path, e)));
    let epochs: Vec<Metrics> = lines.collect::<Result<_>>()?;
    Ok(epochs.iter().map(|m| (m.validation_accuracy.unwrap_or(f64::NAN), m.cost)).unzip())
}
