//! The keys of a training run (`d2l.*`, `l2d.*` in the configuration file).

use crate::nn::{Architecture, Init, Kind, Model, Parameter, Pool, Scaling, initialise};
use crate::ops::adam::{AdamConfig, AdamForm, Decay};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How a network's input is scaled before it enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputScaling {
    /// As it is.
    None,
    /// `(w - mean) / std` per mode over the training set; L2D only.
    Standard,
}

/// How the cost is reduced over the modes; over the batch it is always the mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostReduction {
    /// Mean over the N modes.
    Mean,
    /// Sum over the N modes.
    Sum,
}

/// Which weights the L2 penalty takes; biases never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum L2Scope {
    /// No penalty.
    None,
    /// Every weight.
    All,
    /// Both fully connected layers.
    Fc,
    /// The output layer.
    Output,
}

/// By what the best epoch is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Best {
    /// The accuracy on the validation set; of an L2D by the D2L behind it.
    #[default]
    Accuracy,
    /// The Hamiltonian's word on the designs for that set; L2D only.
    Truth,
}

impl Best {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Best::Accuracy => "validation accuracy",
            Best::Truth => "Hamiltonian truth",
        }
    }
}

/// How a network is built and trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Filters of each convolution.
    pub filters: Vec<usize>,
    /// Where the max-pools stand.
    pub pool: Pool,
    /// Units of the hidden fully connected layer.
    pub hidden: usize,
    /// Scaling of the input.
    pub input_scaling: InputScaling,
    /// Rule of the start values.
    pub init: Init,
    /// Factor of the output layer's start weights.
    pub output_scale: f64,
    /// Samples of a step.
    pub batch: usize,
    /// Passes over the training set. A remainder smaller than a batch waits for another epoch's shuffle.
    pub epochs: u64,
    /// Learning rate at the first step.
    pub lr: f64,
    /// Factor of the learning rate over `decay_steps` steps.
    pub decay_rate: f64,
    /// Steps over which the rate falls by `decay_rate`.
    pub decay_steps: f64,
    /// How it falls.
    #[serde(default)]
    pub decay: Decay,
    /// Adam's form.
    pub adam: AdamForm,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the square root of the second moment.
    pub epsilon: f64,
    /// Probability that a hidden unit stays in training; 1 = no dropout.
    pub keep: f64,
    /// Reduction of the cost over modes.
    pub cost: CostReduction,
    /// Which weights the L2 penalty takes.
    pub l2_scope: L2Scope,
    /// TensorFlow's scale: the penalty is `l2_scale sum(w^2) / 2`.
    pub l2_scale: f64,
    /// Shuffle the training set in each epoch?
    pub shuffle: bool,
    /// Learn from new samples in each epoch, drawn as the training set was and following on from it?
    #[serde(default)]
    pub fresh: bool,
    /// See each structure, in each epoch, under one of the lattice's eight symmetries, drawn anew? D2L only.
    #[serde(default)]
    pub symmetries: bool,
    /// Decay of a running average of the parameters over the steps; it is what is evaluated and saved. 0 = the parameters themselves.
    #[serde(default)]
    pub average: f64,
    /// By what the best epoch is told, whose model draws the designs.
    #[serde(default)]
    pub best: Best,
    /// Epochs without a better one before the run stops; 0 = never.
    pub patience: u64,
}

/// Passes over a training set at most: no product of them with its samples, which 32 bits count, overflows.
const MOST_EPOCHS: u64 = 1_000_000_000;

/// Is this number of passes over a training set possible? `key` is where it comes from.
pub(crate) fn check_epochs(key: &str, epochs: u64) -> Result<()> {
    match epochs {
        0 => Err(Error::value(key, "needs at least one epoch")),
        1..=MOST_EPOCHS => Ok(()),
        _ => Err(Error::value(key, format!("{epochs} epochs; at most {MOST_EPOCHS} are possible"))),
    }
}

/// Is this share of units that dropout keeps possible?
pub(crate) fn check_keep(key: &str, keep: f64) -> Result<()> {
    if keep > 0.0 && keep <= 1.0 { Ok(()) } else { Err(Error::value(key, format!("{keep} is not in (0, 1]"))) }
}

