//! The configuration: presets, a TOML file over them, `--set key=value` over that. An unknown key or an impossible value is an
//! error that names the key and where it stands.

mod layers;
mod presets;

pub(crate) use layers::{Leaf, leaves};
pub use presets::Preset;

use crate::analysis::powerlaw::check_draws;
use crate::nn::{Architecture, Kind, check_filters};
use crate::ops::eigh::Labels;
use crate::physics::{Amplitudes, Attack, Lattice, Modes, Population};
use crate::train::{TrainConfig, check_epochs, check_keep, check_l2_scale};
use crate::{Error, Result};
use layers::Layers;
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::Value;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seed of everything random.
    pub seed: u64,
    /// `auto`, `cpu` or `cuda[:n]`.
    pub device: String,
    /// How networks compute.
    pub precision: Precision,
    /// The crystal and its hoppings.
    pub lattice: Lattice,
    /// How energies and mode areas are solved.
    pub labels: Labels,
    /// Data sets of a reproduction.
    pub data: DataConfig,
    /// The structure-to-localisation network.
    pub d2l: TrainConfig,
    /// The localisation-to-structure network.
    pub l2d: TrainConfig,
    /// Rounds in which the networks learn from each other.
    pub rounds: RoundsConfig,
    /// The attack of Fig. 6.
    pub attack: AttackConfig,
    /// The power-law fits.
    pub powerlaw: PowerlawConfig,
    /// Which further reproductions a reproduction holds.
    pub branches: BranchConfig,
    /// The population `matched` beside the run's own: where it differs from `l2d`.
    pub matched: MatchedConfig,
    /// The one-pool networks (Note S6): where they differ from `d2l` and `l2d`.
    pub one_pool: OnePoolConfig,
    /// The short trainings of Fig. S2.
    pub sweep: SweepConfig,
}

/// How networks compute. Parameters and sums are `f64` in the first and `f32` in all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// What suits the device: `f32` on the processor, `tf32` on a card that has it, else `f32`.
    Auto,
    /// Double; on the processor.
    F64,
    /// Single.
    F32,
    /// Factors of products with 10 bits of mantissa; on a card from RTX 30 on.
    Tf32,
    /// Factors of products as bfloat16; on a card from RTX 30 on.
    Bf16,
    /// Factors of products as half; on a card.
    F16,
}

/// Sizes and deformation of the data sets; each network gets sets of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Realisations to train on.
    pub train: u64,
    /// Realisations to validate on.
    pub validation: u64,
    /// Realisations to test on.
    pub test: u64,
    /// Which reading of the paper's amplitudes; sets both.
    pub population: Population,
    /// Largest collective amplitude (Eq. 5), in lattice periods.
    pub rho_max: f64,
    /// Largest individual amplitude (Eq. 5), in lattice periods.
    pub sigma_max: f64,
    /// Realisations of each kind of deformation in Fig. S1.
    pub sets: u64,
}

impl DataConfig {
    /// The amplitudes of Eq. 5.
    pub fn amplitudes(&self) -> Amplitudes {
        Amplitudes { rho_max: self.rho_max, sigma_max: self.sigma_max }
    }
}

/// Rounds behind the first training: D2L learns from L2D's own structures too, with their Hamiltonian truth, and L2D through that D2L.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundsConfig {
    /// How many; 0 = none.
    pub count: u64,
    /// Epochs of each network in a round. Its rate starts as in the first training and has fallen by `decay_rate` at their end.
    pub epochs: u64,
}

/// The attack of Fig. 6.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackConfig {
    /// How far the attacked atom moves, in lattice periods.
    pub rho_a: f64,
    /// Directions an atom is moved in.
    pub angles: usize,
    /// Which mode is compared with which.
    pub modes: Modes,
    /// Pairs of a seed and its design that the statistics go over.
    pub pairs: usize,
    /// The lengths of the move that the statistics go over, in lattice periods.
    pub sweep: Vec<f64>,
    /// Directions an atom is moved in for these statistics.
    pub sweep_angles: usize,
    /// Random sets of atoms, and draws of directions, in the comparison of random with targeted removal.
    pub repeats: usize,
}

/// How power-law fits are judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerlawConfig {
    /// Synthetic samples behind each p-value.
    pub bootstrap: usize,
}

