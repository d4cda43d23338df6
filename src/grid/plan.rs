//! What a sweep goes over: a TOML file.
//!
//! ```toml
//! seeds = [1, 2, 3]                    # every setting with each of them; without it the configuration's
//!
//! [each]                               # one key at a time, all else as configured; the configuration itself comes first
//! d2l.lr = [1e-4, 1e-3]
//! l2d.filters = [[16, 32], [32, 64]]
//!
//! [grid]                               # every combination
//! l2d.l2_scope = ["none", "all"]
//! l2d.cost = ["mean", "sum"]
//! ```

use crate::config::{Config, Leaf, leaves};
use crate::dataset::fingerprint;
use crate::reproduce::{Scope, check};
use crate::{Error, Result, file};
use std::collections::HashSet;
use std::path::Path;
use toml::Value;

/// Runs of a sweep: more are a slip of the pen.
const MOST: usize = 4096;

/// Longest name of a folder that is made of its keys and values.
const LONGEST: usize = 120;

/// A run of a sweep.
#[derive(Debug, Clone)]
pub struct Point {
    /// The keys in which it differs from the configuration, with their values as TOML has them.
    pub changes: Vec<(String, String)>,
    /// Its configuration, seed and all.
    pub config: Config,
}

/// The runs of a sweep, in order.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The runs.
    pub points: Vec<Point>,
    /// The keys that vary, as the file has them.
    pub keys: Vec<String>,
    /// The file.
    pub(super) text: Vec<u8>,
}

impl Point {
    /// What is set, in words.
    pub fn setting(&self) -> String {
        if self.changes.is_empty() { "as configured".into() } else { words(&self.changes) }
    }

    /// The name of its folder.
    pub fn folder(&self) -> String {
        let changes: Vec<String> = self.changes.iter().map(|(key, value)| format!("{key}={}", value.trim_matches('"'))).collect();
        let name = if changes.is_empty() { "as-configured".into() } else { changes.join("+") };
        let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || ".=+-_".contains(c) { c } else { '_' }).collect();
        // Where the name is not the whole truth, a fingerprint tells runs apart.
        let exact = plain == name && plain.len() <= LONGEST;
        let cut: String = plain.chars().take(LONGEST).collect();
        let mark = if exact { String::new() } else { format!("-{}", fingerprint(name.as_bytes())) };
        format!("{cut}{mark}-seed{}", self.config.seed)
    }
}

/// A key with the values that it takes.
struct Factor {
    key: String,
    line: usize,
    values: Vec<Value>,
}

impl Plan {
    /// The runs that the file at `path` makes of `base`. Branches are left out of every run: population and pools are keys of their own.
    ///
    /// # Errors
    /// [`Error::File`] with line and key of what is no plan, or of a value that is impossible.
    pub fn read(path: &Path, base: &Config) -> Result<Self> {
        let mut base = base.clone();
        (base.branches.matched, base.branches.one_pool) = (false, false);
        let (mut seeds, mut each, mut grid) = (vec![base.seed], Vec::new(), Vec::new());
        for leaf in leaves(path)? {
            let fault = |text: String| Error::file(path, format!("line {}: {}: {text}", leaf.line, leaf.key));
            match leaf.key.split_once('.') {
                None if leaf.value.is_table() && ["each", "grid"].contains(&leaf.key.as_str()) => {}
                None if leaf.key == "seeds" => {
                    let numbers = leaf.value.as_array().and_then(|list| list.iter().map(seed).collect::<Option<Vec<u64>>>());
                    seeds =
                        numbers.filter(|seeds| !seeds.is_empty()).ok_or_else(|| fault("a list of seeds is needed, as [1, 2]".into()))?;
                }
                Some(("each", _)) => each.push(Factor::new(&leaf, 5).map_err(fault)?),
                Some(("grid", _)) => grid.push(Factor::new(&leaf, 5).map_err(fault)?),
                _ => return Err(fault("unknown; a plan has seeds, [each] and [grid]".into())),
            }
        }
        let mut plan = Plan { points: Vec::new(), keys: Vec::new(), text: file::read_bytes(path)? };
        for factor in each.iter().chain(&grid) {
            if !plan.keys.contains(&factor.key) {
                plan.keys.push(factor.key.clone());
            }
        }
        let mut known = HashSet::new();
        for changes in settings(path, &each, &grid)? {
            let mut config = base.clone();
            // The population first: explicit amplitudes win over it.
            let mut ordered = changes.clone();
            ordered.sort_by_key(|(factor, _)| factor.key != "data.population");
            for (factor, value) in &ordered {
                let fault = |text: String| Error::file(path, format!("line {}: {}: {text}", factor.line, factor.key));
                config = config.with(&factor.key, (*value).clone()).map_err(fault)?;
            }
            config.validate().and_then(|()| check(&config, Scope::Numbers)).map_err(|error| placed(path, &changes, error))?;
            for seed in &seeds {
                let config = Config { seed: *seed, ..config.clone() };
                // A value may be the configured one.
                if known.insert(config.to_toml()?) {
                    plan.points.push(Point { changes: shown(&changes), config });
                }
            }
        }
        if plan.points.len() > MOST {
            return Err(Error::file(path, format!("makes {} runs; at most {MOST} are possible", plan.points.len())));
        }
        Ok(plan)
    }
}

