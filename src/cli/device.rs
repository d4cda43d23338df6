//! `device`: what there is to compute on, and for what is missing, what mends it.

use super::common::Common;
use super::compute::{describe, open};
use crate::Result;
use crate::config::Preset;
use crate::device::Cuda;
use crate::device::cuda::{Built, Card, Driver, KERNELS, Precision, built};
use serde_json::{Value, json};

pub(super) fn run(common: &Common) -> Result<()> {
    let config = common.load(Preset::Paper)?;
    let threads = rayon::current_num_threads();
    let driver = Driver::load();
    let cards = driver.as_ref().map_or_else(|_| Ok(Vec::new()), Driver::cards)?;
    let working: Vec<_> = (0..cards.len()).map(|ordinal| Cuda::new(ordinal, None).map(|device| device.precision())).collect();
    let taken = open(&config, true);
    if common.json {
        let fault = |e: &crate::Error| json!({ "fault": e.to_string() });
        let Built { toolkit, architectures, bytes, fault: failed } = built();
        let cards: Vec<Value> = cards.iter().zip(&working).map(|(card, working)| card_json(card, working)).collect();
        let facts = json!({
            "cpu": { "threads": threads },
            "kernels": { "toolkit": toolkit, "architectures": architectures, "bytes": bytes, "fault": failed },
            "driver": driver.as_ref().map_or_else(fault, |d| json!({ "cuda": version(d) })),
            "cards": cards,
            "taken": taken.as_ref().map_or_else(fault, |compute| {
                let (device, precision) = compute.name();
                json!({ "device": device, "precision": precision })
            }),
        });
        out!("{facts}");
        return Ok(());
    }
    out!("cpu      {threads} threads; f32 or f64");
    out!("kernels  {}", kernels());
    out!("driver   {}", driver.as_ref().map_or_else(ToString::to_string, |d| format!("CUDA {}", version(d))));
    if driver.is_ok() && cards.is_empty() {
        out!("cards    the driver shows none; `nvidia-smi` tells what it sees, CUDA_VISIBLE_DEVICES may hide it");
    }
    for (ordinal, (card, working)) in cards.iter().zip(&working).enumerate() {
        let Card { name, capability: (major, minor), multiprocessors, .. } = card;
        out!(
            "cuda:{ordinal:<3} {name}: compute capability {major}.{minor}, {multiprocessors} multiprocessors, {:.1} GiB",
            gib(card.memory)
        );
        match working {
            Ok(precision) => out!("         works, in {}; {precision} unless told otherwise", Precision::list(card.capability)),
            Err(fault) => out!("         does not work: {fault}"),
        }
    }
    out!("{} takes {}", config.device, taken.map_or_else(|fault| format!("nothing: {fault}"), |compute| describe(&compute)));
    Ok(())
}

/// The kernels in this program, in a line.
fn kernels() -> String {
    let Built { toolkit, architectures, bytes, fault } = built();
    if let Some(file) = std::env::var_os(KERNELS).filter(|name| !name.is_empty()) {
        return format!("from {} ({KERNELS})", file.display());
    }
    if !fault.is_empty() {
        return format!("none; the CUDA compiler failed: {fault}");
    }
    if bytes == 0 {
        return "none; no CUDA compiler was found: run scripts/cuda-toolkit.sh and build again".into();
    }
    format!("CUDA {toolkit}, {:.1} MiB: {architectures}, and PTX for newer cards", bytes as f64 / f64::from(1 << 20))
}

fn card_json(card: &Card, working: &Result<Precision>) -> Value {
    let (major, minor) = card.capability;
    json!({
        "name": card.name,
        "capability": format!("{major}.{minor}"),
        "multiprocessors": card.multiprocessors,
        "memory": card.memory,
        "precision": working.as_ref().ok().map(|p| p.name()),
        "fault": working.as_ref().err().map(ToString::to_string),
    })
}

fn version(driver: &Driver) -> String {
    let (major, minor) = driver.version();
    format!("{major}.{minor}")
}

fn gib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}