/// Further reproductions, each in a folder of its name inside the run's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchConfig {
    /// The same with the population `matched`.
    pub matched: bool,
    /// The same data with one-pool networks.
    pub one_pool: bool,
}

/// The branch of the population `matched`. All else is as in the run itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchedConfig {
    /// `l2d.l2_scale`.
    pub l2_scale: f64,
}

/// The one-pool networks of Note S6. All else is as in `d2l` and `l2d`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnePoolConfig {
    /// Filters of each convolution, in both networks.
    pub filters: Vec<usize>,
    /// `d2l.keep`.
    pub keep: f64,
    /// `l2d.l2_scale`.
    pub l2_scale: f64,
}

/// The short trainings of Fig. S2. Each network is trained without a regulariser, with each dropout, and with each L2 penalty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// Realisations to train on: the first of the training set.
    pub train: usize,
    /// Passes over them.
    pub epochs: u64,
    /// Dropout: shares of the hidden units that are kept.
    pub keep: Vec<f64>,
    /// Scales of the L2 penalty, with `l2d.l2_scope`, or `output` where that is `none`.
    pub l2_scale: Vec<f64>,
}

/// Samples of a set at most: 32 bits count them.
const MOST_SAMPLES: u64 = u32::MAX as u64;

/// Draws of `attack.repeats` at most: each is an order of all atoms in memory.
const MOST_REPEATS: u64 = 1_000_000;

impl Config {
    /// `preset`, then the file, then `key=value` settings in order.
    pub fn load(preset: Preset, file: Option<&Path>, settings: &[String]) -> Result<Self> {
        let mut layers = Layers::new(&preset.config())?;
        if let Some(path) = file {
            layers.add_file(path)?;
        }
        for setting in settings {
            layers.add_setting(setting)?;
        }
        let config = layers.config().map_err(|fault| Error::value("configuration", fault))?;
        config.validate().map_err(|error| layers.placed(file, error))?;
        Ok(config)
    }

    /// The same with the keys that a TOML file gives in their place.
    ///
    /// # Errors
    /// What [`Config::load`] refuses.
    pub fn over(&self, file: &Path) -> Result<Self> {
        let mut layers = Layers::new(self)?;
        layers.add_file(file)?;
        layers.config().map_err(|fault| Error::file(file, fault))
    }

    /// The same with one key changed, as a file would.
    ///
    /// # Errors
    /// What is wrong with the key or the value, without its name.
    pub(crate) fn with(&self, key: &str, value: Value) -> std::result::Result<Self, String> {
        let mut layers = Layers::new(self).map_err(|e| e.to_string())?;
        layers.set(key, value)?;
        layers.config()
    }

    /// The network that this configuration describes.
    pub fn architecture(&self, kind: Kind) -> Architecture {
        self.network(kind).architecture(kind, self.lattice.size)
    }

    /// The keys of one network.
    pub fn network(&self, kind: Kind) -> &TrainConfig {
        match kind {
            Kind::D2l => &self.d2l,
            Kind::L2d => &self.l2d,
        }
    }

