//! What the device answers when something is missing or breaks: each in a child, on an emulator that is set up for it.

use super::support::ensure;
use super::variant::{child as program, emulate, verdict, without};
use super::{Fault, Verdict};
use libtest_mimic::Trial;
use scalefree::device::cuda::{CudaFault, Precision, built};
use scalefree::device::{Cuda, Memory, Replay};
use scalefree::ops::gather::{Gather, GatherConfig};
use scalefree::{Error, Result};
use simt::{Build, Profile};
use std::process::Command;

/// A way to break, and what must come of it.
struct Breakage {
    name: &'static str,
    profile: Profile,
    build: Build,
    environment: &'static [(&'static str, &'static str)],
    /// A function or a kernel that the driver's library has not.
    lacks: Option<&'static str>,
    run: fn() -> Verdict,
}

const fn plain(name: &'static str, environment: &'static [(&'static str, &'static str)], run: fn() -> Verdict) -> Breakage {
    Breakage { name, profile: Profile::Sm89, build: Build::Plain, environment, lacks: None, run }
}

/// Every variant of [`CudaFault`] but two: `Solver` hands over to the next solver, which the labels' cases show, and the largest batch
/// that fits is asked of `train` in tests/card.rs.
const BREAKAGES: [Breakage; 16] = [
    plain("no driver", &[("LD_LIBRARY_PATH", "")], no_driver),
    plain("a driver too old", &[("SIMT_DRIVER_VERSION", "12040")], old_driver),
    Breakage { lacks: Some("cuGraphLaunch"), ..plain("a driver without a function", &[], missing_function) },
    plain("a driver without a card", &[("SIMT_DEVICES", "0")], no_card),
    plain("no such card", &[], no_such_card),
    plain("a card too old", &[("SIMT_CAPABILITY", "70")], old_card),
    plain("no kernels in the build", &[("SCALEFREE_KERNELS", "")], no_kernels),
    plain("kernels that are not there", &[("SCALEFREE_KERNELS", "nowhere.fatbin")], || bad_kernels(&["nowhere.fatbin"])),
    plain("kernels that are none", &[("SCALEFREE_KERNELS", ZEROS)], || bad_kernels(&[ZEROS, "INVALID_IMAGE"])),
    Breakage { lacks: Some("gather"), ..plain("a kernel that is missing", &[], missing_kernel) },
    Breakage { profile: Profile::Sm75, ..plain("a precision that the card lacks", &[], no_precision) },
    plain("out of memory", &[("SIMT_MEMORY", "67108864")], out_of_memory),
    Breakage { build: Build::Checking, ..plain("a kernel that fails", &[], sticky) },
    plain("a launch of too many blocks", &[], refused_launch),
    plain("a node that cannot be replayed", &[("SIMT_NODE", "10")], graph_node),
    plain("an allocation in recorded work", &[], other),
];

/// A file of zeros in the child's folder.
const ZEROS: &str = "zeros.fatbin";

pub fn trials() -> Vec<Trial> {
    // What this machine has decides whether the lack of it can be shown.
    let has_driver = !matches!(fault_of(Cuda::new(0, None)), Some(CudaFault::NoDriver(_)));
    let has_kernels = built().bytes > 0;
    let ignored = |name: &str| !simt::is_built() || name == "no driver" && has_driver || name == "no kernels in the build" && has_kernels;
    let trial = |breakage: &'static Breakage| {
        let run = move || {
            let mut command: Command = program(["emulated", "fault", breakage.name]);
            let (mut folder, own) = (simt::folder(breakage.profile, breakage.build), tempfile::tempdir()?);
            std::fs::write(own.path().join(ZEROS), [0; 64])?;
            if let Some(word) = breakage.lacks {
                without(word, "libcuda.so", &folder, own.path())?;
                folder = own.path().to_owned();
            }
            let environment = breakage.environment.iter().copied();
            verdict(&emulate(&mut command, &folder).current_dir(own.path()).envs(environment).output()?)
        };
        Trial::test(format!("fault: {}", breakage.name), run).with_ignored_flag(ignored(breakage.name))
    };
    BREAKAGES.iter().map(trial).collect()
}

/// The child: 0 when the answer was the right one.
pub fn child(name: &str) -> std::result::Result<usize, Fault> {
    let breakage = BREAKAGES.iter().find(|b| b.name == name).ok_or("no such breakage")?;
    (breakage.run)().map(|()| 0)
}

fn fault_of<T>(result: Result<T>) -> Option<CudaFault> {
    match result {
        Err(Error::Cuda(fault)) => Some(fault),
        _ => None,
    }
}

/// `fault` must be there, of the right kind, and its text must hold `words`: the value at fault and what mends it.
fn expect(fault: Option<CudaFault>, right: impl Fn(&CudaFault) -> bool, words: &[&str]) -> Verdict {
    let Some(fault) = fault else { return Err("there was no fault of the card".into()) };
    ensure!(right(&fault), "the fault is {fault:?}");
    let text = fault.to_string();
    for word in words {
        ensure!(text.contains(word), "{text:?} does not say {word:?}");
    }
    Ok(())
}

fn no_driver() -> Verdict {
    expect(fault_of(Cuda::new(0, None)), |f| matches!(f, CudaFault::NoDriver(_)), &["install", "--device cpu"])
}

fn old_driver() -> Verdict {
    expect(fault_of(Cuda::new(0, None)), |f| *f == CudaFault::OldDriver(12040), &["12.4", "13.0", "install"])
}

