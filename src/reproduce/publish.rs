//! What a run hands over: `results.json`, `results.md`, `figures/ID.svg` and `.png`, `report.html`.

use super::clock::Clock;
use super::pictures::draw;
use super::{Branch, Run};
use crate::config::{Config, Preset};
use crate::figures::{self, FIGURES};
use crate::progress::Progress;
use crate::report::{Figure, Report, Row, html, markdown, write_results};
use crate::train::TrainConfig;
use crate::{Error, Result, file};

/// Figures that the report shows of the branch `matched` too, beside those that draw both populations by themselves.
const OF_MATCHED: [&str; 4] = ["2fg", "3cde", "5cd", "6abcd"];

pub(super) fn publish(
    preset: Preset,
    config: &Config,
    run: &Run,
    rows: &[Row],
    clocks: &mut [(Branch, Clock)],
    progress: &dyn Progress,
) -> Result<()> {
    write_results(&run.path("results.json"), rows)?;
    file::write_bytes(&run.path("results.md"), markdown(rows).as_bytes())?;
    let mut drawn = Vec::new();
    let mut lacking = Vec::new();
    let branches: Vec<Branch> = clocks.iter().map(|(branch, _)| *branch).collect();
    if let Some((_, clock)) = clocks.first_mut() {
        (drawn, lacking) = clock.time("figures", || figures(config, run, &branches, progress))?;
    }
    let stages: Vec<_> = clocks.iter().flat_map(|(branch, clock)| clock.stages(&branch.prefix(": "))).collect();
    let report = Report {
        scale: &scale(preset, config, &branches),
        rows,
        figures: &drawn,
        lacking: &lacking,
        configuration: &config.to_toml()?,
        stages: &stages,
    };
    file::write_bytes(&run.path("report.html"), html(&report).as_bytes())
}

/// Every figure that the run can fill, in the order of [`FIGURES`], and a sentence for each that it cannot.
fn figures(config: &Config, run: &Run, branches: &[Branch], progress: &dyn Progress) -> Result<(Vec<Figure>, Vec<String>)> {
    let (mut drawn, mut lacking) = (Vec::new(), Vec::new());
    progress.begin("figures", FIGURES.len() as u64, "figure");
    for (done, (id, _)) in FIGURES.iter().enumerate() {
        if progress.stop() {
            return Err(Error::Interrupted("the same command goes on with the figures".into()));
        }
        let twin = (branches.contains(&Branch::Matched) && OF_MATCHED.contains(id)).then_some(Branch::Matched);
        for branch in [Some(Branch::Root), twin].into_iter().flatten() {
            let shown = run.child(branch);
            match draw(id, shown.folder()) {
                Ok(svg) => {
                    file::create_folder(&shown.path("figures"))?;
                    for ending in ["svg", "png"] {
                        figures::write(&shown.path(&format!("figures/{id}.{ending}")), &svg)?;
                    }
                    let name = (branch != Branch::Root).then_some("population matched");
                    drawn.push(Figure { id: (*id).into(), branch: name, svg, how: how(id, &branch.config(config)) });
                }
                Err(lack @ Error::Lacking { .. }) => lacking.push(lack.to_string()),
                // Numbers that a fit or a statistic refuses: a run can be too small for a figure.
                Err(unfit @ Error::Value { .. }) => lacking.push(format!("figure {id}: {unfit}")),
                Err(error) => return Err(error),
            }
        }
        progress.advance(done as u64 + 1, id);
    }
    progress.end();
    Ok((drawn, lacking))
}

/// Which run this is, in plain words.
fn scale(preset: Preset, config: &Config, branches: &[Branch]) -> String {
    let (data, paper) = (&config.data, Preset::Paper.config());
    let size = |c: &Config| format!("{} filters and {} hidden units", filters(&c.d2l.filters), c.d2l.hidden);
    let mut text = format!(
        "This run (preset {}, seed {}, on {}) is not at the paper\u{2019}s scale: each network learnt from {} lattices of {} sites and was \
         tested on {} others (paper: {} and {}), with {} (paper: {}).",
        preset.name(),
        config.seed,
        config.device,
        data.train,
        config.lattice.sites(),
        data.test,
        paper.data.train,
        paper.data.test,
        size(config),
        size(&paper)
    );
    let sizes = |c: &Config| (c.data.train, c.data.test, c.lattice.size, [&c.d2l, &c.l2d].map(|keys| (keys.filters.clone(), keys.hidden)));
    if sizes(config) == sizes(&paper) {
        let whole = Config { seed: config.seed, device: config.device.clone(), precision: config.precision, ..paper };
        let settings = if *config == whole { "" } else { ", with settings of its own (config.toml)" };
        text = format!("This run (seed {}, on {}) has the paper\u{2019}s own scale{settings}.", config.seed, config.device);
    }
    if branches.len() == 1 {
        text += " It holds one population and one kind of network; the presets medium and paper add the others.";
    }
    text
}

fn filters(filters: &[usize]) -> String {
    filters.iter().map(usize::to_string).collect::<Vec<_>>().join("/")
}

/// How a figure was made, and at what scale.
fn how(id: &str, config: &Config) -> String {
    let (data, attack) = (&config.data, &config.attack);
    let test = format!("{} test lattices, rho_max = {}, sigma_max = {}", data.test, data.rho_max, data.sigma_max);
    let of = |keys: &TrainConfig| format!("{} filters, {} hidden units", filters(&keys.filters), keys.hidden);
    let (d2l, l2d) = (of(&config.d2l), of(&config.l2d));
    let both = if d2l == l2d { d2l } else { format!("D2L {d2l}, L2D {l2d}") };
    let network = format!("{both}, {} training lattices", data.train);
    let attacked =
        format!("{} pairs of seed and design, rho_a {:?}, {} directions an atom", attack.pairs, attack.sweep, attack.sweep_angles);
    match id {
        "1" | "2b-e" | "4a-f" => format!("Made by: a fixed rule chooses the lattices among {test}. Networks: {network}."),
        "training" => format!("Made by: training with {} and {} epochs of {} samples.", config.d2l.epochs, config.l2d.epochs, data.train),
        "2a" | "3a" | "3b" | "S7" => "Made by: drawing the layers of this run\u{2019}s configuration.".into(),
        "2fg" | "3cde" => format!("Made by: every one of {test}. Networks: {network}."),
        "5b" | "5w" => format!("Made by: the outputs of the trained L2D for {} sites, {l2d}.", config.lattice.sites()),
        "S9" => {
            let one_pool = of(&Branch::OnePool.config(config).l2d);
            let sites = config.lattice.sites();
            format!("Made by: the outputs for {sites} sites of the trained L2D, {l2d}, and of the one with one pool, {one_pool}.")
        }
        "6abcd" => format!("Made by: moving every atom by {} in {} directions, one pair of seed and design.", attack.rho_a, attack.angles),
        "6sweep" | "6removal" => format!("Made by: {attacked}."),
        "S1" => format!("Made by: {} lattices of each kind, no network.", data.sets),
        "S2" => format!("Made by: {} epochs of {} samples each.", config.sweep.epochs, config.sweep.train.min(data.train as usize)),
        "S6" => format!("Made by: the Hamiltonian of seeds and designs, {test}."),
        "population" => format!("Made by: the true average mode areas of {test}."),
        _ => format!(
            "Made by: designs for {test}, those of the window of true average mode area; fits with {} synthetic samples. Networks: {network}.",
            config.powerlaw.bootstrap
        ),
    }
}