    /// As a TOML file.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self).map_err(|e| Error::Failed(e.to_string()))
    }

    /// Are the values possible? Networks are looked at where they are made.
    pub(crate) fn validate(&self) -> Result<()> {
        self.lattice.validate()?;
        self.data.amplitudes().validate()?;
        let Config { data, rounds, attack, matched, one_pool, sweep, .. } = self;
        let counts = [
            ("data.train", data.train, MOST_SAMPLES),
            ("data.validation", data.validation, MOST_SAMPLES),
            ("data.test", data.test, MOST_SAMPLES),
            ("data.sets", data.sets, MOST_SAMPLES),
            ("sweep.train", sweep.train as u64, MOST_SAMPLES),
            ("attack.angles", attack.angles as u64, Attack::MOST_ANGLES as u64),
            ("attack.sweep_angles", attack.sweep_angles as u64, Attack::MOST_ANGLES as u64),
            ("attack.pairs", attack.pairs as u64, MOST_SAMPLES),
            ("attack.repeats", attack.repeats as u64, MOST_REPEATS),
        ];
        if let Some((key, count, most)) = counts.into_iter().find(|(_, count, most)| !(1..=*most).contains(count)) {
            return Err(Error::value(key, format!("{count}; 1 to {most} are possible")));
        }
        // What a D2L learns from in the last round.
        let learnt = rounds.count.checked_add(1).and_then(|sets| sets.checked_mul(data.train));
        if learnt.is_none_or(|samples| samples > MOST_SAMPLES) {
            let fault = format!("{} rounds of {} samples each are too many; {MOST_SAMPLES} in all are possible", rounds.count, data.train);
            return Err(Error::value("rounds.count", fault));
        }
        check_epochs("rounds.epochs", rounds.epochs)?;
        check_epochs("sweep.epochs", sweep.epochs)?;
        sweep.keep.iter().try_for_each(|keep| check_keep("sweep.keep", *keep))?;
        sweep.l2_scale.iter().try_for_each(|scale| check_l2_scale("sweep.l2_scale", *scale))?;
        check_l2_scale("matched.l2_scale", matched.l2_scale)?;
        check_filters("one_pool.filters", &one_pool.filters)?;
        check_keep("one_pool.keep", one_pool.keep)?;
        check_l2_scale("one_pool.l2_scale", one_pool.l2_scale)?;
        check_draws("powerlaw.bootstrap", self.powerlaw.bootstrap)?;
        Attack::check_length(attack.rho_a)?;
        let lengths = &attack.sweep;
        if lengths.is_empty() || lengths.iter().any(|rho_a| !(rho_a.is_finite() && *rho_a > 0.0)) {
            return Err(Error::value("attack.sweep", format!("{lengths:?}; at least one length is needed, each finite and above 0")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn load(text: &str, settings: &[&str]) -> Result<Config> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::load(Preset::Quick, Some(file.path()), &settings.iter().map(|s| (*s).to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn settings_win_over_the_file_and_the_file_over_the_preset() {
        let config = load("seed = 5\n[d2l]\nbatch = 7\nlr = 1", &["d2l.batch=9", "device=cpu", "l2d.filters=[1, 2]"]).unwrap();
        assert_eq!((config.seed, config.d2l.batch, config.d2l.lr, config.device.as_str()), (5, 9, 1.0, "cpu"));
        assert_eq!(config.l2d.filters, [1, 2]);
    }

    /// docs/configuration.md has every key, and the values that the presets give it.
    #[test]
    fn the_keys_are_documented() {
        fn leaves(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
            match value {
                Value::Table(table) => {
                    table.iter().for_each(|(key, value)| leaves(&format!("{name}.{key}"), value, found));
                }
                Value::String(text) => found.push((name[1..].into(), text.clone())),
                other => found.push((name[1..].into(), other.to_string())),
            }
        }
        let presets = [Preset::Quick, Preset::Medium, Preset::Paper].map(|preset| {
            let mut found = Vec::new();
            leaves("", &Value::try_from(preset.config()).unwrap(), &mut found);
            found
        });
        let mut wanted = BTreeMap::new();
        for (at, (key, quick)) in presets[0].iter().enumerate() {
            let [medium, paper] = [1, 2].map(|preset| &presets[preset][at].1);
            let same = quick == medium && medium == paper;
            wanted.insert(key.clone(), if same { quick.clone() } else { format!("{quick}; {medium}; {paper}") });
        }
        let mut told = BTreeMap::new();
        for line in include_str!("../../docs/configuration.md").lines() {
            match line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>()[..] {
                [key, _, d2l, l2d] if key.starts_with('`') => {
                    let key = key.trim_matches('`');
                    told.extend([(format!("d2l.{key}"), d2l.to_string()), (format!("l2d.{key}"), l2d.to_string())]);
                }
                [key, _, value] if key.starts_with('`') => drop(told.insert(key.trim_matches('`').into(), value.to_string())),
                _ => (),
            }
        }
        let differ: Vec<String> =
            wanted.iter().filter(|(key, value)| told.get(*key) != Some(value)).map(|(key, value)| format!("KEY {key} = {value}")).collect();
        let unknown: Vec<&String> = told.keys().filter(|key| !wanted.contains_key(*key)).collect();
        assert!(unknown.is_empty(), "docs/configuration.md has {unknown:?}, which are no keys");
        assert!(differ.is_empty(), "docs/configuration.md, where the presets have\n{}", differ.join("\n"));
    }

    #[test]
    fn the_population_sets_both_amplitudes_and_explicit_ones_win() {
        let config = load("[data]\nrho_max = 0.1\npopulation = \"matched\"", &[]).unwrap();
        assert_eq!((config.data.rho_max, config.data.sigma_max), (0.1, 0.3));
    }

    #[test]
    fn a_quoted_key_counts_as_its_dots_say_and_a_group_may_be_empty() {
        assert_eq!(load("\"d2l.batch\" = 7\n[l2d]\n\"batch\" = 9\n[attack]", &[]).map(|c| (c.d2l.batch, c.l2d.batch)).unwrap(), (7, 9));
    }

    #[test]
    fn faults_name_the_key_and_the_line() {
        for (text, settings, words) in [
            ("\"no.such.key\" = 1", &[][..], "line 1: no.such.key: unknown key"),
            ("seed = 1\n[foo]", &[], "line 2: foo: unknown key"),
            ("seed = 1\nsede = 2", &[], "line 2: sede: unknown key"),
            ("[d2l]\n\nbatches = 2", &[], "line 3: d2l.batches: unknown key"),
            ("[d2l]\npool = \"some\"", &[], "line 2: d2l.pool: unknown variant"),
            ("seed = ", &[], "line 1"),
            ("", &["d2l=3"], "--set d2l: is no single value"),
            ("", &["seed"], "--set: \"seed\" is not key=value"),
            ("", &["d2l.batch=-1"], "--set d2l.batch: "),
            ("", &["lattice.size=0"], "lattice.size"),
            ("", &["data.rho_max=nan"], "data.rho_max"),
            ("", &["data.train=0"], "data.train: 0; 1 to 4294967295 are possible"),
            ("", &["data.sets=4294967296"], "data.sets: 4294967296; 1 to"),
            ("", &["rounds.epochs=0"], "rounds.epochs: needs"),
            ("", &["rounds.epochs=9223372036854775807"], "rounds.epochs: 9223372036854775807 epochs; at most"),
            ("", &["rounds.count=9223372036854775807"], "rounds.count: 9223372036854775807 rounds of 7000 samples"),
            ("", &["data.train=4000000000", "rounds.count=1"], "rounds.count: 1 rounds"),
            ("", &["attack.angles=0"], "attack.angles: 0"),
            ("", &["attack.sweep_angles=65537"], "attack.sweep_angles: 65537; 1 to 65536"),
            ("", &["attack.repeats=0"], "attack.repeats: 0"),
            ("", &["attack.rho_a=-1"], "attack.rho_a: -1"),
            ("", &["attack.sweep=[]"], "attack.sweep: []"),
            ("", &["attack.sweep=[0.1, 0.0]"], "attack.sweep: [0.1, 0.0]"),
            ("", &["powerlaw.bootstrap=1"], "powerlaw.bootstrap: 1 synthetic samples tell nothing"),
            ("", &["powerlaw.bootstrap=2000000"], "1000000 are the most"),
            ("", &["matched.l2_scale=nan"], "matched.l2_scale: NaN is not"),
            ("", &["one_pool.filters=[]"], "one_pool.filters: needs"),
            ("", &["one_pool.keep=0"], "one_pool.keep: 0 is not in (0, 1]"),
            ("", &["one_pool.l2_scale=-1"], "one_pool.l2_scale: -1 is not"),
            ("", &["sweep.train=0"], "sweep.train: 0"),
            ("", &["sweep.epochs=0"], "sweep.epochs: needs"),
            ("", &["sweep.epochs=9223372036854775807"], "sweep.epochs: 9223372036854775807 epochs; at most"),
            ("", &["sweep.keep=[0.5, 0.0]"], "sweep.keep: 0 is not in (0, 1]"),
            ("", &["sweep.l2_scale=[nan]"], "sweep.l2_scale: NaN is not"),
            ("[sweep]\ntrain = 5\nepochs = 0", &[], "line 3: sweep.epochs: needs"),
            ("[sweep]\nepochs = 3", &["sweep.epochs=0"], "sweep.epochs: needs"),
        ] {
            let error = load(text, settings).unwrap_err();
            assert!(error.to_string().contains(words), "{text:?} {settings:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn every_preset_stands_and_round_trips() {
        for preset in [Preset::Quick, Preset::Medium, Preset::Paper] {
            let config = Config::load(preset, None, &[]).unwrap();
            for kind in [Kind::D2l, Kind::L2d] {
                config.network(kind).validate(&config.architecture(kind)).unwrap();
            }
            assert_eq!(toml::from_str::<Config>(&config.to_toml().unwrap()).unwrap(), config);
        }
    }
}
