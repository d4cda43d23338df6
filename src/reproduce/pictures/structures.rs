//! Pictures of lattices: Fig. 1, 2b-e, 4a-f, and modes.

use super::super::stages::{designs, predicted, set};
use super::{Source, row};
use crate::Result;
use crate::analysis::population::{w_avg, weak_and_strong};
use crate::figures::{Mode, Prediction, Redesign, Structure, design, lattice, modes, prediction};
use crate::physics::eigenmodes;

pub(super) fn draw(source: &Source) -> Result<String> {
    let (run, config, modes) = (&source.run, &source.config, source.modes());
    let picture = |structures, k| Structure {
        displacement: row(structures, k, 2 * modes),
        size: config.lattice.size,
        hopping_decay: config.lattice.alpha,
    };
    let pair = |w: &[f64]| weak_and_strong(&w_avg(w, modes)).ok_or_else(|| source.lacking("the test set is empty".into()));

    if matches!(source.id.as_str(), "1" | "2b-e") {
        let test = set(config, run, "d2l_test")?;
        let (weak, strong) = pair(&test.mode_area)?;
        if source.id == "1" {
            return Ok(lattice(picture(&test.structures.displacement, strong)));
        }
        let ml = predicted(config, run)?;
        let [weak, strong] = [weak, strong].map(|k| Prediction {
            structure: picture(&test.structures.displacement, k),
            truth: row(&test.mode_area, k, modes),
            ml: row(&ml, k, modes),
        });
        return Ok(prediction(weak, strong));
    }

    let (test, designs) = (set(config, run, "l2d_test")?, designs(config, run)?);
    let (seeds, drawn) = (&test.structures.displacement, &designs.structures.displacement);
    let (weak, strong) = pair(&test.mode_area)?;
    if source.id == "4a-f" {
        let [weak, strong] = [weak, strong].map(|k| Redesign {
            seed: picture(seeds, k),
            design: picture(drawn, k),
            seed_mode_area: row(&test.mode_area, k, modes),
            design_mode_area: row(&designs.mode_area, k, modes),
        });
        return Ok(design(weak, strong));
    }
    mode(source, [("Seed", picture(seeds, strong)), ("Design", picture(drawn, strong))])
}

/// Of seed and design the modes one twentieth and nineteen twentieths of the way up in mode area.
fn mode(source: &Source, structures: [(&str, Structure); 2]) -> Result<String> {
    let mut pictures = Vec::new();
    for (name, structure) in structures {
        let mut found = eigenmodes(&source.config.lattice, structure.displacement)?;
        for (m, kind) in [(found.len() / 20, "strongly localised"), (19 * found.len() / 20, "weakly localised")] {
            let title = format!("{name}, {kind}: *m* = {m}, *w* = {:.3}", found[m].mode_area);
            pictures.push((title, structure, std::mem::take(&mut found[m].intensity)));
        }
    }
    let drawn: Vec<Mode> = pictures.iter().map(|(title, structure, intensity)| Mode { title, structure: *structure, intensity }).collect();
    Ok(modes(&drawn))
}
