//! Planted bugs are found and named, and the same kernels without them are let pass.

use cudarc::driver::sys::CUresult::{
    self, CUDA_ERROR_ILLEGAL_ADDRESS as ILLEGAL_ADDRESS, CUDA_ERROR_LAUNCH_FAILED as LAUNCH_FAILED,
    CUDA_ERROR_MISALIGNED_ADDRESS as MISALIGNED, CUDA_SUCCESS as SUCCESS,
};
use simt::{Build, Profile};

use crate::Case;
use crate::gpu::{Gpu, argument};

/// A kernel of `kernels/faults.cu`, its blocks and threads, and what comes of it.
type Row = (&'static str, u32, u32, CUresult, &'static [&'static str]);

/// Seen by the checking build only.
const CHECKED: &[Row] = &[
    ("missing_barrier", 1, 64, LAUNCH_FAILED, &["uninitialised: reads shared memory at faults.cu:11"]),
    ("with_barrier", 1, 64, SUCCESS, &[]),
    (
        "overwritten_while_read",
        1,
        256,
        LAUNCH_FAILED,
        &["race: reads shared memory at faults.cu:30, which thread", "wrote at faults.cu:28 with no barrier between"],
    ),
    ("shifted_in_place", 1, 64, LAUNCH_FAILED, &["race: writes shared memory at faults.cu:42, which thread (0,0,0) read at faults.cu:42"]),
    ("all_write_one", 1, 64, LAUNCH_FAILED, &["race: writes device memory", "wrote at faults.cu"]),
    ("blocks_add", 4, 32, LAUNCH_FAILED, &["race", "device memory", "another block"]),
    ("blocks_add_atomically", 4, 64, SUCCESS, &[]),
    ("neighbouring_bytes", 1, 64, SUCCESS, &[]),
    ("missing_syncwarp", 1, 32, LAUNCH_FAILED, &["race: reads shared memory", "wrote at faults.cu"]),
    ("with_syncwarp", 1, 32, SUCCESS, &[]),
    ("reads_past_the_end", 1, 64, ILLEGAL_ADDRESS, &["out of bounds: reads 4 bytes of device memory", "thread (0,0,0)", "faults.cu:"]),
    ("writes_past_the_end", 1, 64, ILLEGAL_ADDRESS, &["out of bounds: writes 4 bytes of device memory", "faults.cu:"]),
    ("writes_past_shared", 1, 64, ILLEGAL_ADDRESS, &["out of bounds: writes 4 bytes of shared memory", "thread (60,0,0)", "faults.cu:"]),
    ("writes_nowhere", 1, 32, ILLEGAL_ADDRESS, &["touches host memory at (nil)", "faults.cu:"]),
    ("misaligned", 1, 32, MISALIGNED, &["misaligned: 0x", "is no multiple of 16 bytes, at faults.cu:"]),
    ("uninitialised", 1, 64, LAUNCH_FAILED, &["uninitialised: reads shared memory at faults.cu:", "thread (56,0,0)"]),
    ("copy_not_waited_for", 1, 64, LAUNCH_FAILED, &["before the cp.async of thread (0,0,0)", "is waited for", "faults.cu:"]),
    ("copy_of_another_thread", 1, 64, LAUNCH_FAILED, &["uninitialised: reads shared memory", "faults.cu:"]),
    ("copy_of_a_later_group", 1, 64, LAUNCH_FAILED, &["before the cp.async", "is waited for"]),
];

/// Seen by both builds.
const ALWAYS: &[Row] = &[
    ("divergent_barrier", 1, 64, LAUNCH_FAILED, &["divergent barrier", "kernel divergent_barrier (faults.cu)", "at faults.cu:"]),
    ("absent_lanes", 1, 32, LAUNCH_FAILED, &["a shuffle waits for lane 1", "takes no part", "faults.cu:"]),
    ("wrong_mask", 1, 32, LAUNCH_FAILED, &["leaves out its own lane 16", "faults.cu:"]),
    ("mma_of_half_a_warp", 1, 32, LAUNCH_FAILED, &["mma f16 needs all 32 lanes", "faults.cu:"]),
    ("too_much_shared", 1, 64, LAUNCH_FAILED, &["more than 48 KiB", "faults.cu:"]),
    ("trapped", 1, 32, LAUNCH_FAILED, &["thread (3,0,0)", "__trap, at faults.cu:"]),
    ("copy_misaligned", 1, 64, MISALIGNED, &["cp.async of 16 bytes", "aligned", "faults.cu:"]),
];

/// What the plain build sees of them.
const GUARDED: &[Row] = &[
    ("writes_past_the_end", 1, 64, ILLEGAL_ADDRESS, &["something wrote past the end of the 4096 bytes of device memory"]),
    ("writes_past_shared", 1, 64, ILLEGAL_ADDRESS, &["wrote past the end of tile (240 bytes)"]),
    ("writes_nowhere", 1, 32, ILLEGAL_ADDRESS, &["touched (nil), which is not device memory, at faults.cu:"]),
    ("with_barrier", 1, 64, SUCCESS, &[]),
];

pub fn cases() -> Vec<Case> {
    let rows = |rows: &'static [Row], build| rows.iter().map(move |&row| (row, build));
    let mut cases: Vec<Case> = rows(CHECKED, Build::Checking)
        .chain(rows(ALWAYS, Build::Checking))
        .chain(rows(ALWAYS, Build::Plain))
        .chain(rows(GUARDED, Build::Plain))
        .map(|((name, grid, block, expected, says), build)| {
            let run = move || assert_eq!(run(name, grid, block).0, expected);
            Case::new(format!("checker::{name}::{build:?}"), run).on(Profile::Sm89, build).says(says)
        })
        .collect();
    // Without the checker a bug shows in some orders only; that is what the schedules are for.
    let shows = |name: &'static str, schedule, shows: bool| {
        let run = move || {
            let (fault, out) = run(name, 1, 64);
            assert_eq!(fault, SUCCESS);
            let right = (0..64).all(|i| out[i] == ((i + 1) % 64) as f32);
            assert_eq!(right, !shows, "{out:?}");
        };
        Case::new(format!("checker::{name}::{schedule}"), run).with("SIMT_SCHEDULE", schedule)
    };
    cases.push(shows("missing_barrier", "ascending", true));
    cases.push(shows("missing_barrier", "descending", true));
    cases.extend(["ascending", "descending", "7"].map(|schedule| shows("with_barrier", schedule, false)));
    cases
}

/// Runs a kernel on 1024 numbers out and 1024 in: 0, 1, 2, ...
fn run(name: &str, grid: u32, block: u32) -> (CUresult, Vec<f32>) {
    let gpu = Gpu::new();
    let output = gpu.memory(&[0.0f32; 1024]);
    let input = gpu.memory(&(0..1024).map(|i| i as f32).collect::<Vec<_>>());
    let launched = gpu.launch(name, grid, block, 0, &[argument(&output), argument(&input)]);
    assert_eq!(launched, SUCCESS, "a launch returns before anything is run");
    let result = gpu.wait();
    if result != SUCCESS {
        assert_eq!(gpu.wait(), result, "a fault stays");
        return (result, Vec::new());
    }
    (result, gpu.read(output, 1024))
}
