//! The program as a user runs it: what comes out, and what is said of bad input (exit code 2, a message that names the fault, an
//! existing output untouched).

mod bench;
mod input;
mod models;
mod output;
mod reproduce;
mod sweep;
mod train;

use scalefree::dataset::npz::Npz;
use scalefree::nn::{Architecture, DType, Init, Kind, Model, Pool, initialise};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn scalefree(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scalefree")).args(arguments).current_dir(folder).output().unwrap()
}

fn succeeds(arguments: &[&str], folder: &Path) -> String {
    let output = scalefree(arguments, folder);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Fails with code 2, and says each of the words.
fn refuses(arguments: &[&str], folder: &Path, words: &[&str]) {
    let output = scalefree(arguments, folder);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} should say {word:?}, but says: {said}");
    }
}

/// Kills a child at each of the times in ms, and tells how many were at work on their `--out` then: a kill before or after that tries nothing.
fn ended_by_kill(arguments: &[&str], folder: &Path, moments: impl Iterator<Item = u64>) -> usize {
    // A fast machine is still at work then; on a slow one every moment is early.
    const EARLY: [u64; 5] = [0, 1, 2, 5, 10];
    let out = arguments.iter().skip_while(|argument| **argument != "--out").nth(1).expect("an --out");
    let begun = || std::fs::read_dir(folder).unwrap().flatten().any(|entry| entry.file_name().to_string_lossy().contains(out));
    let mut ended = 0;
    for moment in EARLY.into_iter().chain(moments) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scalefree"));
        let mut child = command.args(arguments).current_dir(folder).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        let begun = begun();
        child.kill().unwrap();
        // A child that was over by itself has an exit code.
        ended += usize::from(child.wait().unwrap().code().is_none() && begun);
    }
    ended
}

/// A header of NPY version 1, then the data.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    header.push_str(&" ".repeat(63 - (10 + header.len()) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn le<const W: usize>(values: impl IntoIterator<Item = [u8; W]>) -> Vec<u8> {
    values.into_iter().flatten().collect()
}

/// A folder with models for 8 x 8 lattices and a displacement to try them on.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for kind in [Kind::D2l, Kind::L2d] {
            let architecture = Architecture { kind, size: 8, filters: vec![3, 4], pool: Pool::Each, hidden: 6 };
            let values = initialise(&architecture, Init::Glorot, 1.0, 1);
            let model = Model { architecture, values, scaling: None, notes: serde_json::Map::new() };
            model.write(&folder.path().join(format!("{}.safetensors", kind.key())), DType::F32).unwrap();
        }
        let bench = Bench { folder };
        let displacement: Vec<f64> = (0..128).map(|i| 0.2 * f64::from(i).sin()).collect();
        bench.put("good.npy", &npy("<f8", false, "(1, 2, 8, 8)", &le(displacement.iter().map(|v| v.to_le_bytes()))));
        bench
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn mode_area(&self, name: &str) -> Vec<f64> {
        Npz::open(&self.path().join(name)).unwrap().array("mode_area").unwrap().values
    }
}

const SMALL: &[&str] = &["--set", "d2l.filters=[4,6]", "--set", "d2l.hidden=16", "--set", "d2l.batch=10", "--set", "d2l.epochs=3"];

/// The whole paper on lattices of 64 sites.
fn tiny<'a>(out: &'a str, settings: &'a [String]) -> Vec<&'a str> {
    let mut arguments = vec!["reproduce", "--quiet", "--device", "cpu", "--out", out];
    settings.iter().for_each(|setting| arguments.extend(["--set", setting.as_str()]));
    arguments
}

fn tiny_settings() -> Vec<String> {
    let sizes = [
        "data.train=60",
        "data.validation=20",
        "data.test=40",
        "data.sets=30",
        "lattice.size=8",
        "attack.angles=2",
        "attack.pairs=2",
        "attack.sweep=[0.01]",
        "attack.sweep_angles=1",
        "attack.repeats=2",
        "powerlaw.bootstrap=4",
        "branches.matched=true",
        "branches.one_pool=true",
        "one_pool.filters=[2,3]",
        "sweep.train=30",
        "sweep.epochs=2",
        "sweep.keep=[0.5]",
        "sweep.l2_scale=[1e-4]",
    ];
    let networks =
        ["d2l", "l2d"].into_iter().flat_map(|n| ["filters=[4,6]", "hidden=16", "batch=10", "epochs=2"].map(|key| format!("{n}.{key}")));
    sizes.iter().map(|s| (*s).to_string()).chain(networks).collect()
}

fn file(path: &Path, name: &str) -> Vec<u8> {
    std::fs::read(path.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every file of a folder and its folders, but for the time that each stage took, and for what is hidden: the lock, and what a killed
/// write left, which no one reads.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if entry.is_dir() {
            files.extend(contents(&entry));
        } else if !entry.ends_with("timings.json") && !entry.ends_with("report.html") {
            files.push((entry.clone(), std::fs::read(&entry).unwrap()));
        }
    }
    files.sort();
    files
}

fn relative(files: Vec<(PathBuf, Vec<u8>)>, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files.into_iter().map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes)).collect()
}
