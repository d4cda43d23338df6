//! The kernels as nvcc compiled them: there is machine code for every architecture, and no kernel spills its registers to memory.
//! Ignored by name where the build found no CUDA compiler.

use libtest_mimic::{Arguments, Failed, Trial};
use scalefree::device::cuda::built;
use std::collections::{BTreeMap, BTreeSet};

/// What ptxas said of every kernel and architecture.
const LOG: &str = include_str!(concat!(env!("OUT_DIR"), "/ptxas.log"));

/// Kernels that may spill, with the reason.
const MAY_SPILL: [(&str, &str); 0] = [];

fn main() {
    let none = built().toolkit.is_empty() && built().fault.is_empty();
    let trials = [Trial::test("every_kernel_compiles_for_every_architecture", compiled), Trial::test("no_kernel_spills", spills)];
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(none)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn compiled() -> Result<(), Failed> {
    if !built().fault.is_empty() {
        return Err(format!("nvcc failed, see the build's output: {}", built().fault).into());
    }
    let mut kernels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Compiled { kernel, architecture, .. } in log() {
        kernels.entry(kernel).or_default().insert(architecture);
    }
    if kernels.is_empty() {
        return Err("ptxas named no kernel".into());
    }
    let wanted: BTreeSet<_> = built().architectures.split(' ').collect();
    match kernels.iter().find(|(_, found)| **found != wanted) {
        Some((kernel, found)) => Err(format!("{kernel} is compiled for {found:?} and not for {wanted:?}").into()),
        None => Ok(()),
    }
}

fn spills() -> Result<(), Failed> {
    let allowed = |kernel: &str| MAY_SPILL.iter().any(|(name, _)| *name == kernel);
    let spilled: Vec<_> = log().into_iter().filter(|c| c.spilled > 0 && !allowed(c.kernel)).collect();
    let lines = spilled.iter().map(|c| format!("{} spills {} bytes on {}", c.kernel, c.spilled, c.architecture));
    match lines.collect::<Vec<_>>() {
        lines if lines.is_empty() => Ok(()),
        lines => Err(lines.join("\n").into()),
    }
}

/// One kernel on one architecture.
struct Compiled {
    kernel: &'static str,
    architecture: &'static str,
    /// Bytes stored and loaded.
    spilled: u64,
}

/// Reads lines such as
/// ```text
/// ptxas info    : Compiling entry function 'gather' for 'sm_75'
///     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
/// ```
fn log() -> Vec<Compiled> {
    let mut found: Vec<Compiled> = Vec::new();
    for line in LOG.lines() {
        if let Some((_, names)) = line.split_once("Compiling entry function '") {
            let names: Vec<_> = names.split('\'').collect();
            found.push(Compiled { kernel: names[0], architecture: names[2], spilled: 0 });
        } else if let (Some(last), true) = (found.last_mut(), line.contains("bytes spill")) {
            let counts = line.split(',').filter(|part| part.contains("spill"));
            last.spilled += counts.filter_map(|part| part.split_whitespace().next()?.parse::<u64>().ok()).sum::<u64>();
        }
    }
    found
}
