//! The figures of the paper, one file each: plain data in, an SVG string out. The same data give the same bytes.
//!
//! Conventions: displacements in periods, mode areas dimensionless, m = 0 the most localised mode; arrays row-major as in the data
//! files. Seeds are green and designs orange, as in the paper.

mod attack;
mod axes;
mod beyond;
mod colour;
mod design;
mod displacement;
mod grid;
mod growth;
mod histogram;
mod lattice;
mod localisation;
mod mode;
mod network;
mod picture;
mod png;
mod population;
mod prediction;
mod realisations;
mod removal;
mod scan;
mod series;
mod sets;
mod spectra;
mod svg;
mod sweep;
mod tails;
mod training;
mod variants;
mod weights;
mod windows;

pub use attack::{Attacked, attack};
pub use beyond::{Beyond, beyond};
pub use design::{Redesign, design};
pub use displacement::{Displaced, displacement};
pub use grid::{Quantity, grid};
pub use growth::{Growth, Measured, growth};
pub use lattice::lattice;
pub use localisation::{d2l_localisation, l2d_localisation};
pub use mode::{Mode, modes};
pub use network::{Data, Network, Stage, networks};
pub use picture::Structure;
pub use png::{png, write};
pub use population::{Structures, population};
pub use prediction::{Prediction, prediction};
pub use realisations::realisations;
pub use removal::{Harm, Removal, removal};
pub use scan::{Scan, scan};
pub use sets::sets;
pub use spectra::{Spectra, spectra};
pub use svg::escape;
pub use sweep::{Estimate, Response, sweep};
pub use tails::{Tail, tails};
pub use training::{Run, training};
pub use variants::{Layer, variants};
pub use weights::{Weights, weights};
pub use windows::{Window, windows};

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
        "2a",
        "The network D2L, drawn from its layers: the x and the y image of a lattice (red, blue) go in, the area of every mode comes out. \
         Blocks are stacks of images, number \u{d7} side\u{b2}; orange where a max pool halved the side; green bars are vectors.",
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
        "3a",
        "The network L2D, drawn from its layers: the sorted mode areas, laid out as one image, go in; the x and the y image of a lattice \
         come out. Blocks as in Fig. 2a.",
    ),
    (
        "3b",
        "How L2D is trained: what it draws goes through the trained D2L, whose weights are fixed (grey), and the mode areas that come out \
         are held against those that went in. No lattice is ever shown to it.",
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
         tail of g, enlarged. Where the run has both populations, the matched one stands below (h).",
    ),
    (
        "4g-fit",
        "How the fit of Fig. 4g-1 was chosen. Left: for every candidate of the lower bound, how far the tail from there on is from its \
         best power law (Kolmogorov-Smirnov distance D); the smallest wins (dot). Right: the exponent that each candidate would have \
         given, with its standard error. A true power law shows as a plateau to the right of the dot.",
    ),
    (
        "5b",
        "Is the heavy tail written in the network? Share of sites at or above a value, with the power law fitted (dashed) from its lower \
         bound (dot): (a) for the displacements of the designs, (b) for the strength W_j of the weights that reach each site in L2D's last \
         layer.",
    ),
    (
        "5cd",
        "Does the tail come from designs that failed? The fit of Fig. 4g-1 on (c) the designs whose true mode areas are nearest to what \
         was asked for, and (d) those that are farthest from it.",
    ),
    (
        "5w",
        "The weights behind Fig. 5b. (a) Strength W_j of the weights that reach each site, before and after training, with the fit of the \
         latter. (b) Do sites with strong weights move far? Each site, its weights against its mean displacement over the designs. (c, d) \
         Both over the lattice.",
    ),
    (
        "6abcd",
        "What happens when one atom is moved. Change of every mode area for an attack on each atom, in (a) a seed and (b) a design of \
         nearly the same localisation: red where many atoms do the same, blue the mean over atoms, dashed the seed's mean repeated; \
         changes under a hundredth of the smallest mean are left out. (c, d) The mean change caused by each atom, over its mean for all \
         atoms: even where all atoms count the same, bright spots where hubs are.",
    ),
    (
        "6sweep",
        "Fig. 6 over many pairs of seed and design instead of one, against the length of the attack: how unequal the atoms are (a-c), and \
         by how many orders of magnitude the design's mode areas change less than the seed's (d). Means with standard errors over pairs; \
         solid where modes are compared by rank, dashed where each mode is followed.",
    ),
    (
        "6removal",
        "Fragile to targeted attacks? How much localisation a structure loses (cost of Eq. 3 against the whole one) when some of its atoms \
         are taken out (a, b), or all moved a little (c, d): the strongest hubs (solid), or as many by lot (dashed). Means with standard \
         errors over pairs of seed and design.",
    ),
    (
        "S1",
        "What kinds of deformation do to localisation: all sites together (a, b), each site on its own (c, d), and both (e, f). Left: mode \
         area against mode number, coloured as in Fig. 2; black: two lattices, nine tenths and one tenth of the way up in average mode \
         area. Right: how often each mode area occurs; dashed in f: the curves of b and d.",
    ),
    (
        "S2",
        "What keeps the networks from learning by heart: accuracy on validation samples (left) and training cost (right), epoch by epoch, \
         of short trainings with dropout, with an L2 penalty, and with neither, for D2L (a, b) and for L2D (c, d).",
    ),
    (
        "S3",
        "How many designs does the fit of Fig. 4g-1 need? Exponent (a) and lower bound (b) of fits to random sub-samples, against their \
         size; means and standard deviations over sub-samples.",
    ),
    (
        "S4",
        "How far sites move, in seeds (green) and designs (orange), for four degrees of localisation: windows of the designs' true average \
         mode area. Insets: the tails, enlarged.",
    ),
    (
        "S5",
        "The power laws of the four panels of Fig. S4: share of sites that move at least so far, with the fit (dashed) from its lower bound \
         (dot).",
    ),
    (
        "S6",
        "Energies of seeds and of designs that are true to them. (a, b) Every mode, its energy and its area; darker where there are more. \
         (c) Density of states. (d) Spacings of neighbouring levels over their local mean, beside what levels do that know nothing of each \
         other, and those of random matrices. Bands: standard errors over structures. Discrete states stand apart from the band by a gap.",
    ),
    (
        "S7",
        "The networks of the one-pool variant: four convolutions, and one max pool behind the last, in D2L (a) and L2D (b). Blocks as in \
         Fig. 2a.",
    ),
    (
        "S8",
        "Fig. 4g for both network variants: designs of (a) the three-pool and (b) the one-pool L2D for the same targets. Insets: share of \
         sites that move at least so far, with the power law of the designs, and the tail, enlarged.",
    ),
    (
        "S9",
        "Designs and networks of both variants, three pools (a, b, e) and one pool (c, d, f): displacement of the designs (a, c), strength \
         W_j of the weights in L2D's last layer (b, d), and the exponent of the power law that the eigenvalues of each layer's weights \
         follow (e, f).",
    ),
    (
        "population",
        "Which amplitudes did the paper use? Structures of 10 000 in each twentieth of average mode area: our seeds and designs beside the \
         designs that the paper counts in Fig. S4 (grey).",
    ),
    (
        "mode",
        "Where waves live: a strongly localised mode (left) and a weakly localised one (right), of a seed (above) and of the design made \
         from its mode areas (below). Area and colour of a dot: |psi|^2 at its site over the largest in the picture; rings mark the \
         crystal, lines the hoppings as in Fig. 4.",
    ),
];