/// What a run changes: factors with the value of each.
type Changes<'a> = Vec<(&'a Factor, &'a Value)>;

/// A fault of a run's configuration, with the line of the key at fault; where the plan does not vary that, with all that it changes.
fn placed(path: &Path, changes: &Changes, error: Error) -> Error {
    let Error::Value { name, .. } = &error else { return error };
    match (changes.iter().find(|(factor, _)| factor.key == *name), changes.first()) {
        (Some((factor, _)), _) => Error::file(path, format!("line {}: {error}", factor.line)),
        (None, Some((first, _))) => Error::file(path, format!("line {}: {}: {error}", first.line, words(&shown(changes)))),
        (None, None) => error,
    }
}

/// The configuration itself where nothing else would be there to compare with, then one factor at a time, then every combination.
fn settings<'a>(path: &Path, each: &'a [Factor], grid: &'a [Factor]) -> Result<Vec<Changes<'a>>> {
    let combinations = grid.iter().try_fold(1usize, |count, factor| count.checked_mul(factor.values.len()));
    if combinations.is_none_or(|count| count > MOST) {
        return Err(Error::file(path, format!("[grid] has more than {MOST} combinations")));
    }
    let mut all: Vec<Changes> = Vec::new();
    if grid.is_empty() || !each.is_empty() {
        all.push(Vec::new());
    }
    all.extend(each.iter().flat_map(|factor| factor.values.iter().map(move |value| vec![(factor, value)])));
    if !grid.is_empty() {
        let mut product: Vec<Changes> = vec![Vec::new()];
        for factor in grid {
            let longer = |before: &Changes<'a>| -> Vec<Changes<'a>> {
                factor.values.iter().map(|value| before.iter().copied().chain([(factor, value)]).collect()).collect()
            };
            product = product.iter().flat_map(longer).collect();
        }
        all.extend(product);
    }
    Ok(all)
}

/// Keys and their values as TOML has them; of a number the shortest form.
fn shown(changes: &Changes) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::Float(number) => format!("{number:?}"),
        other => other.to_string(),
    };
    changes.iter().map(|(factor, value)| (factor.key.clone(), text(value))).collect()
}

