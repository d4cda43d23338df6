//! From kernels to libraries, with the machine's C++ compiler. Shared by the build script and by tests that change a kernel.
//!
//! A source is preprocessed first (the emulator's own once a process), and its object is kept under the hash of what came out: profiles
//! that a kernel does not tell apart share an object, and a changed header costs only the files in which it changes something.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

/// The card that is emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Turing: 64 KiB of shared memory, no TF32, BF16 or asynchronous copies.
    Sm75,
    /// Ada.
    Sm89,
    /// Hopper.
    Sm90,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sm75, Self::Sm89, Self::Sm90];

    /// 75, 89 or 90.
    pub fn number(self) -> u32 {
        match self {
            Self::Sm75 => 75,
            Self::Sm89 => 89,
            Self::Sm90 => 90,
        }
    }
}

/// How much a library checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Build {
    /// Barriers, warp operations, guard zones, alignment of copies.
    Plain,
    /// Also every access to memory: bounds, races, reads of what was never written. Many times slower.
    Checking,
}

impl Build {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Checking];
}

/// The name of a variant's folder.
pub fn folder_name(profile: Profile, build: Build) -> String {
    format!("sm_{}-{}", profile.number(), if build == Build::Plain { "plain" } else { "checking" })
}

/// A C++ compiler and the place where its objects are kept.
pub struct Compiler {
    program: String,
    version: String,
    architecture: &'static str,
    home: PathBuf,
    objects: PathBuf,
}

/// One source and how to compile it: in `folder`, so that messages name it without a path. `definitions` matter to the preprocessor only.
struct Unit {
    folder: PathBuf,
    source: PathBuf,
    definitions: Vec<String>,
    flags: &'static [&'static str],
    /// Is it the emulator's, and no kernel?
    own: bool,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

const RUNTIME: &[&str] = &["-O2", "-Wall", "-Wextra"];
// No contraction: what is fused is written as fmaf. The checker sees the accesses that the kernel makes if the compiler widens none.
const KERNEL_PLAIN: &[&str] = &["-O2", "-ffp-contract=off", "-Wno-unknown-pragmas"];
const KERNEL_CHECKING: &[&str] =
    &["-O1", "-ffp-contract=off", "-Wno-unknown-pragmas", "-fno-tree-vectorize", "-fsanitize=thread", "-fsanitize=alignment"];

