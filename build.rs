//! Compiles kernels/*.cu with nvcc into fatbins that the program embeds, and leaves what ptxas said of them for the tests.
//!
//! Without a CUDA compiler, or where it fails, the build goes on without kernels: the program then says what is missing when someone
//! asks for the card. Fatbins are cached in the target folder by the hash of what they are made from, so that only a changed kernel
//! is compiled, once for all profiles.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, io, thread};

/// The PTX that are made, and the machine code that is made from each: RTX 20; A100, RTX 30, RTX 40, H100; B200, RTX 50. Making PTX is most
/// of a build. One for each card would give the same instructions; that of 8.0 would cost the last two a tenth more.
const ARCHITECTURES: [(&str, &[&str]); 3] = [("75", &["75"]), ("80", &["80", "86", "89", "90"]), ("100", &["100", "120"])];

/// One PTX beside it, for every card from 8.0 on that is none of these, the next generation's too. Not 7.5: the kernels leave out
/// there what only newer cards have, and a newer card would take the gap.
const PTX: &str = "80";

/// No contraction: a kernel rounds where its text says so, on every device alike.
const FLAGS: [&str; 9] = ["-fatbin", "-O3", "-std=c++17", "-fmad=false", "-Werror", "all-warnings", "-Xptxas", "-v", "-Ikernels/include"];

/// The oldest compiler that knows all the architectures.
const NEEDED: (u32, u32) = (12, 8);

