//! A card's labels, through cuSOLVER's stand-in, against the processor's: each case in a child, on an emulator that is set up for it;
//! and one case for the table, which every device runs.

use super::support::ensure;
use super::variant::{child as program, emulate, verdict, without};
use super::{Case, Fault, Verdict};
use libtest_mimic::Trial;
use scalefree::device::{Cpu, Cuda};
use scalefree::ops::Device;
use scalefree::ops::eigh::{LabelPrecision, Labels, Solver};
use scalefree::ops::philox::uniform;
use scalefree::physics::{Attack, Lattice, Spectrum, solve_on};
use scalefree::progress::Progress;
use simt::{Build, Profile};
use std::sync::Mutex;

/// A case, and what its emulator is told.
const CASES: [(&str, &[(&str, &str)]); 9] = [
    ("every solver, both precisions", &[]),
    ("chunks of a card with little memory", &[("SIMT_MEMORY", "60000")]),
    ("two lattices of the paper's size", &[]),
    ("a lattice that is too large for our own solver", &[]),
    ("crystals, whose energies are degenerate", &[]),
    (WRONG, &[("SIMT_XSYEV", "wrong")]),
    (STUCK, &[("SIMT_XSYEV", "stuck")]),
    (OLD_LIBRARY, &[]),
    (NO_LIBRARY, &[]),
];

const WRONG: &str = "a wrong answer";
const STUCK: &str = "a matrix that does not converge";
const OLD_LIBRARY: &str = "a libcusolver without XsyevBatched";
const NO_LIBRARY: &str = "no libcusolver";

/// By cuSOLVER whatever the card.
const XSYEV: Labels = Labels { solver: Solver::Xsyev, precision: LabelPrecision::F64 };

/// Every profile, and the checking build.
const DEVICES: [(Profile, Build); 4] =
    [(Profile::Sm75, Build::Plain), (Profile::Sm89, Build::Plain), (Profile::Sm90, Build::Plain), (Profile::Sm89, Build::Checking)];

pub fn trials() -> Vec<Trial> {
    DEVICES.into_iter().flat_map(|device| CASES.into_iter().map(move |case| trial(device, case))).collect()
}

fn trial((profile, build): (Profile, Build), (name, environment): (&'static str, &'static [(&'static str, &'static str)])) -> Trial {
    let run = move || {
        let (mut folder, own) = (simt::folder(profile, build), tempfile::tempdir()?);
        if name == OLD_LIBRARY {
            without("cusolverDnXsyevBatched", "libcusolver.so", &folder, own.path())?;
            folder = own.path().to_owned();
        }
        if name == NO_LIBRARY {
            std::fs::copy(folder.join("libcuda.so"), own.path().join("libcuda.so"))?;
            folder = own.path().to_owned();
        }
        let mut command = program(["emulated", "labels", name]);
        verdict(&emulate(&mut command, &folder).envs(environment.iter().copied()).output()?)
    };
    Trial::test(format!("labels, sm_{}, {build:?}: {name}", profile.number()), run).with_ignored_flag(!simt::is_built())
}

/// Labels in f32 by whichever solver the device has; one that gives up would hide what went wrong before it.
pub fn cases<D: Device>(cases: &mut Vec<Case<D>>) {
    cases.push(Case::new("labels 4 of 5x5 in f32".into(), |device: &D| {
        let labels = Labels { solver: Solver::Auto, precision: LabelPrecision::F32 };
        let (ours, notes) = on_card(device, labels, &random(5, 4), 5)?;
        ensure!(notes.iter().all(|note| note.contains("cannot be had")), "{notes:?}");
        compare(&ours, &expected(&random(5, 4), 5)?, 1e-7, 1e-2)
    }));
    cases.push(Case::new("attack on 4x4, labels in f32".into(), |device: &D| {
        let single = Labels { solver: Solver::Auto, precision: LabelPrecision::F32 };
        let attack = Attack { rho_a: 1e-4, ..Attack::everywhere(&lattice(4), 2, 1, 0)? };
        let ours = attack.strike(device, &single, &lattice(4), &random(4, 1), &Notes::default())?;
        let expected = attack.strike(&Cpu::<f64>::new(), &Labels::default(), &lattice(4), &random(4, 1), &Notes::default())?;
        let apart = ours.delta_mode_area.iter().zip(&expected.delta_mode_area).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // In f32 it would be above 1e-7.
        ensure!(apart < 1e-9, "{apart:.1e} apart");
        Ok(())
    }));
    cases.push(Case::new("attack on 4x4, both pairings".into(), |device: &D| {
        let attack = Attack { rho_a: 0.2, ..Attack::everywhere(&lattice(4), 2, 1, 0)? };
        let (labels, displacement, notes) = (Labels::default(), random(4, 1), Notes::default());
        let ours = attack.strike_both(device, &labels, &lattice(4), &displacement, &notes)?;
        let expected = attack.strike_both(&Cpu::<f64>::new(), &labels, &lattice(4), &displacement, &notes)?;
        for (ours, expected) in [(&ours.sorted, &expected.sorted), (&ours.tracked, &expected.tracked)] {
            let apart = ours.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            ensure!(apart < 1e-9, "{apart:.1e} apart");
        }
        ensure!(expected.sorted != expected.tracked, "no mode changes its rank: too tame a test");
        Ok(())
    }));
}