fn missing_function() -> Verdict {
    expect(fault_of(Cuda::new(0, None)), |f| *f == CudaFault::MissingFunction("cuGraphLaunch"), &["no cuGraphLaunch", "install"])
}

fn no_card() -> Verdict {
    expect(fault_of(Cuda::new(0, None)), |f| matches!(f, CudaFault::NoCard { ordinal: 0, count: 0 }), &["no card"])
}

fn no_such_card() -> Verdict {
    expect(fault_of(Cuda::new(3, None)), |f| matches!(f, CudaFault::NoCard { ordinal: 3, count: 1 }), &["cuda:3", "cuda:0"])
}

fn no_kernels() -> Verdict {
    expect(fault_of(Cuda::new(0, None)), |f| matches!(f, CudaFault::NoKernels), &["scripts/cuda-toolkit.sh"])
}

fn old_card() -> Verdict {
    let right = |f: &CudaFault| matches!(f, CudaFault::OldCard { capability: (7, 0), .. });
    expect(fault_of(Cuda::new(0, None)), right, &["7.0", "7.5", "--device cpu"])
}

fn bad_kernels(words: &[&str]) -> Verdict {
    expect(fault_of(Cuda::new(0, None)), |f| matches!(f, CudaFault::BadKernels { .. }), words)
}

fn missing_kernel() -> Verdict {
    let right = |f: &CudaFault| matches!(f, CudaFault::MissingKernel { kernel, .. } if kernel == "gather");
    expect(fault_of(gather(&Cuda::new(0, None)?, 8, 0)), right, &["no gather", "build again"])
}

fn no_precision() -> Verdict {
    let right = |f: &CudaFault| matches!(f, CudaFault::NoPrecision { capability: (7, 5), precision: Precision::Tf32, .. });
    expect(fault_of(Cuda::new(0, Some(Precision::Tf32))), right, &["7.5", "f32, f16"])?;
    ensure!(Cuda::new(0, None)?.precision() == Precision::F32, "an RTX 20 computes in f32 unless it is told otherwise");
    Ok(())
}

/// What was asked for, what is free, and a card that still works.
fn out_of_memory() -> Verdict {
    let device = Cuda::new(0, None)?;
    let asked = 1 << 27;
    let right = |f: &CudaFault| matches!(f, CudaFault::OutOfMemory { asked: a, free, .. } if *a >= asked && *free < asked && *free > 0);
    expect(fault_of(device.zeros::<u8>(asked)), right, &["128.0 MiB", "batch"])?;
    let mut back = [1_u8; 5];
    device.download(&device.zeros::<u8>(5)?, &mut back)?;
    ensure!(back == [0; 5], "a new buffer holds {back:?}");
    Ok(())
}

/// An index far outside the data set. The fault names the kernel; whatever is asked afterwards gets the same answer.
fn sticky() -> Verdict {
    let device = Cuda::new(0, None)?;
    let mut step = device.zeros(1)?;
    let fault = fault_of(gather(&device, 8, 1_000_000));
    let right = |f: &CudaFault| matches!(f, CudaFault::Kernel { .. });
    expect(fault.clone(), right, &["gather"])?;
    for later in [fault_of(device.zeros::<f32>(4)), fault_of(device.synchronize()), fault_of(device.upload(&[2_u64], &mut step))] {
        ensure!(later == fault, "a later call answers {later:?}");
    }
    Ok(())
}

/// Row `row` of a data set of one row, `width` wide as the kernel is told: 8 numbers are there.
fn gather(device: &Cuda, width: usize, row: u32) -> Result<()> {
    let config = GatherConfig { batch: 1, width, steps: 1 };
    let source = device.zeros(8)?;
    let (mut order, mut step, mut out) = (device.zeros(1)?, device.zeros(1)?, device.zeros(8)?);
    device.upload(&[row], &mut order)?;
    device.upload(&[1_u64], &mut step)?;
    device.gather(&config, &source, &order, &step, &mut out)?;
    device.synchronize()
}

/// Rows too wide for a grid. Nothing ran, so the card goes on.
fn refused_launch() -> Verdict {
    let device = Cuda::new(0, None)?;
    let right = |f: &CudaFault| matches!(f, CudaFault::Launch { kernel, .. } if kernel == "gather");
    expect(fault_of(gather(&device, 65_536 * 256, 0)), right, &["gather was refused", "INVALID_VALUE"])?;
    Ok(gather(&device, 8, 0)?)
}

fn graph_node() -> Verdict {
    let device = Cuda::new(0, None)?;
    let (source, order, step, mut out) = (device.zeros(8)?, device.zeros(1)?, device.zeros(1)?, device.zeros(8)?);
    let config = GatherConfig { batch: 1, width: 8, steps: 1 };
    let recorded = device.record(&mut || device.gather(&config, &source, &order, &step, &mut out));
    expect(fault_of(recorded), |f| *f == CudaFault::GraphNode { kind: 10 }, &["kind 10", "can be replayed"])
}

/// The driver's own word, and the call that it answered.
fn other() -> Verdict {
    let device = Cuda::new(0, None)?;
    let right = |f: &CudaFault| matches!(f, CudaFault::Driver { call: "cuMemAlloc", .. });
    expect(fault_of(device.record(&mut || device.zeros::<f32>(4).map(drop))), right, &["cuMemAlloc", "STREAM_CAPTURE_UNSUPPORTED"])?;
    Ok(gather(&device, 8, 0)?)
}
