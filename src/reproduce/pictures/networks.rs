//! Network diagrams from the layer list (Fig. 2a, 3a, 3b, S7).

use super::{Branch, Source};
use crate::Result;
use crate::figures::{Data, Network, Stage, networks};
use crate::nn::{Architecture, Kind, Layer};

/// Fig. 2a.
pub(super) fn d2l(source: &Source) -> Result<String> {
    diagrams(source, &[("", "D2L", source.config.architecture(Kind::D2l), true)])
}

/// Fig. 3a.
pub(super) fn l2d(source: &Source) -> Result<String> {
    diagrams(source, &[("", "L2D", source.config.architecture(Kind::L2d), true)])
}

/// Fig. 3b.
pub(super) fn l2d_learns(source: &Source) -> Result<String> {
    let [d2l, l2d] = [Kind::D2l, Kind::L2d].map(|kind| source.config.architecture(kind));
    diagrams(source, &[("", "L2D, which learns", l2d, true), ("", "D2L, trained and fixed", d2l, false)])
}

/// Fig. S7.
pub(super) fn one_pool(source: &Source) -> Result<String> {
    let config = Branch::OnePool.config(&source.config);
    let [d2l, l2d] = [Kind::D2l, Kind::L2d].map(|kind| config.architecture(kind));
    diagrams(source, &[("a", "D2L", d2l, true), ("b", "L2D", l2d, true)])
}

/// Networks below each other: a panel's letter, a title, the network, and whether it learns.
fn diagrams(source: &Source, rows: &[(&str, &str, Architecture, bool)]) -> Result<String> {
    let stages: Vec<Vec<Stage>> = rows.iter().map(|row| stages(&row.2)).collect();
    let drawn: Vec<Network> = rows
        .iter()
        .zip(&stages)
        .map(|((letter, title, architecture, learns), stages)| Network {
            letter,
            title,
            stages,
            parameters: architecture.parameter_count(),
            learns: *learns,
        })
        .collect();
    Ok(networks(&drawn, &format!("Fig. {}: networks by their layers", source.id)))
}

/// The stages of a network: its input, then what each convolution, pool and full connection gives.
fn stages(architecture: &Architecture) -> Vec<Stage<'static>> {
    let side = architecture.size;
    let displacement = Data::Images { channels: 2, side };
    let (input, output) = match architecture.kind {
        Kind::D2l => {
            (Stage { data: displacement, made_by: "x and y image" }, Stage { data: Data::Vector(side * side), made_by: "FC:\nmode areas" })
        }
        Kind::L2d => (
            Stage { data: Data::Images { channels: 1, side }, made_by: "mode areas" },
            Stage { data: displacement, made_by: "FC:\nx and y image" },
        ),
    };
    let mut stages = vec![input];
    for layer in architecture.layers() {
        match layer {
            Layer::Conv3x3 { input, filters, pool } => {
                let images = |side| Data::Images { channels: filters, side };
                stages.push(Stage { data: images(input.height), made_by: "conv 3\u{d7}3,\nReLU" });
                if pool {
                    stages.push(Stage { data: images(layer.output().height), made_by: "pool 2\u{d7}2" });
                }
            }
            Layer::Dense { output, relu: true, .. } => stages.push(Stage { data: Data::Vector(output.len()), made_by: "FC, ReLU" }),
            Layer::Dense { .. } => stages.push(output),
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Pool;

    #[test]
    fn every_layer_is_a_stage() {
        let network = Architecture { kind: Kind::D2l, size: 16, filters: vec![256, 512, 1024], pool: Pool::Each, hidden: 2048 };
        let stages = stages(&network);
        assert_eq!(stages.len(), 1 + 2 * 3 + 2);
        assert_eq!(stages[6].data, Data::Images { channels: 1024, side: 2 });
        assert_eq!(stages[8].data, Data::Vector(256));
        let one_pool = Architecture { kind: Kind::L2d, filters: vec![16, 32, 64, 128], pool: Pool::Last, ..network };
        assert_eq!(self::stages(&one_pool).len(), 1 + 5 + 2);
    }
}