fn main() {
    for path in ["build.rs", "kernels"] {
        println!("cargo:rerun-if-changed={path}");
    }
    for variable in ["NVCC", "CUDA_HOME"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let (toolkit, fault) = match compile(&out) {
        Ok(Some(toolkit)) => (toolkit, String::new()),
        Ok(None) => (String::new(), String::new()),
        Err(fault) => (String::new(), fault),
    };
    if toolkit.is_empty() {
        // A build whose folder cannot be written fails by itself, with the compiler's words.
        let _ = fs::write(out.join("kernels.rs"), "&[]").and_then(|()| fs::write(out.join("ptxas.log"), ""));
    }
    let fault = fault.lines().next().unwrap_or_default();
    if !fault.is_empty() {
        println!("cargo:warning=no kernels in this build: {fault}");
    }
    println!("cargo:rustc-env=SCALEFREE_TOOLKIT={toolkit}");
    let cards: Vec<String> = ARCHITECTURES.iter().flat_map(|(_, cards)| machine_code(cards)).collect();
    println!("cargo:rustc-env=SCALEFREE_ARCHITECTURES={}", cards.join(" "));
    println!("cargo:rustc-env=SCALEFREE_KERNEL_FAULT={fault}");
}

/// Compiles whatever changed, and writes kernels.rs and ptxas.log. The compiler's version, or `None` where there is none.
fn compile(out: &Path) -> Result<Option<String>, String> {
    let kernels = files("kernels", "cu");
    let Some((nvcc, version)) = nvcc().filter(|_| !kernels.is_empty()) else { return Ok(None) };
    // target[/triple]/PROFILE/build/PACKAGE/out
    let cache = out.ancestors().nth(4).unwrap_or(out).join("kernels");
    fs::create_dir_all(&cache).map_err(|e| format!("{}: {e}", cache.display()))?;

    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let jobs = env::var("NUM_JOBS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_usize);
    thread::scope(|scope| {
        for _ in 0..jobs.min(kernels.len()) {
            scope.spawn(|| {
                while let Some(kernel) = kernels.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = fatbin(&nvcc, &version, kernel, &cache);
                    done.lock().unwrap_or_else(|e| e.into_inner()).push((kernel, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(kernel, _)| *kernel);

    let (mut table, mut log) = (String::new(), String::new());
    for (kernel, result) in done {
        let (made, said) = result?;
        let name = format!("{}.fatbin", stem(kernel));
        fs::copy(&made, out.join(&name)).map_err(|e| format!("{}: {e}", made.display()))?;
        table += &format!("include_bytes!({:?}), ", out.join(&name));
        log += &format!("# {}\n{said}", kernel.display());
    }
    let written = fs::write(out.join("kernels.rs"), format!("&[{table}]")).and_then(|()| fs::write(out.join("ptxas.log"), log));
    written.map_err(|e| format!("{}: {e}", out.display()))?;
    Ok(Some(version))
}

/// The fatbin of `kernel` in the cache, made where it is not there yet, and what ptxas said of it.
fn fatbin(nvcc: &Path, version: &str, kernel: &Path, cache: &Path) -> Result<(PathBuf, String), String> {
    let mut hasher = DefaultHasher::new();
    (version, FLAGS, ARCHITECTURES, PTX).hash(&mut hasher);
    for file in includes(kernel) {
        fs::read(&file).unwrap_or_default().hash(&mut hasher);
    }
    let made = cache.join(format!("{}-{:016x}.fatbin", stem(kernel), hasher.finish()));
    let log = made.with_extension("log");
    if let (true, Ok(said)) = (made.exists(), fs::read_to_string(&log)) {
        return Ok((made, said));
    }
    let part = made.with_extension(format!("{}.part", std::process::id()));
    let mut command = Command::new(nvcc);
    command.args(FLAGS).arg("-o").arg(&part).arg(kernel);
    for (ptx, cards) in ARCHITECTURES {
        let embedded = (ptx == PTX).then(|| format!("compute_{PTX}"));
        let code: Vec<String> = machine_code(cards).chain(embedded).collect();
        command.arg("-gencode").arg(format!("arch=compute_{ptx},code=[{}]", code.join(",")));
    }
    let output = command.output().map_err(|e| format!("{}: {e}", nvcc.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        // The whole of it, for whoever reads cargo's output of this script; the first line that names an error, for the rest.
        eprintln!("{said}");
        let error = said.lines().find(|line| line.contains("error")).unwrap_or("nvcc failed").to_string();
        return Err(format!("{}: {error}", kernel.display()));
    }
    let stale = files(cache, "fatbin").into_iter().filter(|old| stem(old).rsplit_once('-').is_some_and(|(name, _)| name == stem(kernel)));
    // Another build may have made the same meanwhile, and be about to read it.
    for old in stale.filter(|old| *old != made) {
        let _ = fs::remove_file(old.with_extension("log"));
        let _ = fs::remove_file(old);
    }
    let kept: io::Result<()> = fs::write(&log, &said).and_then(|()| fs::rename(&part, &made));
    kept.map_err(|e| format!("{}: {e}", made.display()))?;
    Ok((made, said))
}

/// The names of the machine code of `cards`.
fn machine_code<'a>(cards: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    cards.iter().map(|card| format!("sm_{card}"))
}

/// The first compiler that is new enough, with its version.
fn nvcc() -> Option<(PathBuf, String)> {
    let named = env::var_os("NVCC").map(PathBuf::from);
    let home = env::var_os("CUDA_HOME").map(|home| Path::new(&home).join("bin/nvcc"));
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::split_paths(&path).map(|folder| folder.join("nvcc")).collect::<Vec<_>>();
    let usual = PathBuf::from("/usr/local/cuda/bin/nvcc");
    // Where scripts/cuda-toolkit.sh puts it.
    let local = fs::read_dir(".cuda/nvidia").into_iter().flatten().flatten().map(|folder| folder.path().join("bin/nvcc"));
    let mut candidates = named.into_iter().chain(home).chain(path).chain([usual]).chain(local);
    candidates.find_map(|nvcc| {
        let output = Command::new(&nvcc).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().find_map(|word| word.strip_prefix('V'))?;
        let mut numbers = version.split('.').map(|n| n.parse::<u32>());
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
        ((major, minor) >= NEEDED).then(|| (nvcc, version.to_string()))
    })
}

/// `file` and everything that it includes from kernels/include, in a fixed order.
fn includes(file: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![file.to_owned()]);
    while let Some(file) = waiting.pop() {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("#include \"")?.split('"').next());
        waiting.extend(names.map(|name| Path::new("kernels/include").join(name)).filter(|path| !found.contains(path)));
        found.insert(file);
    }
    found
}

/// The files of that kind in a folder, sorted.
fn files(folder: impl AsRef<Path>, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