/// The child: 0 when the labels were right.
pub fn child(name: &str) -> Result<usize, Fault> {
    let device = Cuda::new(0, None)?;
    match name {
        "every solver, both precisions" => solvers(&device),
        "chunks of a card with little memory" => {
            [Solver::Auto, Solver::Own].into_iter().try_for_each(|s| silent(&device, s, &random(4, 23), 4))
        }
        "two lattices of the paper's size" => {
            [Solver::Auto, Solver::Own].into_iter().try_for_each(|s| silent(&device, s, &random(16, 2), 16))
        }
        "a lattice that is too large for our own solver" => too_large(&device),
        "crystals, whose energies are degenerate" => crystals(&device),
        WRONG => handed_over(&device, "xsyev: matrix 0 of 3: "),
        STUCK => handed_over(&device, "cusolverDnXsyevBatched: matrix 1 of 3 did not converge (info 16)"),
        OLD_LIBRARY => handed_over(&device, "xsyev cannot be had: libcusolver has no cusolverDnXsyevBatched;"),
        _ => missing(&device),
    }
    .map(|()| 0)
}

/// Keeps what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn note(&self, line: &str) {
        self.0.lock().expect("the lock").push(line.into());
    }
}

fn random(size: usize, count: usize) -> Vec<f64> {
    (0..2 * size * size * count).map(|k| 0.8 * uniform((k as u32 + 1).wrapping_mul(2_654_435_761)) - 0.4).collect()
}

fn lattice(size: usize) -> Lattice {
    Lattice { size, ..Lattice::default() }
}

/// On the device, with what it said.
fn on_card<D: Device>(device: &D, labels: Labels, displacement: &[f64], size: usize) -> Result<(Spectrum, Vec<String>), Fault> {
    let notes = Notes::default();
    let spectrum = solve_on(device, &labels, &lattice(size), displacement, &notes)?;
    Ok((spectrum, notes.0.into_inner()?))
}

/// faer's answer, to which every list of a card's solvers comes in the end.
fn expected(displacement: &[f64], size: usize) -> Result<Spectrum, Fault> {
    let labels = Labels { solver: Solver::Faer, ..Labels::default() };
    Ok(solve_on(&Cpu::<f64>::new(), &labels, &lattice(size), displacement, &Notes::default())?)
}

/// Energies within `error` of the on-site energy, mode areas within `area`.
fn compare(ours: &Spectrum, theirs: &Spectrum, error: f64, area: f64) -> Verdict {
    let apart = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).fold(0.0_f64, |m, (a, b)| if (a - b).is_nan() { f64::INFINITY } else { m.max((a - b).abs()) })
    };
    ensure!(ours.energy.len() == theirs.energy.len() && ours.mode_area.len() == theirs.mode_area.len(), "other numbers of lattices");
    let (energies, areas) = (apart(&ours.energy, &theirs.energy), apart(&ours.mode_area, &theirs.mode_area));
    ensure!(energies < error, "energies are {energies:e} apart");
    ensure!(areas < area, "mode areas are {areas:e} apart");
    println!("       energies {energies:.1e}, mode areas {areas:.1e} apart");
    Ok(())
}

