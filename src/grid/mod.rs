//! A sweep: reproductions at many settings, a folder each in `runs/`, and one table over all of them.
//!
//! Runs come in the order of their [`Plan`]. Each first takes, as hard links, what an earlier one has made of the same keys: data sets, the
//! trained D2L, the trained L2D. A finished run has its `results.json` and is not looked into again; one that was cut goes on. The table is
//! written anew after each run.
//!
//! All data depend on the seed, so runs of different seeds share nothing: jobs that make seeds of their own never meet in a file.

mod plan;
mod share;
mod table;

pub use plan::{Plan, Point};
pub use table::Table;

use crate::config::Preset;
use crate::file::Held;
use crate::ops::Device;
use crate::progress::Progress;
use crate::reproduce::{Run, numbers};
use crate::{Error, Result, file, manifest};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, iter, thread};

/// What a sweep writes beside its runs; the first before all others.
const FILES: [&str; 6] = ["sweep.toml", "table.csv", "table.json", "table.md", "sweep.png", "sweep.svg"];

/// Makes every run of `plan` that is not made yet in `folder`, in up to `jobs` jobs at once; the table over all. A run that fails as a run may
/// (a cost that is no longer finite, numbers that a statistic refuses), or whose results cannot be read, is told in the table, and the others
/// go on; a second call tries it again.
///
/// # Errors
/// No job; a folder of something else; one with runs of the same names and other configurations; what the device or the file system refuses;
/// Ctrl-C, after saving.
pub fn sweep<D: Device>(
    device: &D,
    computed_on: &str,
    preset: Preset,
    plan: &Plan,
    folder: &Path,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Table> {
    if jobs == 0 {
        return Err(Error::value("--jobs", "0 jobs; at least 1 is needed"));
    }
    manifest::check_foreign(folder, "sweep", FILES[0], &[&FILES[1..], &["manifest.json"]].concat())?;
    let _held = Held::new(folder)?;
    file::create_folder(&folder.join("runs"))?;
    FILES.iter().for_each(|name| file::remove_leftovers(folder, name));
    let points = &plan.points;
    let runs: Vec<Run> = points.iter().map(|point| Run::new(&folder.join("runs").join(point.folder()))).collect();
    // Before the first is begun.
    let (mut finished, mut open) = (Vec::new(), Vec::new());
    for (at, (point, run)) in points.iter().zip(&runs).enumerate() {
        let made = run.exists(&point.config)? && run.path("results.json").exists();
        if made { &mut finished } else { &mut open }.push(at);
    }
    file::write_bytes(&folder.join("sweep.toml"), &plan.text)?;
    let shares = deal(points, &open, jobs);
    let several = shares.len() > 1;
    let others = shares.iter().skip(1).map(|_| device.beside()).collect::<Result<Vec<D>>>()?;

    let mut table = Table::new(plan);
    finished.iter().for_each(|at| enter(&mut table, *at, &runs[*at], Ok(()), progress));
    table.write(folder)?;
    if several {
        progress.begin("sweep", open.len() as u64, "runs");
    }
    let (table, made, fault) = (Mutex::new(table), AtomicU64::new(0), Mutex::new(None));
    let sweep = Sweep { computed_on, preset, points, runs, folder, several, table, made, fault, progress };
    thread::scope(|scope| {
        for (device, share) in iter::once(device).chain(&others).zip(&shares) {
            let sweep = &sweep;
            scope.spawn(move || sweep.job(device, share).unwrap_or_else(|fault| sweep.end(fault)));
        }
    });
    if several {
        progress.end();
    }
    match held(&sweep.fault).take() {
        Some(fault) => Err(fault),
        None => Ok(sweep.table.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// The runs `open`, dealt by their seeds to at most `jobs` jobs.
fn deal(points: &[Point], open: &[usize], jobs: usize) -> Vec<Vec<usize>> {
    let (mut seeds, mut shares) = (Vec::new(), Vec::new());
    for at in open {
        let seed = points[*at].config.seed;
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
        let job = seeds.iter().take_while(|known| **known != seed).count() % jobs;
        if job == shares.len() {
            shares.push(Vec::new());
        }
        shares[job].push(*at);
    }
    shares
}

/// Notes in the table what has become of run `at`.
fn enter(table: &mut Table, at: usize, run: &Run, made: Result<()>, progress: &dyn Progress) {
    let results = run.path("results.json");
    if let Err(fault) = made.and_then(|()| table.read(at, &results)) {
        progress.note(&fault.to_string());
        table.failed(at, fault.to_string());
        // So that the next call makes it again; what cannot be removed is told again.
        let _ = fs::remove_file(&results);
    }
}

/// What the jobs of a sweep share.
struct Sweep<'a> {
    computed_on: &'a str,
    preset: Preset,
    points: &'a [Point],
    runs: Vec<Run>,
    folder: &'a Path,
    /// Are there several jobs?
    several: bool,
    /// Held while it is written.
    table: Mutex<Table>,
    /// Runs that this call has made.
    made: AtomicU64,
    /// Why the sweep ends before all runs are made.
    fault: Mutex<Option<Error>>,
    progress: &'a dyn Progress,
}

impl Sweep<'_> {
    /// Makes the runs of `share`, one after another.
    fn job<D: Device>(&self, device: &D, share: &[usize]) -> Result<()> {
        for at in share {
            let name = self.points[*at].folder();
            self.progress.note(&format!("run {} of {}: {name}", at + 1, self.runs.len()));
            let voice = Voice { sweep: self, name };
            self.make(device, *at, if self.several { &voice } else { self.progress })?;
            self.made.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn make<D: Device>(&self, device: &D, at: usize, progress: &dyn Progress) -> Result<()> {
        let (point, run) = (&self.points[at], &self.runs[at]);
        for (other, from) in self.points.iter().zip(&self.runs).take(at) {
            share::share((&other.config, from), (&point.config, run))?;
        }
        let made = match numbers(device, self.computed_on, self.preset, &point.config, run, progress) {
            Err(fault) if !matches!(fault, Error::Failed(_) | Error::Value { .. }) => return Err(fault),
            made => made,
        };
        let mut table = held(&self.table);
        enter(&mut table, at, run, made, progress);
        table.write(self.folder)
    }

    /// Ends the sweep. The first fault is kept; an interruption gives way, since a job that stops for another's fault ends with one.
    fn end(&self, fault: Error) {
        let mut kept = held(&self.fault);
        if matches!(*kept, None | Some(Error::Interrupted(_))) {
            *kept = Some(fault);
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a run speaks while others are made: its lines begin with its name, and the one bar counts runs and tells the latest stage.
struct Voice<'a> {
    sweep: &'a Sweep<'a>,
    name: String,
}

impl Progress for Voice<'_> {
    fn begin(&self, stage: &str, _total: u64, _unit: &str) {
        self.sweep.progress.advance(self.sweep.made.load(Ordering::Relaxed), &format!("{}: {stage}", self.name));
    }

    fn note(&self, line: &str) {
        self.sweep.progress.note(&format!("{}: {line}", self.name));
    }

    fn stop(&self) -> bool {
        self.sweep.progress.stop() || held(&self.sweep.fault).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::device::Cpu;
    use crate::progress::Silent;
    use std::sync::atomic::AtomicUsize;

    const PLAN: &str = "seeds = [3, 1, 2]\n[each]\nl2d.keep = [0.5]";

    /// Lattices of 64 sites, every statistic on the least that it can do with.
    fn plan(folder: &Path) -> Plan {
        let mut settings = ["data.train=60", "data.validation=20", "data.test=40", "lattice.size=8"].map(String::from).to_vec();
        settings.extend(["attack.sweep=[0.01]", "attack.sweep_angles=1", "attack.repeats=2", "powerlaw.bootstrap=4"].map(String::from));
        for network in ["d2l", "l2d"] {
            settings.extend(["filters=[4,6]", "hidden=16", "batch=10", "epochs=2"].map(|key| format!("{network}.{key}")));
        }
        let path = folder.join("plan.toml");
        fs::write(&path, PLAN).unwrap();
        Plan::read(&path, &Config::load(Preset::Quick, None, &settings).unwrap()).unwrap()
    }

    /// Asks to stop after so many looks.
    struct Impatient(AtomicUsize);

    impl Progress for Impatient {
        fn stop(&self) -> bool {
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        }
    }

    #[test]
    fn a_seed_has_one_job() {
        let folder = tempfile::tempdir().unwrap();
        let points = plan(folder.path()).points;
        for (open, jobs, shares) in [
            (&[][..], 2, &[][..]),
            (&[0, 1, 2, 3, 4, 5], 1, &[&[0, 1, 2, 3, 4, 5][..]]),
            (&[0, 1, 2, 3, 4, 5], 2, &[&[0, 2, 3, 5], &[1, 4]]),
            (&[0, 1, 2, 3, 4, 5], 9, &[&[0, 3], &[1, 4], &[2, 5]]),
            (&[1, 3, 4], 2, &[&[1, 4], &[3]]),
        ] {
            assert_eq!(deal(&points, open, jobs), shares, "{open:?} in {jobs} jobs");
        }
    }

    #[test]
    fn jobs_that_are_stopped_go_on_to_the_table_of_one_job() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let sweep = |name: &str, jobs: usize, progress: &dyn Progress| {
            super::sweep(&Cpu::<f32>::new(), "cpu (f32)", Preset::Quick, &plan, &folder.path().join(name), jobs, progress)
        };
        let one = sweep("one", 1, &Silent).unwrap().json();
        assert!(one.as_array().unwrap().iter().all(|run| run["fault"].is_null() && run["rows"].as_array().unwrap().len() > 20), "{one}");
        for looks in [0, 5, 40] {
            let stopped = sweep("several", 3, &Impatient(AtomicUsize::new(looks)));
            assert!(matches!(stopped, Err(Error::Interrupted(_))), "{looks}: {:?}", stopped.map(|table| table.json()));
        }
        assert!(sweep("several", 3, &Silent).unwrap().json() == one);
        assert!(matches!(sweep("none", 0, &Silent), Err(Error::Value { name, .. }) if name == "--jobs"));
    }
}