/// Is this scale of the L2 penalty possible?
pub(crate) fn check_l2_scale(key: &str, scale: f64) -> Result<()> {
    if scale.is_finite() && scale >= 0.0 { Ok(()) } else { Err(Error::value(key, format!("{scale} is not a number from 0 up"))) }
}

impl TrainConfig {
    /// The network that these keys describe, for a lattice of `size` sites a side.
    pub fn architecture(&self, kind: Kind, size: usize) -> Architecture {
        Architecture { kind, size, filters: self.filters.clone(), pool: self.pool, hidden: self.hidden }
    }

    /// That network before its first step, where it learns from `inputs` (n, ...): start values of `seed`, and how it scales what it is given.
    pub fn start(&self, architecture: Architecture, inputs: &[f64], seed: u64) -> Model {
        let scaling = match self.input_scaling {
            InputScaling::None => None,
            InputScaling::Standard => Some(Scaling::standard(inputs, architecture.sites())),
        };
        let values = initialise(&architecture, self.init, self.output_scale, seed);
        Model { architecture, values, scaling, notes: Map::new() }
    }

    /// What every model file of a training with these keys tells of it.
    pub fn notes(&self) -> Map<String, Value> {
        Map::from_iter([("configuration".into(), json!(self))])
    }

    /// The optimiser's constants.
    pub fn adam_config(&self) -> AdamConfig {
        AdamConfig {
            lr: self.lr,
            decay_rate: self.decay_rate,
            decay_steps: self.decay_steps,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            form: self.adam,
            decay: self.decay,
        }
    }

    /// What multiplies the mean over modes.
    pub fn cost_scale(&self, modes: usize) -> f64 {
        match self.cost {
            CostReduction::Mean => 1.0,
            CostReduction::Sum => modes as f64,
        }
    }

    /// The L2 scale of each parameter, in the architecture's order.
    pub fn l2_scales(&self, architecture: &Architecture) -> Vec<f64> {
        let stages = architecture.filters.len();
        let in_scope = |p: &Parameter| {
            p.is_weight()
                && match self.l2_scope {
                    L2Scope::None => false,
                    L2Scope::All => true,
                    L2Scope::Fc => p.layer >= stages,
                    L2Scope::Output => p.layer == stages + 1,
                }
        };
        architecture.parameters().iter().map(|p| if in_scope(p) { self.l2_scale } else { 0.0 }).collect()
    }

    /// Are the values possible for `architecture`?
    pub fn validate(&self, architecture: &Architecture) -> Result<()> {
        architecture.validate()?;
        let network = architecture.kind.key();
        let own = |key: &str| format!("{network}.{key}");
        let wrong = |key: &str, fault: &str| Err(Error::value(own(key), fault));
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if self.batch == 0 {
            return wrong("batch", "needs at least one sample");
        }
        check_epochs(&own("epochs"), self.epochs)?;
        for (key, value) in [("lr", self.lr), ("decay_rate", self.decay_rate), ("decay_steps", self.decay_steps), ("epsilon", self.epsilon)]
        {
            if !positive(value) {
                return wrong(key, &format!("{value} is not a positive number"));
            }
        }
        for (key, value) in [("beta1", self.beta1), ("beta2", self.beta2), ("average", self.average)] {
            if !(0.0..1.0).contains(&value) {
                return wrong(key, &format!("{value} is not in [0, 1)"));
            }
        }
        check_keep(&own("keep"), self.keep)?;
        if !positive(self.output_scale) {
            return wrong("output_scale", &format!("{} is not a positive number", self.output_scale));
        }
        check_l2_scale(&own("l2_scale"), self.l2_scale)?;
        if architecture.kind == Kind::D2l && self.input_scaling != InputScaling::None {
            return wrong("input_scaling", "displacements enter a D2L as they are; use \"none\"");
        }
        if architecture.kind == Kind::D2l && self.best == Best::Truth {
            return wrong("best", "a D2L draws nothing that the Hamiltonian could judge; only l2d.best can be \"truth\"");
        }
        if architecture.kind == Kind::L2d && self.symmetries {
            return wrong(
                "symmetries",
                "mode areas, which an L2D learns from, have no symmetry to be seen under; only d2l.symmetries can be true",
            );
        }
        Ok(())
    }
}
