//! The reference vectors of an independent implementation (tests/data/README.md) and the check values of the specification: energies, mode
//! areas, the attack; and what generation promises.

use scalefree::Error;
use scalefree::dataset::npz::Npz;
use scalefree::dataset::{Attacked, Spec, generate, load_labelled, solve_beside};
use scalefree::device::Cpu;
use scalefree::ops::eigh::Labels;
use scalefree::physics::{Amplitudes, Attack, Lattice, Modes, average_mode_area, solve};
use scalefree::progress::{Progress, Silent};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

fn reference(name: &str) -> Npz {
    Npz::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

#[test]
fn energies_and_mode_areas_of_the_reference_lattices() {
    for size in [5, 8, 16] {
        let mut npz = reference(&format!("lattices_{size}.npz"));
        let mut get = |key: &str| npz.array(key).unwrap().values;
        let (displacement, energy, mode_area, order) = (get("displacement"), get("energy"), get("mode_area"), get("order"));
        let lattice = Lattice { size, ..Lattice::default() };
        let sites = lattice.sites();
        let ours = solve(&lattice, &displacement, &Silent).unwrap();
        for (at, (a, b)) in ours.energy.iter().zip(&energy).enumerate() {
            assert!((a - b).abs() < 1e-10, "L = {size}, energy {at}: {a} for {b}");
        }
        for (at, (a, b)) in ours.mode_area.iter().zip(&mode_area).enumerate() {
            // A mode is known only as well as it is apart from its neighbours in energy.
            let (sample, mode) = (at / sites, order[at] as usize);
            let levels = &energy[sample * sites..][..sites];
            let apart = |other: Option<&f64>| other.map_or(f64::INFINITY, |e| (e - levels[mode]).abs());
            let gap = apart(mode.checked_sub(1).map(|m| &levels[m])).min(apart(levels.get(mode + 1)));
            assert!((a - b).abs() < f64::max(1e-9, 1e-13 / gap), "L = {size}, mode area {at}: {a} for {b}, gap {gap:.1e}");
        }
    }
}

#[test]
fn check_values_of_the_specification() {
    let lattice = Lattice::default();
    let close = |a: f64, b: f64, tolerance: f64| assert!((a - b).abs() < tolerance, "{a} for {b}");
    let crystal = solve(&lattice, &vec![0.0; 512], &Silent).unwrap();
    close(crystal.energy[0], 0.982717308902, 1e-11);
    close(crystal.energy[255], 1.117231330094, 1e-11);
    close(crystal.energy.iter().map(|e| e * e).sum(), 256.1532865227, 1e-9);

    let site = |n: usize| ((n / 16) as f64, (n % 16) as f64);
    let x = (0..256).map(site).map(|(nx, ny)| 0.2 * (3.0 * nx + ny).sin());
    let y = (0..256).map(site).map(|(nx, ny)| 0.2 * (nx - 2.0 * ny).cos());
    let deformed = solve(&lattice, &x.chain(y).collect::<Vec<_>>(), &Silent).unwrap();
    close(deformed.energy[0], 0.981076415227, 1e-11);
    close(deformed.energy[255], 1.119918257400, 1e-11);
    close(average_mode_area(&deformed.mode_area), 0.2374252776, 1e-9);
    close(deformed.mode_area[0], 0.0209220718, 1e-9);
    close(deformed.mode_area[255], 0.5642748788, 1e-9);
}

#[test]
fn the_reference_attack() {
    let mut npz = reference("attack_16.npz");
    let mut get = |key: &str| npz.array(key).unwrap().values;
    let atoms = get("atom").iter().map(|a| *a as usize).collect();
    let attack = Attack { atoms, theta: get("theta"), rho_a: get("rho_a")[0], modes: Modes::Sorted };
    let shift = attack.strike(&Cpu::<f64>::new(), &Labels::default(), &Lattice::default(), &get("displacement"), &Silent).unwrap();
    for (a, b) in shift.delta_mode_area.iter().zip(&get("delta_mode_area")) {
        assert!((a - b).abs() < 1e-8, "{a} for {b}");
    }
}

fn spec(start: u64, count: u64) -> Spec {
    let amplitudes = Amplitudes { rho_max: 0.6, sigma_max: 0.6 };
    Spec { seed: 9, start, count, lattice: Lattice { size: 4, ..Lattice::default() }, amplitudes, labels: Labels::default() }
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn made(folder: &Path, name: &str, spec: &Spec) -> PathBuf {
    let out = folder.join(name);
    generate(&Cpu::<f64>::new(), spec, &out, &Silent).unwrap();
    out
}

#[test]
fn a_sample_depends_on_seed_and_index_alone() {
    let folder = tempfile::tempdir().unwrap();
    let whole = made(folder.path(), "whole.npz", &spec(0, 1500));
    let part = made(folder.path(), "part.npz", &spec(1000, 100));
    for key in ["displacement", "mode_area", "energy", "order", "rho", "sigma", "index"] {
        let get = |path: &Path| Npz::open(path).unwrap().array(key).unwrap();
        let (whole, part) = (get(&whole), get(&part));
        let width = part.values.len() / 100;
        assert_eq!(part.values, whole.values[1000 * width..1100 * width], "{key}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        bytes(&pool.install(|| made(folder.path(), &format!("{threads}.npz"), &spec(0, 200))))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(3));
}

/// Asks to stop at the n-th question.
struct StopAfter(AtomicU64);

impl Progress for StopAfter {
    fn stop(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 1
    }
}

#[test]
fn an_interrupted_set_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = bytes(&made(folder.path(), "undisturbed.npz", &spec(0, 2500)));
    let out = folder.path().join("interrupted.npz");
    let stopped = generate(&Cpu::<f64>::new(), &spec(0, 2500), &out, &StopAfter(AtomicU64::new(1500))).unwrap_err();
    assert!(stopped.to_string().contains("1024 of 2500 samples are saved; the same command goes on"), "{stopped}");
    assert!(!out.exists());
    let parts = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "parts"));
    assert!(parts.unwrap().join("shard-000000.npz").exists(), "the shard drawn before the stop is kept");
    generate(&Cpu::<f64>::new(), &spec(0, 2500), &out, &Silent).unwrap();
    assert_eq!(bytes(&out), undisturbed);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "parts are gone");
}

