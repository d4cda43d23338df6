//! New samples in each epoch, drawn beside the training of the epoch before (the key `fresh`).
//!
//! Of a training set of n samples from index k of a seed, epoch e (from 0) learns from the realisations
//! ```text
//! (seed, k + e n + i),   i = 0 .. n
//! ```
//! with the set's lattice, amplitudes and labels: epoch 0 from the set itself, later ones from those that follow. A sample depends on
//! its seed and index alone, so a run that was cut draws what it would have drawn. Samples that a run has beside the set stay in every
//! epoch.

use super::{Examples, Job};
use crate::dataset::{Labelled, Spec, realise};
use crate::nn::Kind;
use crate::ops::Device;
use crate::progress::Progress;
use crate::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often a run that waits for samples looks whether the user wants to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Draws the sets of a run's epochs.
pub(super) struct Fresh<D> {
    kind: Kind,
    source: Spec,
    /// Its work runs beside the training's.
    device: Arc<D>,
    /// The processor's part; in the pool that training uses, a step would wait for whole lattices.
    pool: Arc<ThreadPool>,
    coming: Option<Coming>,
}

impl<D: Device> Fresh<D> {
    /// Ready to draw for `job`, which has `n` samples.
    ///
    /// # Errors
    /// [`Error::Value`] where nobody knows what the training set was drawn from, it cannot be that, or there are not enough indices for
    /// all epochs.
    pub(super) fn new(device: &D, job: &Job<'_>, n: usize) -> Result<Self> {
        let key = format!("{}.fresh", job.architecture.kind.key());
        let Some(source) = job.source else {
            return Err(Error::value(key, "what the training set was drawn from is not known; only sets of generate can be followed"));
        };
        if source.count > n as u64 || source.lattice.size != job.architecture.size {
            let fault = format!(
                "the training set has {n} samples of {0} x {0} sites, but tells that it was drawn as {1} of {2} x {2}",
                job.architecture.size, source.count, source.lattice.size
            );
            return Err(Error::value(key, fault));
        }
        source.following(job.config.epochs - 1)?;
        let pool = ThreadPoolBuilder::new().build().map_err(|e| Error::Failed(format!("threads for new samples: {e}")))?;
        let (kind, source) = (job.architecture.kind, source.clone());
        Ok(Fresh { kind, source, device: Arc::new(device.beside()?), pool: Arc::new(pool), coming: None })
    }

    /// Begins to draw the samples of `epoch`, unless that is under way.
    pub(super) fn begin(&mut self, epoch: u64) -> Result<()> {
        if self.coming.as_ref().is_none_or(|coming| coming.epoch != epoch) {
            let spec = self.source.following(epoch)?;
            let listener = Arc::new(Listener::default());
            let (to, set) = sync_channel(1);
            let thread = {
                let (device, pool, listener) = (self.device.clone(), self.pool.clone(), listener.clone());
                // Nobody waits for what cannot be sent any more.
                thread::spawn(move || drop(to.send(pool.install(|| realise(&*device, &spec, &*listener)))))
            };
            self.coming = Some(Coming { epoch, listener, set, thread: Some(thread) });
        }
        Ok(())
    }

    /// Samples that are new in each epoch.
    pub(super) fn count(&self) -> usize {
        self.source.count as usize
    }

    /// The samples of `epoch`, waited for; none where the user wants to stop.
    pub(super) fn take(&mut self, epoch: u64, progress: &dyn Progress) -> Result<Option<Examples>> {
        self.begin(epoch)?;
        let Some(coming) = self.coming.take() else { return Ok(None) };
        let set = loop {
            match coming.set.recv_timeout(LOOK) {
                Ok(set) => break set?,
                Err(RecvTimeoutError::Timeout) if progress.stop() => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Failed("drawing new samples ended without a word".into())),
            }
        };
        coming.listener.notes().drain(..).for_each(|line| progress.note(&line));
        Ok(Some(Examples::new(self.kind, set)))
    }
}

/// The samples of an epoch, while they are drawn. Dropped before it is done, it is ended.
struct Coming {
    epoch: u64,
    listener: Arc<Listener>,
    set: Receiver<Result<Labelled>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.listener.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was printed, and met as a channel without a sender.
            let _ = thread.join();
        }
    }
}

/// What the drawing thread speaks to.
#[derive(Default)]
struct Listener {
    stop: AtomicBool,
    notes: Mutex<Vec<String>>,
}

impl Listener {
    fn notes(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Listener {
    fn note(&self, line: &str) {
        self.notes().push(line.into());
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
