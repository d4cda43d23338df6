//! One table of cases (op x shape x precision, then whole networks), run on every device that there is: the CPU in f32, the
//! emulated CUDA driver under each profile, schedule and build, and a real GPU.
//!
//! A process can load one CUDA driver, so each variant is a child: this program again, with the driver on its library path. The child
//! prints a line a case; the parent reports those that failed. `emulated --child VARIANT TABLE [WORDS]` by hand runs the cases
//! whose names hold WORDS.

mod convolution;
mod dense;
mod eigen;
mod faults;
mod graphs;
mod labels;
mod lint;
#[path = "../matrices/mod.rs"]
mod matrices;
mod mutations;
mod networks;
mod physics;
mod piece;
#[path = "../reference/mod.rs"]
mod reference;
mod roof;
mod small;
#[cfg(feature = "cli")]
mod suite;
mod support;
mod variant;

use libtest_mimic::{Arguments, Trial};
use scalefree::Error;
use scalefree::device::cuda::{CudaFault, Precision};
use scalefree::device::{Cpu, Cuda};
use scalefree::ops::Device;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The argument that makes this program the child of another run of it.
pub const CHILD: &str = "--child";

/// The table of everything but the full width.
pub const ALL: &str = "all";
/// The table without networks, for checkers of every access: what runs twice elsewhere runs once.
pub const OPS: &str = "ops";
/// The table of the paper's shapes alone.
pub const FULL_WIDTH: &str = "full-width";

/// The table of the paper's shapes in large batches, whose products take large tiles on any card: too much for the emulator.
pub const LARGE: &str = "large";

/// Why a case failed.
pub type Fault = Box<dyn std::error::Error>;
/// What became of a case.
pub type Verdict = Result<(), Fault>;

/// How a device rounds the factors of its products; sums are f32 in all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arithmetic {
    /// Not at all.
    F32,
    /// To 10 bits of mantissa.
    Tf32,
    /// To 7 bits of mantissa.
    Bf16,
    /// To 10 bits of mantissa and a narrow range.
    F16,
}

impl Arithmetic {
    fn of(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Arithmetic::F32,
            Precision::Tf32 => Arithmetic::Tf32,
            Precision::Bf16 => Arithmetic::Bf16,
            Precision::F16 => Arithmetic::F16,
        }
    }

    /// Error of a product, relative to the largest sum of absolute products.
    pub fn product(self) -> f64 {
        [1e-6, 2e-3, 1.5e-2, 2e-3][self as usize]
    }

    /// Error of a whole network's gradients, each tensor's relative to its largest number.
    pub fn gradient(self) -> f64 {
        [1e-5, 5e-3, 3e-2, 5e-3][self as usize]
    }

    /// Error of an epoch's cost.
    pub fn trace(self) -> f64 {
        [1e-4, 2e-3, 1e-2, 2e-3][self as usize]
    }
}

/// One row of the table.
pub struct Case<D> {
    name: String,
    run: Box<dyn Fn(&D) -> Verdict>,
}

impl<D> Case<D> {
    fn new(name: String, run: impl Fn(&D) -> Verdict + 'static) -> Self {
        Case { name, run: Box::new(run) }
    }
}

/// The ops on a device that computes in `arithmetic`; with `all`, also those that round no product.
fn ops<D: Device<Real = f32>>(arithmetic: Arithmetic, all: bool) -> Vec<Case<D>> {
    let mut cases = Vec::new();
    if all {
        physics::cases(&mut cases);
        small::cases(&mut cases);
        labels::cases(&mut cases);
    }
    convolution::cases(arithmetic, &mut cases);
    dense::cases(arithmetic, &mut cases);
    cases
}

/// The whole table: ops, then networks.
fn all_cases<D: Device<Real = f32>>(arithmetic: Arithmetic, all: bool) -> Vec<Case<D>> {
    let mut cases = ops(arithmetic, all);
    networks::cases(arithmetic, &mut cases);
    cases
}