/// The file that a job leaves which is cut at the n-th question and called again, and the same undisturbed.
fn cut_and_whole(questions: u64, saved: &str, job: impl Fn(&Path, &dyn Progress) -> scalefree::Result<()>) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let [cut, whole] = ["cut.npz", "whole.npz"].map(|name| folder.path().join(name));
    let stopped = job(&cut, &StopAfter(AtomicU64::new(questions))).unwrap_err();
    assert!(stopped.to_string().contains(saved), "{stopped}");
    assert!(!cut.exists());
    job(&cut, &Silent).unwrap();
    job(&whole, &Silent).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "shards are gone");
    [cut, whole].map(|path| bytes(&path))
}

#[test]
fn interrupted_solves_and_attacks_go_on_to_the_same_bytes() {
    let (device, labels, lattice) = (Cpu::<f64>::new(), Labels::default(), spec(0, 1).lattice);
    let displacement: Vec<f64> = (0..1500 * 32).map(|k| 0.4 * f64::from(k * k % 1009).sin()).collect();
    let [cut, whole] = cut_and_whole(1200, "1024 of 1500 lattices are saved; the same command goes on", |out, progress| {
        solve_beside(&device, &labels, &lattice, &displacement, out, <[f64]>::to_vec, progress)?.join(out, |_| Ok(()))
    });
    assert_eq!(cut, whole);

    let some = &displacement[..300 * 32];
    let attack = |structure| Attack::everywhere(&lattice, 2, 1, structure);
    let [cut, whole] = cut_and_whole(5000, "128 of 300 structures are saved; the same command goes on", |out, progress| {
        Attacked::beside(&device, &labels, &lattice, some, out, attack, progress)?.join(out, |npz| npz.array("rho_a", &[], &[0.01]))
    });
    assert_eq!(cut, whole);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("attack.npz");
    std::fs::write(&path, whole).unwrap();
    let all = Attacked::read(&path).unwrap();
    for (k, (displacement, changes)) in some.chunks(32).zip(all.delta_mode_area.chunks(16 * 2 * 16)).enumerate() {
        let alone = attack(k as u64).unwrap().strike(&device, &labels, &lattice, displacement, &Silent).unwrap();
        assert_eq!(alone.delta_mode_area, changes, "structure {k}");
    }
}