fn words(changes: &[(String, String)]) -> String {
    changes.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

/// Keys that would change nothing, and why.
const UNHEEDED: [(&str, &str); 6] = [
    ("branches.", "runs of a sweep have no branches; vary data.population or the networks' keys"),
    ("matched.", "runs of a sweep have no branches; vary l2d.l2_scale"),
    ("one_pool.", "runs of a sweep have no one-pool branch; vary d2l.pool, l2d.pool and the networks' keys"),
    ("sweep.", "runs of a sweep leave out the short trainings of Fig. S2; vary the networks' keys"),
    ("data.sets", "runs of a sweep leave out the sets of Fig. S1"),
    ("attack.angles", "runs of a sweep leave out the attack on one pair; vary attack.sweep_angles"),
];

fn seed(value: &Value) -> Option<u64> {
    value.as_integer().and_then(|seed| u64::try_from(seed).ok())
}

impl Factor {
    /// The key behind the first `group` letters of the leaf's name.
    fn new(leaf: &Leaf, group: usize) -> std::result::Result<Self, String> {
        let key = &leaf.key[group..];
        match key.split('.').next() {
            Some("seed") => return Err("seeds stand above all groups, as seeds = [1, 2]".into()),
            Some(key @ ("device" | "precision")) => return Err(format!("is one for the whole sweep; use --set {key}=...")),
            _ => {}
        }
        if let Some((_, why)) = UNHEEDED.iter().find(|(start, _)| key.starts_with(start)) {
            return Err((*why).into());
        }
        match &leaf.value {
            Value::Array(values) if !values.is_empty() => Ok(Factor { key: key.into(), line: leaf.line, values: values.clone() }),
            other => Err(format!("{other}; a list of values is needed, as [1e-4, 1e-3]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn plan(text: &str) -> Result<Plan> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Plan::read(file.path(), &Preset::Medium.config())
    }

    fn folders(text: &str) -> Vec<String> {
        plan(text).unwrap().points.iter().map(Point::folder).collect()
    }

    #[test]
    fn one_at_a_time_then_every_combination_each_with_every_seed() {
        let text = "seeds = [1, 7]\n[each]\nd2l.lr = [1e-3]\n[grid]\nl2d.cost = [\"mean\", \"sum\"]\nl2d.keep = [1, 0.5]";
        let expected = [
            "as-configured-seed1",
            "as-configured-seed7",
            "d2l.lr=0.001-seed1",
            "d2l.lr=0.001-seed7",
            // Cost mean, keep 1 is the configuration.
            "l2d.cost=mean+l2d.keep=0.5-seed1",
            "l2d.cost=mean+l2d.keep=0.5-seed7",
            "l2d.cost=sum+l2d.keep=1-seed1",
            "l2d.cost=sum+l2d.keep=1-seed7",
            "l2d.cost=sum+l2d.keep=0.5-seed1",
            "l2d.cost=sum+l2d.keep=0.5-seed7",
        ];
        assert_eq!(folders(text), expected);
        let plan = plan(text).unwrap();
        assert_eq!(plan.keys, ["d2l.lr", "l2d.cost", "l2d.keep"]);
        assert_eq!((plan.points[2].config.d2l.lr, plan.points[3].config.seed), (1e-3, 7));
        assert!(plan.points.iter().all(|point| !point.config.branches.matched && !point.config.branches.one_pool));
    }

    #[test]
    fn keys_of_one_run_are_judged_together() {
        assert_eq!(folders("[grid]\nd2l.batch = [13000]\ndata.train = [14000]").len(), 1);
    }

    #[test]
    fn values_may_be_lists_and_a_population_brings_its_amplitudes() {
        assert_eq!(folders("seeds = [3]"), ["as-configured-seed3"]);
        let lists = folders("[grid]\nd2l.filters = [[4, 8], [8, 16]]");
        assert!(lists.len() == 2 && lists[0].starts_with("d2l.filters=_4__8_-") && lists[0] != lists[1], "{lists:?}");
        let matched = plan("[grid.data]\npopulation = [\"matched\"]").unwrap();
        assert_eq!((matched.points.len(), matched.points[0].config.data.rho_max), (1, 0.3));
        let both = plan("[each]\n[grid.data]\nrho_max = [0.1, 0.2]\npopulation = [\"matched\"]").unwrap();
        assert_eq!(both.points.iter().map(|point| point.config.data.rho_max).collect::<Vec<_>>(), [0.1, 0.2]);
    }

    #[test]
    fn faults_name_the_line_and_the_key() {
        for (text, words) in [
            ("seeds = []", "line 1: seeds: a list"),
            ("seeds = [-1]", "line 1: seeds: a list"),
            ("[each]\nd2l.lr = 1e-3", "line 2: each.d2l.lr: 0.001; a list of values is needed"),
            ("[each]\nd2l.lr = []", "line 2: each.d2l.lr: []; a list"),
            ("[grid]\n\nd2l.rate = [1]", "line 3: d2l.rate: unknown key"),
            ("[grid]\nd2l.pool = [\"all\"]", "line 2: d2l.pool: unknown variant"),
            ("[grid]\nl2d.average = [0.5, 1.0]", "line 2: l2d.average: 1 is not in [0, 1)"),
            ("[grid]\nlattice.size = [0]", "line 2: lattice.size: 0"),
            ("[grid]\nseed = [1]", "line 2: grid.seed: seeds stand above"),
            ("[each]\nprecision = [\"f64\"]", "line 2: each.precision: is one for the whole sweep"),
            ("[each]\nbranches.matched = [true]", "line 2: each.branches.matched: runs of a sweep have no branches"),
            ("[grid]\none_pool.keep = [0.5]", "line 2: grid.one_pool.keep: runs of a sweep have no one-pool branch"),
            ("[each]\n\nsweep.epochs = [2]", "line 3: each.sweep.epochs: runs of a sweep leave out the short trainings"),
            ("[each]\ndata.sets = [2]", "line 2: each.data.sets: runs of a sweep leave out the sets"),
            ("[each]\nattack.angles = [2]", "line 2: each.attack.angles: runs of a sweep leave out the attack"),
            ("[each]\nd2l.batch = [20, 12001]", "line 2: d2l.batch: 12001 is more than the 12000 samples of data.train"),
            ("[grid]\ndata.train = [9000, 10]\nd2l.lr = [1]", "line 2: data.train = 10, d2l.lr = 1: d2l.batch: 20 is more than"),
            ("[grid]\nlattice.size = [32]\nattack.sweep_angles = [2048]", "line 3: attack.sweep_angles: 2048 directions of 1024 atoms"),
            ("[each]\nd2l.epochs = [2000000000]", "line 2: d2l.epochs: 2000000000 epochs; at most"),
            ("[each]\npowerlaw.bootstrap = [1]", "line 2: powerlaw.bootstrap: 1 synthetic samples"),
            ("[all]\nd2l.lr = [1]", "line 2: all.d2l.lr: unknown; a plan has"),
            ("sedes = [1]", "line 1: sedes: unknown; a plan has"),
            ("seeds = ", "line 1"),
        ] {
            let error = plan(text).unwrap_err();
            assert!(error.to_string().contains(words), "{text:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
        let many: Vec<String> = (0..65).map(|k| k.to_string()).collect();
        let many = format!("[grid]\nattack.repeats = [{0}]\nattack.pairs = [{0}]", many.join(", "));
        assert!(plan(&many).unwrap_err().to_string().contains("more than 4096 combinations"));
    }
}
