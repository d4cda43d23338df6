//! Recorded steps: the same bits as steps that the host launches one by one, wherever a run is cut.

use super::networks::{trained, trained_fresh};
use super::support::ensure;
use super::{Case, Fault, Verdict};
use scalefree::Error;
use scalefree::device::cuda::CudaFault;
use scalefree::device::{Cuda, Memory, Replay};
use scalefree::nn::Kind;
use scalefree::ops::adam::{Adam, AdamConfig, AdamForm, AdamState, Decay};
use scalefree::progress::{Progress, Silent};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two samples a step, two epochs, 41 steps each: a plain one, a graph of many, and some graphs of one.
const SHAPE: [usize; 3] = [2, 2, 83];

pub fn cases() -> Vec<Case<Cuda>> {
    let case = |name: &str, run: fn(&Cuda) -> Verdict| Case::new(format!("graphs: {name}"), run);
    vec![
        case("recorded work runs when it is replayed", replay),
        case("work that asks the host is refused", refuse),
        case("training in them is training without", same_bits),
        case("a run cut inside one goes on", resume),
        case("fresh samples under symmetries, the rate on a cosine, parameters averaged", options),
    ]
}

/// The files that a run leaves.
fn files(folder: &Path) -> Result<Vec<Vec<u8>>, Fault> {
    let names = ["metrics.jsonl", "checkpoints/state.safetensors", "checkpoints/best.safetensors"];
    names.iter().map(|name| Ok(fs::read(folder.join(name))?)).collect()
}

fn plain(device: &Cuda) -> scalefree::Result<Cuda> {
    Ok(Cuda::new(device.ordinal(), Some(device.precision()))?.without_graphs())
}

fn same_bits(device: &Cuda) -> Verdict {
    for kind in [Kind::D2l, Kind::L2d] {
        let (graphs, launches) = (tempfile::tempdir()?, tempfile::tempdir()?);
        trained(device, kind, SHAPE, graphs.path(), false, &Silent)?;
        trained(&plain(device)?, kind, SHAPE, launches.path(), false, &Silent)?;
        ensure!(files(graphs.path())? == files(launches.path())?, "{kind}: the files differ");
    }
    Ok(())
}

/// Asks to stop once so many looks at the costs are done.
struct StopAfter(AtomicUsize);

impl Progress for StopAfter {
    fn advance(&self, _done: u64, _detail: &str) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// After one look the run stands in the middle of what an uninterrupted one does in one graph; after two, behind it.
fn resume(device: &Cuda) -> Verdict {
    let whole = tempfile::tempdir()?;
    trained(device, Kind::D2l, SHAPE, whole.path(), false, &Silent)?;
    for looks in [1, 2] {
        let parts = tempfile::tempdir()?;
        let cut = trained(device, Kind::D2l, SHAPE, parts.path(), false, &StopAfter(AtomicUsize::new(looks)));
        let words = ["", "step 1 is", "step 33 is"][looks];
        ensure!(matches!(&cut, Err(Error::Interrupted(text)) if text.contains(words)), "after {looks} looks: {cut:?}");
        trained(device, Kind::D2l, SHAPE, parts.path(), true, &Silent)?;
        ensure!(files(parts.path())? == files(whole.path())?, "cut after {looks} looks, the files differ");
    }
    Ok(())
}

/// What an epoch learns from is drawn on a second stream while the first is recorded and replayed.
fn options(device: &Cuda) -> Verdict {
    let [graphs, launches, cut] = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    trained_fresh(device, SHAPE, graphs.path(), &Silent)?;
    trained_fresh(&plain(device)?, SHAPE, launches.path(), &Silent)?;
    ensure!(files(graphs.path())? == files(launches.path())?, "the files differ");
    // In the second epoch.
    let stopped = trained_fresh(device, SHAPE, cut.path(), &StopAfter(AtomicUsize::new(4)));
    ensure!(matches!(&stopped, Err(Error::Interrupted(text)) if text.contains("step 73 is")), "{stopped:?}");
    trained_fresh(device, SHAPE, cut.path(), &Silent)?;
    ensure!(files(cut.path())? == files(graphs.path())?, "cut, the files differ");
    Ok(())
}

fn counter(device: &Cuda) -> scalefree::Result<AdamState<Cuda>> {
    let (lr, decay_rate, decay_steps, beta1, beta2, epsilon) = (0.1, 1.0, 1.0, 0.9, 0.999, 1e-8);
    let config = AdamConfig { lr, decay_rate, decay_steps, beta1, beta2, epsilon, form: AdamForm::TensorFlow, decay: Decay::Exponential };
    let mut adam = AdamState::new(device, config, 8, 1)?;
    device.adam_advance(&mut adam)?;
    Ok(adam)
}

fn count(device: &Cuda, adam: &AdamState<Cuda>) -> scalefree::Result<u64> {
    let mut step = [0];
    device.download(&adam.step, &mut step)?;
    Ok(step[0])
}

fn replay(device: &Cuda) -> Verdict {
    let mut adam = counter(device)?;
    let graph = device.record(&mut || (0..2).try_for_each(|_| device.adam_advance(&mut adam)))?.ok_or("the card recorded nothing")?;
    ensure!(count(device, &adam)? == 1, "recording ran the work");
    for _ in 0..3 {
        // SAFETY: the buffers are those of `adam`, which lives.
        unsafe { device.replay(&graph)? };
    }
    let steps = count(device, &adam)?;
    ensure!(steps == 7, "3 replays of 2 steps after the first make {steps}");
    let mut called = false;
    let none = plain(device)?.record(&mut || {
        called = true;
        Ok(())
    })?;
    ensure!(none.is_none() && !called, "a card without graphs records");
    Ok(())
}

/// Neither a wait nor an allocation can be recorded; the card works on.
fn refuse(device: &Cuda) -> Verdict {
    let mut adam = counter(device)?;
    let waits: [&dyn Fn() -> scalefree::Result<()>; 2] = [&|| device.synchronize(), &|| device.zeros::<f32>(4).map(drop)];
    for wait in waits {
        let recorded = device.record(&mut || {
            device.adam_advance(&mut adam)?;
            wait()
        });
        let refused = matches!(&recorded, Err(Error::Cuda(CudaFault::Driver { code, .. })) if code.contains("CAPTURE"));
        ensure!(refused, "it was recorded, or the fault is {:?}", recorded.err());
    }
    device.adam_advance(&mut adam)?;
    let steps = count(device, &adam)?;
    ensure!(steps == 2, "the card counts {steps}");
    Ok(())
}