/// The real shapes of the paper's D2L at batch 10.
fn full_width<D: Device<Real = f32>>(arithmetic: Arithmetic) -> Vec<Case<D>> {
    let mut cases = vec![networks::full_width(arithmetic)];
    convolution::full_width(arithmetic, &mut cases);
    cases
}

/// The paper's layers at batches of 64 and more.
fn large<D: Device<Real = f32>>(arithmetic: Arithmetic) -> Vec<Case<D>> {
    let mut cases = Vec::new();
    convolution::large(arithmetic, &mut cases);
    dense::large(arithmetic, &mut cases);
    cases
}

/// Runs the cases whose names hold all of `words`; how many failed.
fn run<D>(device: &D, cases: &[Case<D>], words: &str) -> usize {
    let mut failed = 0;
    for case in cases.iter().filter(|case| words.split_whitespace().all(|word| case.name.contains(word))) {
        let start = Instant::now();
        let verdict = catch_unwind(AssertUnwindSafe(|| (case.run)(device))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).into()));
            Err(words.unwrap_or_else(|| "a panic".into()).into())
        });
        match verdict {
            Ok(()) => println!("ok     {:5} ms  {}", start.elapsed().as_millis(), case.name),
            Err(fault) => {
                println!("FAILED           {} -- {fault}", case.name);
                failed += 1;
            }
        }
    }
    failed
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == CHILD) {
        return child(&arguments[1..]);
    }
    let mut trials = variant::trials();
    trials.extend(faults::trials());
    trials.extend(labels::trials());
    trials.push(Trial::test("kernels keep to the portable dialect", lint::dialect));
    #[cfg(feature = "cli")]
    trials.extend(suite::trials());
    trials.push(mutations::trial());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// `VARIANT TABLE [WORDS]`: the cases of one device.
fn child(arguments: &[String]) -> ExitCode {
    let [device, table, words] = [0, 1, 2].map(|at| arguments.get(at).map_or("", String::as_str));
    let failed = match (device, table) {
        ("cpu", _) => Ok(run(&Cpu::<f32>::new(), &all_cases(Arithmetic::F32, true), words)),
        (_, "fault") => faults::child(words),
        (_, "labels") => labels::child(words),
        (_, table) => on_card(table, words),
    };
    match failed {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(fault) => {
            println!("FAILED           {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The cases of `table` on the card that the driver shows, in each of its ways to compute.
fn on_card(table: &str, words: &str) -> Result<usize, Fault> {
    let mut failed = 0;
    support::ONCE.store(table == OPS, Ordering::Relaxed);
    for (index, precision) in Precision::ALL.into_iter().enumerate() {
        let device = match Cuda::new(0, Some(precision)) {
            Err(Error::Cuda(CudaFault::NoPrecision { .. })) => continue,
            device => device?,
        };
        let arithmetic = Arithmetic::of(precision);
        failed += match table {
            FULL_WIDTH if precision != Precision::Tf32 => 0,
            FULL_WIDTH => run(&device, &full_width(arithmetic), words),
            LARGE => run(&device, &large(arithmetic), words),
            // Every access is looked at: BF16's kernels are TF32's but for the conversions.
            OPS if precision == Precision::Bf16 => continue,
            OPS | "mutant" => run(&device, &ops(arithmetic, index == 0), words),
            ALL => run(&device, &all_cases(arithmetic, index == 0), words),
            other => return Err(format!("no table {other:?}").into()),
        };
        if [FULL_WIDTH, LARGE].contains(&table) {
            continue;
        }
        failed += run(&device, &roof::cases(precision), words);
        // The eigen-solver has its own precisions.
        if index == 0 {
            failed += run(&device, &eigen::cases(), words);
        }
        // Steps are recorded alike in every precision.
        if index == 0 && table == ALL {
            failed += run(&device, &graphs::cases(), words);
        }
        // Of a planted bug the first case that fails is enough.
        if table == "mutant" && failed > 0 {
            break;
        }
    }
    Ok(failed)
}