#[test]
fn a_shard_that_cannot_be_written_ends_the_set_with_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = made(folder.path(), "undisturbed", &spec(0, 3100));
    let set = made(folder.path(), "set", &spec(0, 3100));
    let manifest = bytes(&set.join("manifest.json"));
    for shard in [1, 2, 3] {
        std::fs::remove_file(set.join(format!("shard-00000{shard}.npz"))).unwrap();
    }
    let in_the_way = set.join("shard-000002.npz");
    std::fs::create_dir_all(in_the_way.join("something")).unwrap();
    let error = generate(&Cpu::<f64>::new(), &spec(0, 3100), &set, &Silent).unwrap_err();
    assert!(matches!(error, Error::Write { .. }) && error.to_string().contains("shard-000002.npz"), "{error}");
    assert!(set.join("shard-000001.npz").exists() && !set.join("shard-000003.npz").exists());
    std::fs::remove_dir_all(in_the_way).unwrap();
    generate(&Cpu::<f64>::new(), &spec(0, 3100), &set, &Silent).unwrap();
    assert_eq!(bytes(&set.join("manifest.json")), manifest);
    for shard in 0..4 {
        let [set, undisturbed] = [&set, &undisturbed].map(|folder| bytes(&folder.join(format!("shard-00000{shard}.npz"))));
        assert!(set == undisturbed, "shard {shard}");
    }
}

#[test]
fn a_damaged_shard_is_made_again_and_another_set_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let set = made(folder.path(), "set", &spec(0, 2100));
    let shard = set.join("shard-000001.npz");
    let sound = bytes(&shard);
    std::fs::write(&shard, &sound[..1000]).unwrap();
    generate(&Cpu::<f64>::new(), &spec(0, 2100), &set, &Silent).unwrap();
    assert_eq!(bytes(&shard), sound);
    // What reads the folder reads no other shards.
    let manifest = String::from_utf8(bytes(&set.join("manifest.json"))).unwrap();
    for (forged, words) in [
        (manifest.replace("shard-000001.npz", "../set/shard-000001.npz"), "no shard's name"),
        (manifest.replace("\"size\": 4", "\"size\": 5"), "has 1024 lattices of 4 sites a side"),
    ] {
        assert_ne!(forged, manifest);
        std::fs::write(set.join("manifest.json"), forged).unwrap();
        let error = load_labelled(&set).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    // Counts that no shard has are refused, however large, and made true again.
    let forged = manifest.replacen("\"count\": 1024", &format!("\"count\": {}", u64::MAX), 1);
    std::fs::write(set.join("manifest.json"), forged).unwrap();
    assert!(load_labelled(&set).unwrap_err().to_string().contains("of 2100 samples are there"));
    generate(&Cpu::<f64>::new(), &spec(0, 2100), &set, &Silent).unwrap();
    assert_eq!(bytes(&set.join("manifest.json")), manifest.as_bytes());
    assert_eq!(load_labelled(&set).unwrap().structures.count, 2100);
    std::fs::write(&shard, &sound[..1000]).unwrap();
    assert!(load_labelled(&set).unwrap_err().to_string().contains("run the same generate again"));
    let error = generate(&Cpu::<f64>::new(), &spec(0, 2101), &set, &Silent).unwrap_err();
    assert!(error.to_string().contains("belongs to another set"), "{error}");
}
