//! How a card computes products. Memory holds f32 and sums are f32 in each of them.

use std::fmt;

/// What the factors of a product are rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Not at all: plain f32, no tensor cores.
    F32,
    /// 10 bits of mantissa, f32's range.
    Tf32,
    /// 7 bits of mantissa, f32's range.
    Bf16,
    /// 10 bits of mantissa, a range of 6e-8 to 65504; gradients are scaled to fit.
    F16,
}

impl Precision {
    /// Every one of them.
    pub const ALL: [Precision; 4] = [Precision::F32, Precision::Tf32, Precision::Bf16, Precision::F16];

    /// As the configuration and the kernels spell it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
        }
    }

    /// The compute capability that brought it.
    fn since(self) -> (u32, u32) {
        match self {
            Precision::F32 | Precision::F16 => (7, 5),
            Precision::Tf32 | Precision::Bf16 => (8, 0),
        }
    }

    /// Does a card of this compute capability have it?
    pub fn on(self, capability: (u32, u32)) -> bool {
        capability >= self.since()
    }

    /// What a card of this compute capability takes if nothing else is asked: TF32 has f32's range and enough bits to train.
    pub fn default_on(capability: (u32, u32)) -> Self {
        if Precision::Tf32.on(capability) { Precision::Tf32 } else { Precision::F32 }
    }

    /// Those of a card, as words.
    pub fn list(capability: (u32, u32)) -> String {
        let names: Vec<_> = Precision::ALL.into_iter().filter(|p| p.on(capability)).map(Precision::name).collect();
        names.join(", ")
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
