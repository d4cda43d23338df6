//! Pictures of lattices: Fig. 1, 2b-e, 4a-f, and modes.

use super::super::stages::{designs, predicted, set};
use super::{Source, row};
use crate::Result;
use crate::analysis::population::{w_avg, weak_and_strong};
use crate::figures::{Mode, Prediction, Redesign, Structure, design, lattice, modes, prediction};
use crate::physics::eigenmodes;

/// Fig. 1.
pub(super) fn deformed_lattice(source: &Source) -> Result<String> {
    let test = set(&source.config, &source.run, "d2l_test")?;
    let [_, strong] = extremes(source, &test.mode_area)?;
    Ok(lattice(picture(source, &test.structures.displacement, strong)))
}

/// Fig. 2b-e.
pub(super) fn weak_and_strong_predicted(source: &Source) -> Result<String> {
    let (run, config, modes) = (&source.run, &source.config, source.modes());
    let test = set(config, run, "d2l_test")?;
    let both = extremes(source, &test.mode_area)?;
    let ml = predicted(config, run)?;
    let [weak, strong] = both.map(|k| Prediction {
        structure: picture(source, &test.structures.displacement, k),
        truth: row(&test.mode_area, k, modes),
        ml: row(&ml, k, modes),
    });
    Ok(prediction(weak, strong))
}

/// Fig. 4a-f.
pub(super) fn weak_and_strong_redesigned(source: &Source) -> Result<String> {
    let (run, config, modes) = (&source.run, &source.config, source.modes());
    let (test, designs) = (set(config, run, "l2d_test")?, designs(config, run)?);
    let [weak, strong] = extremes(source, &test.mode_area)?.map(|k| Redesign {
        seed: picture(source, &test.structures.displacement, k),
        design: picture(source, &designs.structures.displacement, k),
        seed_mode_area: row(&test.mode_area, k, modes),
        design_mode_area: row(&designs.mode_area, k, modes),
    });
    Ok(design(weak, strong))
}

/// Of seed and design the modes one twentieth and nineteen twentieths of the way up in mode area.
pub(super) fn two_modes_each(source: &Source) -> Result<String> {
    let (run, config) = (&source.run, &source.config);
    let (test, designs) = (set(config, run, "l2d_test")?, designs(config, run)?);
    let [_, strong] = extremes(source, &test.mode_area)?;
    let mut pictures = Vec::new();
    for (name, structures) in [("Seed", &test.structures), ("Design", &designs.structures)] {
        let structure = picture(source, &structures.displacement, strong);
        let mut found = eigenmodes(&config.lattice, structure.displacement)?;
        for (m, kind) in [(found.len() / 20, "strongly localised"), (19 * found.len() / 20, "weakly localised")] {
            let title = format!("{name}, {kind}: *m* = {m}, *w* = {:.3}", found[m].mode_area);
            pictures.push((title, structure, std::mem::take(&mut found[m].intensity)));
        }
    }
    let drawn: Vec<Mode> = pictures.iter().map(|(title, structure, intensity)| Mode { title, structure: *structure, intensity }).collect();
    Ok(modes(&drawn))
}

/// The weakly and the strongly disordered sample that stand for a test set.
fn extremes(source: &Source, mode_area: &[f64]) -> Result<[usize; 2]> {
    let found = weak_and_strong(&w_avg(mode_area, source.modes()));
    found.map(|(weak, strong)| [weak, strong]).ok_or_else(|| source.lacking("the test set is empty".into()))
}

/// Structure `k` of a set.
fn picture<'a>(source: &Source, displacement: &'a [f64], k: usize) -> Structure<'a> {
    let lattice = &source.config.lattice;
    Structure { displacement: row(displacement, k, 2 * source.modes()), size: lattice.size, hopping_decay: lattice.alpha }
}
