//! The figures of the paper, one file each: plain data in, an SVG string out. The same data give the same bytes.
//!
//! Conventions: displacements in periods, mode areas dimensionless, m = 0 the most localised mode; arrays row-major as in the data
//! files. Seeds are green and designs orange, as in the paper.

mod attack;
mod axes;
mod colour;
mod design;
mod displacement;
mod lattice;
mod localisation;
mod picture;
mod png;
mod prediction;
mod svg;
mod tails;
mod training;

pub use attack::{Attacked, attack};
pub use design::{Redesign, design};
pub use displacement::displacement;
pub use lattice::lattice;
pub use localisation::{d2l_localisation, l2d_localisation};
pub use picture::Structure;
pub use png::png;
pub use prediction::{Prediction, prediction};
pub use svg::escape;
pub use tails::{Tail, tails};
pub use training::{Run, training};

/// Every figure: its id, and a caption in plain words. How and at what scale it was made is for the report to add.
pub const FIGURES: &[(&str, &str)] = &[
    (
        "1",
        "A lattice as two images. (a) The square crystal. (b) A deformed lattice; grey rings mark where the sites came from. \
         (c) A site's displacement and its x and y parts. (d, e) These parts for every site: the image that the network D2L reads.",
    ),
    (
        "training",
        "Training, epoch by epoch: accuracy on validation samples that the network never learns from (left), and the cost that it \
         minimises (right), for D2L (a, b) and for L2D (c, d).",
    ),
    (
        "2b-e",
        "D2L on one nearly crystalline (b, d) and one strongly disordered lattice (c, e) of the test set, nine tenths and one tenth of \
         the way up in average mode area. Red: the mode areas from the Hamiltonian. Black: what the network says from the picture alone.",
    ),
    (
        "2fg",
        "Mode area against mode number for every test sample: (f) the truth from the Hamiltonian, (g) the prediction of D2L. Each place \
         shows the mean of the true average mode area over the samples that pass there, so a sample keeps its colour in both panels.",
    ),
    (
        "3cde",
        "Design by L2D: (c) the mode areas asked for, (d) those that D2L believes the designed lattices to have, (e) those that they \
         have by the Hamiltonian. Colours as in Fig. 2: the average mode area asked for.",
    ),
    (
        "4a-f",
        "Two lattices with nearly the same localisation each: a random seed (a, d), and the one that L2D designed from the seed's mode \
         areas (b, e), for weak (a-c) and strong disorder (d-f). Sites stand where they are, coloured by how far they moved; rings mark \
         the crystal; lines are hoppings, darker where stronger, not drawn beyond 1.6 periods. (c, f) Mode areas of seed (red) and \
         design (black) from the Hamiltonian.",
    ),
    (
        "4g",
        "How far sites move, in seeds (green) and designs (orange). (g) Distribution of the displacement. (g-1) Share of sites that move \
         at least so far, on logarithmic axes, with the power law fitted to the designs (dashed) from its lower bound (dot). (g-2) The \
         tail of g, enlarged.",
    ),
    (
        "5b",
        "Is the heavy tail written in the network? Share of sites at or above a value, with the power law fitted (dashed) from its lower \
         bound (dot), for displacements of designs and for the strength of the weights that reach each site in L2D's last layer.",
    ),
    (
        "6abcd",
        "What happens when one atom is moved. Change of every mode area for an attack on each atom, in (a) a seed and (b) a design of \
         nearly the same localisation: red where many atoms do the same, blue the mean over atoms, dashed the seed's mean repeated; \
         changes under a hundredth of the smallest mean are left out. (c, d) The mean change caused by each atom, over its mean for all \
         atoms: even where all atoms count the same, bright spots where hubs are.",
    ),
];
