//! The attack on single atoms (Fig. 6): what normal-random seeds are known to show, and the command's table.
#![cfg(feature = "cli")]

use scalefree::analysis::attack::Attack as Changes;
use scalefree::dataset::{Spec, generate, load_labelled};
use scalefree::device::Cpu;
use scalefree::ops::eigh::Labels;
use scalefree::physics::{Amplitudes, Attack, Lattice, average_mode_area};
use scalefree::progress::Silent;
use std::process::Command;

/// Every seventh atom of four seeds of w_avg about 0.145, one angle each. The reference is one seed, and where the move is small the mean
/// over its modes hangs on the few that are nearest in energy, so means are compared by factors: the wider, the shorter the move.
#[test]
fn normal_random_seeds_answer_as_they_are_known_to() {
    let lattice = Lattice::default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeds.npz");
    let amplitudes = Amplitudes { rho_max: 0.6, sigma_max: 0.6 };
    let spec = Spec { seed: 3, start: 0, count: 60, lattice, amplitudes, labels: Labels::default() };
    generate(&Cpu::<f64>::new(), &spec, &path, &Silent).unwrap();
    let set = load_labelled(&path).unwrap();
    let mut chosen: Vec<usize> = (0..60).collect();
    let off = |k: usize| (average_mode_area(&set.mode_area[k * 256..][..256]) - 0.145).abs();
    chosen.sort_by(|&a, &b| off(a).total_cmp(&off(b)));
    assert!(off(chosen[3]) < 0.02, "{}", off(chosen[3]));

    for (rho_a, cv, mean, factor, apart) in
        [(1e-4, 0.82, 1.4e-5, 3.0, 0.5), (1e-3, 0.58, 1.2e-4, 3.0, 0.3), (1e-2, 0.25, 5.8e-4, 1.5, 0.1), (1e-1, 0.19, 1.9e-3, 1.15, 0.05)]
    {
        let ours: Vec<(f64, f64)> = chosen[..4]
            .iter()
            .map(|&k| {
                let atoms: Vec<usize> = (0..256).step_by(7).collect();
                let theta = Attack::everywhere(&lattice, 1, 5, k as u64).unwrap().theta;
                let theta = atoms.iter().map(|&atom| theta[atom]).collect();
                let attack = Attack { atoms, theta, rho_a, modes: Default::default() };
                let answer = attack
                    .strike_both(&Cpu::<f64>::new(), &Labels::default(), &lattice, &set.structures.displacement[k * 512..][..512], &Silent)
                    .unwrap();
                let hubs = Changes::new(&answer.sorted, attack.atoms.len(), 1, 256).unwrap().hubs();
                (hubs.cv, hubs.mean)
            })
            .collect();
        let [our_cv, our_mean] = [0, 1].map(|of| ours.iter().map(|one| [one.0, one.1][of]).sum::<f64>() / 4.0);
        println!("rho_a {rho_a:e}: CV {our_cv:.2} (known {cv}), mean |dw| {our_mean:.2e} (known {mean:.1e}); each {ours:?}");
        assert!((mean / our_mean).ln().abs() < f64::ln(factor), "rho_a {rho_a}: mean {our_mean}, known {mean}");
        assert!((our_cv - cv).abs() < apart, "rho_a {rho_a}: CV {our_cv}, known {cv}");
    }
}

#[test]
fn the_sweep_prints_both_pairings_of_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_scalefree")).current_dir(folder.path()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let small = ["--set", "lattice.size=4", "--device", "cpu"];
    let with = |arguments: &[&str]| run(&[arguments, &small].concat());
    assert_eq!(with(&["generate", "--count", "2", "--out", "in.npz"]).0, Some(0));
    let attack = ["attack", "in.npz", "--out", "out.npz", "--sweep", "0.01,0.2", "--set", "attack.angles=2", "--set", "attack.rho_a=0.2"];
    let (code, text, _) = with(&[&attack[..], &["--json"]].concat());
    assert_eq!(code, Some(0));
    let lines: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    // Two structures: the file's attack, and two lengths with two pairings; each with two treatments of the angles.
    assert_eq!(lines.len(), 2 * 2 + 2 * 2 * 2 * 2);
    let find = |structure, rho_a, modes, angles| {
        let wanted = [("structure", serde_json::json!(structure)), ("rho_a", serde_json::json!(rho_a))];
        let words = [("modes", serde_json::json!(modes)), ("angles", serde_json::json!(angles))];
        let found = lines.iter().filter(|line| wanted.iter().chain(&words).all(|(key, value)| line[key] == *value));
        found.map(|line| line["cv"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    // The file's own attack is the sweep's at that length.
    let twice = find(1, 0.2, "sorted", "first angle");
    assert!(twice.len() == 2 && twice[0] == twice[1], "{twice:?}");
    assert_ne!(find(0, 0.2, "tracked", "mean over angles"), find(0, 0.01, "tracked", "mean over angles"));
    let (_, text, _) = with(&attack);
    assert!(
        text.starts_with("structure     rho_a  modes    angles  mean |dw|     CV  largest/mean   Gini\n") && text.lines().count() == 21
    );
    let (code, _, error) = with(&["attack", "in.npz", "--out", "out.npz", "--sweep", "0.01,-1"]);
    assert!(code == Some(2) && error.contains("--sweep: -1"), "{error}");
}