fn solvers(device: &Cuda) -> Verdict {
    let displacement = random(6, 5);
    let theirs = expected(&displacement, 6)?;
    for solver in [Solver::Auto, Solver::Own, Solver::Xsyev, Solver::Syevj] {
        for (precision, error, area) in [(LabelPrecision::F64, 1e-14, 1e-10), (LabelPrecision::F32, 1e-7, 1e-2)] {
            let (ours, notes) = on_card(device, Labels { solver, precision }, &displacement, 6)?;
            ensure!(notes.is_empty(), "{solver:?} {precision:?} said {notes:?}");
            compare(&ours, &theirs, error, area)?;
        }
    }
    // Who that is where nobody is named.
    let wanted = if device.capability() == (9, 0) { Solver::Own } else { Solver::Xsyev };
    let [auto, named] = [Solver::Auto, wanted].map(|solver| on_card(device, Labels { solver, ..Labels::default() }, &displacement, 6));
    ensure!(auto?.0 == named?.0, "auto is not {wanted:?}");
    let (ours, notes) = on_card(device, Labels { solver: Solver::Faer, ..Labels::default() }, &displacement, 6)?;
    ensure!(ours == theirs && notes.is_empty(), "faer's labels depend on the device; said: {notes:?}");
    Ok(())
}

/// Right, and by that solver.
fn silent(device: &Cuda, solver: Solver, displacement: &[f64], size: usize) -> Verdict {
    let labels = Labels { solver, ..Labels::default() };
    let (ours, notes) = on_card(device, labels, displacement, size)?;
    ensure!(notes.is_empty(), "{notes:?}");
    compare(&ours, &expected(displacement, size)?, 1e-14, 1e-9)?;
    // The same again: nothing is left over from the first time.
    ensure!(on_card(device, labels, displacement, size)?.0 == ours, "the second call has other bits");
    Ok(())
}

/// Any basis of a degenerate space is right: energies agree, and the checks pass.
fn crystals(device: &Cuda) -> Verdict {
    let displacement = vec![0.0; 2 * 25 * 3];
    for solver in [Solver::Own, Solver::Xsyev, Solver::Syevj] {
        let (ours, notes) = on_card(device, Labels { solver, ..Labels::default() }, &displacement, 5)?;
        ensure!(notes.is_empty(), "{solver:?} said {notes:?}");
        compare(&ours, &expected(&displacement, 5)?, 1e-14, 1.0)?;
    }
    Ok(())
}

/// Told once, and the next solver's labels.
fn too_large(device: &Cuda) -> Verdict {
    let (displacement, labels) = (vec![0.1; 2 * 17 * 17], |solver| Labels { solver, ..Labels::default() });
    let (ours, notes) = on_card(device, labels(Solver::Own), &displacement, 17)?;
    ensure!(notes == ["own cannot be had: it is for lattices of at most 256 sites; xsyev takes over"], "{notes:?}");
    ensure!(on_card(device, labels(Solver::Xsyev), &displacement, 17)?.0 == ours, "not the labels of xsyev");
    Ok(())
}

/// The first solver's fault is told in one line that begins so, and the other solver's labels are taken.
fn handed_over(device: &Cuda, line: &str) -> Verdict {
    let displacement = random(4, 3);
    let (ours, notes) = on_card(device, XSYEV, &displacement, 4)?;
    let told = matches!(notes.as_slice(), [note] if note.starts_with(line) && note.ends_with("; syevj takes over"));
    ensure!(told, "{notes:?}");
    compare(&ours, &expected(&displacement, 4)?, 1e-14, 1e-10)
}

/// The processor's bits, and one line a solver for any number of calls.
fn missing(device: &Cuda) -> Verdict {
    let displacement = random(4, 3);
    let (ours, notes) = on_card(device, XSYEV, &displacement, 4)?;
    ensure!(ours == expected(&displacement, 4)?, "not the processor's labels");
    let [xsyev, syevj] = notes.as_slice() else { return Err(format!("{notes:?}").into()) };
    ensure!(xsyev.starts_with("xsyev cannot be had: libcusolver is not") && xsyev.ends_with("syevj takes over"), "{xsyev}");
    ensure!(syevj.starts_with("syevj cannot be had") && syevj.ends_with("faer takes over"), "{syevj}");
    ensure!(on_card(device, XSYEV, &displacement, 4)?.1.is_empty(), "said twice");
    // Ours needs no library, and so `auto` finds it.
    let [auto, own] = [Solver::Auto, Solver::Own].map(|solver| on_card(device, Labels { solver, ..Labels::default() }, &displacement, 4));
    ensure!(auto?.0 == own?.0, "auto is not ours");
    silent(device, Solver::Own, &displacement, 4)
}
