//! A run folder and the branches nested in it: folders of the same layout whose configuration follows from the run's.

use crate::config::{Config, Preset};
use crate::file::Held;
use crate::manifest::differences;
use crate::nn::{Kind, Model, Pool};
use crate::physics::Population;
use crate::progress::Progress;
use crate::train::Best;
use crate::{Error, Result, file, manifest};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What of the paper a folder reproduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Branch {
    /// The run itself, as it is configured.
    Root,
    /// The same with the population `matched`, in `matched/`.
    Matched,
    /// The same data with one-pool networks (Note S6), in `one_pool/`.
    OnePool,
}

impl Branch {
    /// The branches that `config` asks for. A run that is of the population `matched` itself has no branch for it.
    pub(super) fn of(config: &Config) -> Vec<Branch> {
        let matched = config.branches.matched && config.data.population != Population::Matched;
        let one_pool = config.branches.one_pool;
        [(Branch::Matched, matched), (Branch::OnePool, one_pool)].into_iter().filter(|b| b.1).map(|b| b.0).collect()
    }

    /// Its folder in the run's.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Branch::Root => "",
            Branch::Matched => "matched",
            Branch::OnePool => "one_pool",
        }
    }

    /// Its folder and `mark`; nothing for the run itself.
    pub(super) fn prefix(self, mark: &str) -> String {
        if self == Branch::Root { String::new() } else { format!("{}{mark}", self.folder()) }
    }

    /// What the branch's configuration is, where the run's is `config`.
    pub(super) fn config(self, config: &Config) -> Config {
        let mut config = config.clone();
        if self != Branch::Root {
            (config.branches.matched, config.branches.one_pool) = (false, false);
        }
        match self {
            Branch::Root => (),
            Branch::Matched => {
                let amplitudes = Population::Matched.amplitudes();
                config.data.population = Population::Matched;
                (config.data.rho_max, config.data.sigma_max) = (amplitudes.rho_max, amplitudes.sigma_max);
                config.l2d.l2_scale = config.matched.l2_scale;
            }
            Branch::OnePool => {
                for network in [&mut config.d2l, &mut config.l2d] {
                    (network.pool, network.filters) = (Pool::Last, config.one_pool.filters.clone());
                }
                config.d2l.keep = config.one_pool.keep;
                config.l2d.l2_scale = config.one_pool.l2_scale;
            }
        }
        config
    }
}

/// The files of a run folder, or of a branch in it.
pub(crate) struct Run {
    folder: PathBuf,
    /// The folder of the run itself.
    root: PathBuf,
    pub(crate) branch: Branch,
}

impl Run {
    pub(crate) fn new(folder: &Path) -> Self {
        Run { folder: folder.to_owned(), root: folder.to_owned(), branch: Branch::Root }
    }

    /// A branch of this run; the run itself for [`Branch::Root`].
    pub(crate) fn child(&self, branch: Branch) -> Run {
        Run { folder: self.root.join(branch.folder()), root: self.root.clone(), branch }
    }

    /// The run that this is a branch of.
    pub(crate) fn root(&self) -> Run {
        Run::new(&self.root)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the run, by its name there.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A data set that its networks learn from, validate on, or are tested on: `d2l_train` ... `l2d_test`. The one-pool branch has the
    /// run's.
    pub(crate) fn data(&self, set: &str) -> PathBuf {
        let folder = if self.branch == Branch::OnePool { &self.root } else { &self.folder };
        folder.join(format!("data/{set}.npz"))
    }

    /// The trained network of `kind`: the best of its last round.
    pub(super) fn model(&self, kind: Kind) -> Result<Model> {
        Model::read(&self.path(&format!("{}/checkpoints/best.safetensors", kind.key())))
    }

    /// The configuration that the folder was made with. Keys that its file lacks, being older than they are, are the preset paper's.
    ///
    /// # Errors
    /// A folder without a sound `config.toml`.
    pub(crate) fn config(&self) -> Result<Config> {
        Config::load(Preset::Paper, Some(&self.path("config.toml")), &[])
    }

    /// Does a run stand in the folder? Keys that an older program did not know may be missing in its file: they concern what that program
    /// did not compute, so ours fill in; but every program told the best epoch of an L2D, by its accuracy until it could do otherwise.
    ///
    /// # Errors
    /// A run with another configuration, but for its device.
    pub(crate) fn exists(&self, config: &Config) -> Result<bool> {
        let path = self.path("config.toml");
        if !path.exists() {
            return Ok(false);
        }
        let mut older = config.clone();
        older.l2d.best = Best::Accuracy;
        let before = older.over(&path)?;
        match differences(&json!(before), &json!(config)).into_iter().find(|(key, ..)| key != "device") {
            None => Ok(true),
            Some((key, before, now)) => {
                let advice = "name another folder with --out, or repeat that run's options";
                let fault = format!("is of a run with another configuration: {key} is {before} there and {now} here; {advice}");
                Err(Error::file(&path, fault))
            }
        }
    }

    /// Makes the folder, or checks that what stands there is of the same configuration; where it is computed may differ, and is noted in
    /// the manifest. Holds the folder.
    pub(super) fn open(&self, computed_on: &str, preset: Preset, config: &Config, progress: &dyn Progress) -> Result<Held> {
        let (path, manifest_path) = (self.path("config.toml"), self.path("manifest.json"));
        manifest::check_owner(&manifest_path, "preset")?;
        let exists = self.exists(config)?;
        if !exists {
            manifest::check_foreign(&self.folder, "run", "config.toml", &["report.html", "results.json", "results.md"])?;
        }
        let held = Held::new(&self.folder)?;
        // Another run may have begun here meanwhile.
        if exists || self.exists(config)? {
            manifest::go_on(&manifest_path, computed_on, progress)?;
        } else {
            let facts =
                json!({ "program": concat!("scalefree ", env!("CARGO_PKG_VERSION")), "preset": preset.name(), "seed": config.seed });
            manifest::begin(&manifest_path, facts, computed_on)?;
        }
        // Last, so that a folder with a configuration has a manifest.
        let complete = config.to_toml()?;
        if !file::read_bytes(&path).is_ok_and(|bytes| bytes == complete.as_bytes()) {
            file::write_bytes(&path, complete.as_bytes())?;
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_an_older_program_took_the_best_l2d_by_accuracy() {
        let folder = tempfile::tempdir().unwrap();
        let truth = Preset::Paper.config();
        let mut accuracy = truth.clone();
        accuracy.l2d.best = Best::Accuracy;
        let text = accuracy.to_toml().unwrap();
        let older: String = text.lines().filter(|line| !line.starts_with("best =")).map(|line| format!("{line}\n")).collect();
        assert!(older.lines().count() < text.lines().count());
        std::fs::write(folder.path().join("config.toml"), older).unwrap();
        let run = Run::new(folder.path());
        assert!(run.exists(&accuracy).unwrap());
        let fault = run.exists(&truth).unwrap_err().to_string();
        assert!(fault.contains(r#"l2d.best is "accuracy" there and "truth" here"#), "{fault}");
    }
}
