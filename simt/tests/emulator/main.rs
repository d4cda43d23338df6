//! The emulator under test: small kernels of its own, compiled at the start, each case in a process that loads one variant.

mod checker;
mod driver;
mod gpu;
mod kernels;
mod solver;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::{env, fs};

use libtest_mimic::{Arguments, Failed, Trial};
use simt::{Build, Profile};

/// One case: a function that runs in a process where a variant answers as the CUDA driver, and what that process must print.
pub struct Case {
    name: String,
    profile: Profile,
    build: Build,
    settings: Vec<(&'static str, &'static str)>,
    run: Box<dyn Fn() + Send + Sync>,
    /// What its stderr must contain; nothing may be said where nothing is expected.
    says: &'static [&'static str],
}

impl Case {
    fn new(name: impl Into<String>, run: impl Fn() + Send + Sync + 'static) -> Self {
        let build = Build::Plain;
        Self { name: name.into(), profile: Profile::Sm89, build, settings: Vec::new(), run: Box::new(run), says: &[] }
    }

    fn on(mut self, profile: Profile, build: Build) -> Self {
        (self.profile, self.build) = (profile, build);
        self
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    fn says(mut self, parts: &'static [&'static str]) -> Self {
        self.says = parts;
        self
    }
}

/// Names the case that a child process is to run.
const CHILD: &str = "SIMT_TEST_CASE";

fn main() -> ExitCode {
    let cases: Vec<Case> = [checker::cases(), kernels::cases(), driver::cases(), solver::cases()].into_iter().flatten().collect();
    if let Ok(name) = env::var(CHILD) {
        if let Some((_, run)) = kernels::TESTS.iter().find(|(test, _)| *test == name) {
            run();
            return ExitCode::SUCCESS;
        }
        let case = cases.iter().find(|case| case.name == name).expect("a case of that name");
        (case.run)();
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::from_args();
    // A child is a process anyway; more of them than processors only slow each other down.
    arguments.test_threads = arguments.test_threads.or(std::thread::available_parallelism().ok().map(|count| count.get()));
    let libraries = if simt::is_built() { compile() } else { Err("there is no emulator on this machine".into()) };
    let libraries = Arc::new(libraries);
    let nvcc = card_compiler();
    let on_card = kernels::TESTS.iter().map(|&(name, _)| {
        let (ignored, nvcc) = (nvcc.is_none(), nvcc.clone().unwrap_or_default());
        Trial::test(format!("card::{name}"), move || run_on_card(name, &nvcc)).with_ignored_flag(ignored)
    });
    let on_card: Vec<Trial> = on_card.collect();
    let trials = cases.into_iter().map(|case| {
        let missing = libraries.is_err() && !simt::is_built();
        let libraries = libraries.clone();
        Trial::test(case.name.clone(), move || run_in_child(&case, libraries.as_ref().as_ref()?)).with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.chain(on_card).collect()).exit_code()
}

/// All variants of the test kernels, in folders below the one returned.
fn compile() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernels/include");
    let copy = |from: &Path, to: &Path| fs::copy(from, to).map(|_| ()).map_err(|error| format!("{}: {error}", from.display()));
    fs::create_dir_all(root.join("kernels/include")).map_err(|error| error.to_string())?;
    for name in ["right.cu", "faults.cu"] {
        copy(&own.join(name), &root.join("kernels").join(name))?;
    }
    copy(&include.join("simt.cuh"), &root.join("kernels/include/simt.cuh"))?;
    for profile in Profile::ALL {
        for build in Build::ALL {
            simt::compile(&root.join("kernels"), profile, build, &root.join(variant(profile, build)))?;
        }
    }
    Ok(root)
}

fn variant(profile: Profile, build: Build) -> String {
    format!("{profile:?}-{build:?}")
}

fn run_in_child(case: &Case, libraries: &Path) -> Result<(), Failed> {
    let folder = libraries.join(variant(case.profile, case.build));
    let mut command = Command::new(env::current_exe()?);
    command.env(CHILD, &case.name).env("LD_LIBRARY_PATH", folder).envs(case.settings.iter().copied());
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{}\n{said}", output.status).into());
    }
    if let Some(missing) = case.says.iter().find(|part| !said.contains(**part)) {
        return Err(format!("{missing:?} is not in\n{said}").into());
    }
    if case.says.is_empty() && !said.is_empty() {
        return Err(format!("unexpected:\n{said}").into());
    }
    Ok(())
}

/// The CUDA compiler of a machine that has a card: its driver is there, and nvcc in `$NVCC`, on the path or in `.cuda/`.
fn card_compiler() -> Option<PathBuf> {
    // SAFETY: opening the library runs its initialisers only.
    if !unsafe { cudarc::driver::sys::is_culib_present() } {
        return None;
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cuda/nvidia/cu13/bin/nvcc");
    let candidates = [env::var_os("NVCC").map(PathBuf::from), Some("nvcc".into()), Some(own)];
    candidates
        .into_iter()
        .flatten()
        .find(|program| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success()))
}

/// What the emulator was taught about the wrappers of `simt.cuh`, asked of a real card.
fn run_on_card(name: &str, nvcc: &Path) -> Result<(), Failed> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.fatbin"));
    let mut compile = Command::new(nvcc);
    compile.args(["-fatbin", "-arch=native", "-std=c++17", "-fmad=false", "-I"]).arg(home.join("../kernels/include"));
    let compiled = compile.arg(home.join("tests/kernels/right.cu")).arg("-o").arg(&image).output()?;
    if !compiled.status.success() {
        return Err(String::from_utf8_lossy(&compiled.stderr).into_owned().into());
    }
    let output = Command::new(env::current_exe()?).env(CHILD, name).env(gpu::IMAGE, &image).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}