impl Compiler {
    /// `$CXX`, or else `c++` or `g++`. `home` is this crate's folder and `output` its build script's; objects are kept at the top of
    /// the target folder, where the builds of all of cargo's profiles find them.
    pub fn find(home: &Path, output: &Path) -> Result<Self, String> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err("it runs on Linux on x86-64 only".into());
        }
        let named = std::env::var("CXX").ok();
        let candidates = named.as_deref().map_or(vec!["c++", "g++"], |name| vec![name]);
        for program in &candidates {
            let Ok(answer) = Command::new(program).arg("--version").output() else { continue };
            if answer.status.success() {
                return Ok(Self {
                    program: program.to_string(),
                    version: String::from_utf8_lossy(&answer.stdout).into_owned(),
                    architecture: architecture(),
                    home: home.to_path_buf(),
                    objects: output.ancestors().nth(4).unwrap_or(output).join("simt"),
                });
            }
        }
        Err(format!("no C++ compiler ({}); install g++, or name one in CXX", candidates.join(", ")))
    }

    /// Compiles all kernels of a folder for each variant, and links each into its own folder.
    pub fn compile(&self, kernels: &Path, wanted: &[(Profile, Build, PathBuf)]) -> Result<(), String> {
        fs::create_dir_all(&self.objects).map_err(|error| format!("{}: {error}", self.objects.display()))?;
        let mut units = vec![self.solver()];
        let mut variants = Vec::new();
        for &(profile, build, _) in wanted {
            let first = units.len();
            units.extend(self.units(kernels, profile, build)?);
            variants.push(first..units.len());
        }
        let (objects, texts): (Vec<PathBuf>, Vec<Option<Vec<u8>>>) = in_parallel(&units, |unit| self.object(unit))?.into_iter().unzip();
        let missing: BTreeMap<&PathBuf, (&Unit, &Vec<u8>)> = objects
            .iter()
            .zip(units.iter().zip(&texts))
            .filter_map(|(object, (unit, text))| Some((object, (unit, text.as_ref()?))))
            .collect();
        in_parallel(&missing.into_iter().collect::<Vec<_>>(), |&(object, (unit, text))| self.translate(unit, text, object))?;
        for ((_, _, folder), range) in wanted.iter().zip(variants) {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            self.link(&objects[range], &folder.join("libcuda.so"))?;
            self.link(&objects[..1], &folder.join("libcusolver.so"))?;
        }
        self.forget(&objects);
        Ok(())
    }

    /// Removes objects that are older than a day and not among these. Younger ones may be another process's.
    fn forget(&self, kept: &[PathBuf]) {
        let kept: BTreeSet<&PathBuf> = kept.iter().collect();
        for entry in fs::read_dir(&self.objects).into_iter().flatten().flatten() {
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|made| made.elapsed().ok());
            if age.is_some_and(|age| age > DAY) && !kept.contains(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn solver(&self) -> Unit {
        Unit { folder: self.home.join("solver"), source: "cusolver.cpp".into(), definitions: Vec::new(), flags: RUNTIME, own: true }
    }

    fn units(&self, kernels: &Path, profile: Profile, build: Build) -> Result<Vec<Unit>, String> {
        let checking = build == Build::Checking;
        let include = format!("-I{}", self.home.join("include").display());
        let mut units = Vec::new();
        for source in sources(&self.home.join("runtime"), "cpp")? {
            let mut definitions = vec![include.clone(), format!("-DSIMT_PROFILE={}", profile.number())];
            definitions.extend(checking.then(|| "-DSIMT_CHECKING".into()));
            units.push(Unit { folder: self.home.join("runtime"), source, definitions, flags: RUNTIME, own: true });
        }
        for source in sources(kernels, "cu")? {
            let definitions =
                vec!["-Iinclude".into(), include.clone(), "-DSIMT_HOST".into(), format!("-D__CUDA_ARCH__={}", profile.number() * 10)];
            units.push(Unit {
                folder: kernels.into(),
                source,
                definitions,
                flags: if checking { KERNEL_CHECKING } else { KERNEL_PLAIN },
                own: false,
            });
        }
        Ok(units)
    }

    /// What every call of the compiler for this unit has in common.
    fn command(&self, unit: &Unit) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&unit.folder).args(["-std=c++17", "-fPIC", "-fvisibility=hidden", "-g1", self.architecture]).args(unit.flags);
        command.arg(format!("-ffile-prefix-map={}=.", unit.folder.display()));
        command
    }

    fn preprocess(&self, unit: &Unit) -> Result<Vec<u8>, String> {
        let mut command = self.command(unit);
        command.args(["-E", "-fno-working-directory", "-x", "c++"]).args(&unit.definitions).arg(&unit.source);
        run(&mut command)
    }

    /// Where the unit's object is kept, and its preprocessed text if that object is still to be made. The emulator's own sources stay as
    /// they are while a process runs, so one look at them is enough; kernels may change.
    fn object(&self, unit: &Unit) -> Result<(PathBuf, Option<Vec<u8>>), String> {
        static OWN: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
        let own = unit.own.then(|| format!("{} {} {:?}", self.program, unit.folder.join(&unit.source).display(), unit.definitions));
        let known = own.as_ref().and_then(|own| OWN.lock().expect("no worker panics").get(own).cloned());
        if let Some(object) = known.filter(|object| object.exists()) {
            return Ok((object, None));
        }
        let text = self.preprocess(unit)?;
        let mut hasher = DefaultHasher::new();
        (&self.program, &self.version, self.architecture, unit.flags, &text).hash(&mut hasher);
        let object = self.objects.join(format!("{:016x}.o", hasher.finish()));
        if let Some(own) = own {
            OWN.lock().expect("no worker panics").insert(own, object.clone());
        }
        let made = object.exists();
        Ok((object, (!made).then_some(text)))
    }

    fn translate(&self, unit: &Unit, text: &[u8], object: &Path) -> Result<(), String> {
        // Other threads and processes may be making the same object.
        static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
        let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
        let unique = object.with_extension(format!("{}-{attempt}.ii", std::process::id()));
        let unfinished = unique.with_extension("part");
        let fault = |error: io::Error| format!("{}: {error}", object.display());
        fs::write(&unique, text).map_err(fault)?;
        let mut command = self.command(unit);
        command.args(["-c", "-x", "c++-cpp-output"]).arg(&unique).arg("-o").arg(&unfinished);
        let result = run(&mut command).map_err(|text| format!("{}: {text}", unit.source.display()));
        fs::remove_file(&unique).map_err(fault)?;
        result?;
        fs::rename(&unfinished, object).map_err(fault)
    }

    /// The library's own name must be the file's: a program that asks for it later is given this one, even where a real driver exists.
    fn link(&self, objects: &[PathBuf], library: &Path) -> Result<(), String> {
        let names: Vec<String> = objects.iter().map(|object| object.display().to_string()).collect();
        let record = library.with_extension("objects");
        let contents = names.join("\n");
        if library.exists() && fs::read_to_string(&record).is_ok_and(|text| text == contents) {
            return Ok(());
        }
        let name = library.file_name().expect("a library has a name").to_string_lossy().into_owned();
        let unfinished = library.with_extension(format!("{}.part", std::process::id()));
        let mut command = Command::new(&self.program);
        command.args(["-shared", "-pthread", "-Wl,--no-undefined", "-Wl,-Bsymbolic", "-Wl,-z,nodelete"]);
        command.arg(format!("-Wl,-soname,{name}")).arg("-o").arg(&unfinished).args(objects).arg("-ldl");
        run(&mut command)?;
        let fault = |error: io::Error| format!("{}: {error}", library.display());
        fs::rename(&unfinished, library).map_err(fault)?;
        fs::write(&record, contents).map_err(fault)
    }
}

/// Without FMA instructions `fmaf` would be a call into the mathematics library.
fn architecture() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("lzcnt")
    {
        return "-march=x86-64-v3";
    }
    "-mtune=generic"
}

fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| name.extension().is_some_and(|found| found == extension))
        .collect();
    names.sort();
    Ok(names)
}

fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Results in the order of the items; the first error ends the work.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R, String> + Sync) -> Result<Vec<R>, String> {
    let next = Mutex::new(0..items.len());
    let results = Mutex::new(BTreeMap::new());
    let take = || next.lock().expect("no worker panics").next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |count| count.get()) {
            scope.spawn(|| {
                while let Some(index) = take() {
                    let result = work(&items[index]);
                    if result.is_err() {
                        *next.lock().expect("no worker panics") = 0..0;
                    }
                    results.lock().expect("no worker panics").insert(index, result);
                }
            });
        }
    });
    results.into_inner().expect("no worker panics").into_values().collect()
}
