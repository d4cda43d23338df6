//! Work that is kept shard by shard in a folder: `manifest.json` tells the whole job and the fingerprint of each finished shard. A kill
//! loses at most the two shards in hand, one made and one written; the same call again goes on. A single file is joined from such a folder.

use super::fingerprint;
use super::npz::{NpzWriter, write_npz};
use crate::file::Held;
use crate::{Error, Result, file};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::BufWriter;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

/// Lattices of a shard.
pub(super) const LATTICES: usize = 1024;

/// What is made in shards: rows 0 to `count`, row k of the result depending on `spec` and k alone.
#[derive(Debug, Clone)]
pub struct Sharded<J> {
    /// All that the result depends on. A folder is another job's where this differs.
    pub spec: J,
    /// Rows in all, at least 1.
    pub count: usize,
    /// Rows of a shard at most, at least 1.
    pub shard: usize,
    /// What the user calls rows.
    pub rows: &'static str,
    /// The arrays of a shard that have a row for each of its rows.
    pub arrays: &'static [&'static str],
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest<J> {
    pub(super) spec: J,
    pub(super) shards: Vec<Shard>,
}

/// A finished shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Shard {
    pub(super) file: String,
    pub(super) count: u64,
    fingerprint: String,
}

/// A finished job. Its folder is held as long as this lives.
pub struct Finished {
    count: usize,
    arrays: &'static [&'static str],
    folder: PathBuf,
    shards: Vec<PathBuf>,
    _held: Held,
}

impl<J: Serialize + DeserializeOwned + PartialEq + Clone + Send> Sharded<J> {
    /// Makes all of the job that is not in `folder` yet. A shard is made while the one before is written. `make` is told the rows of a shard,
    /// `write` where to write them.
    ///
    /// # Errors
    /// A folder that holds another job, or that another process works in; those of `make` and `write`; Ctrl-C, of which `make` knows. The
    /// shards before are saved.
    pub fn in_folder<S: Send>(
        &self,
        folder: &Path,
        make: impl FnMut(Range<usize>) -> Result<S>,
        write: impl Fn(&Path, Range<usize>, &S) -> Result<()> + Sync,
    ) -> Result<Finished> {
        self.begun(folder)?;
        let held = Held::new(folder)?;
        // Another process may have been at work until now.
        self.go_on(folder, held, self.begun(folder)?, make, write)
    }

    /// [`Sharded::in_folder`], in a hidden folder beside the file `out`, which [`Finished::join`] makes.
    ///
    /// # Errors
    /// Those of [`Sharded::in_folder`], but that its folder is nobody else's; an `out` that is a folder.
    pub fn beside<S: Send>(
        &self,
        out: &Path,
        make: impl FnMut(Range<usize>) -> Result<S>,
        write: impl Fn(&Path, Range<usize>, &S) -> Result<()> + Sync,
    ) -> Result<Finished> {
        if out.is_dir() {
            return Err(Error::file(out, "is a folder; name a file that is not there yet"));
        }
        // The name tells the job, so that another job's shards are never touched.
        let job = serde_json::to_string(&self.spec).map_err(|e| Error::Failed(e.to_string()))?;
        let out = file::target(out)?;
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let folder = out.with_file_name(format!(".{name}.{}.parts", fingerprint(job.as_bytes())));
        let held = Held::new(&folder)?;
        // Whatever is there is ours, and what cannot be used is made again.
        let found = Manifest::read(&folder.join("manifest.json")).ok().filter(|found| found.spec == self.spec);
        self.go_on(&folder, held, found.unwrap_or_else(|| self.nothing()), make, write)
    }

    fn go_on<S: Send>(
        &self,
        folder: &Path,
        held: Held,
        mut manifest: Manifest<J>,
        mut make: impl FnMut(Range<usize>) -> Result<S>,
        write: impl Fn(&Path, Range<usize>, &S) -> Result<()> + Sync,
    ) -> Result<Finished> {
        file::remove_leftovers(folder, "");
        // The manifest comes first, so that a folder with a shard in it is never without the name of its job.
        manifest.write(&folder.join("manifest.json"))?;
        // Only shards that are what the manifest says count as done.
        let wanted = self.from(0).map(|rows| rows.len() as u64);
        let sound = manifest.shards.iter().zip(wanted).take_while(|(shard, wanted)| shard.count == *wanted && shard.read(folder).is_ok());
        manifest.shards.truncate(sound.count());

        // The writer's thread ends with the last shard, or at a fault. What was made is saved, too, where making ends early.
        let done = manifest.done();
        let made = thread::scope(|scope| {
            let (to_writer, made) = sync_channel::<(Range<usize>, S)>(0);
            let manifest = &mut manifest;
            let write = |(rows, shard): (Range<usize>, S)| manifest.add(folder, rows.len(), |path| write(path, rows, &shard));
            let writer = scope.spawn(move || made.into_iter().try_for_each(write));
            let making = self.from(done).try_for_each(|rows| {
                let shard = make(rows.clone())?;
                // Where the writer takes no more, its fault is told.
                to_writer.send((rows, shard)).map_err(|_| Error::Failed("no shard can be written".into()))
            });
            drop(to_writer);
            writer.join().unwrap_or_else(|panic| resume_unwind(panic)).and(making)
        });
        if let Err(Error::Interrupted(_)) = made {
            let fault = format!("{} of {} {} are saved; the same command goes on", manifest.done(), self.count, self.rows);
            return Err(Error::Interrupted(fault));
        }
        made?;
        let shards = manifest.shards.iter().map(|shard| folder.join(&shard.file)).collect();
        Ok(Finished { count: self.count, arrays: self.arrays, folder: folder.into(), shards, _held: held })
    }

    /// What of the job is in `folder`.
    ///
    /// # Errors
    /// [`Error::File`] where there is anything else.
    fn begun(&self, folder: &Path) -> Result<Manifest<J>> {
        let path = folder.join("manifest.json");
        if path.exists() {
            let found = Manifest::read(&path)?;
            if found.spec == self.spec {
                return Ok(found);
            }
            let fault = "belongs to another set (seed, start, count, lattice, amplitudes or labels differ); name another folder";
            return Err(Error::file(&path, fault));
        }
        if fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|e| !is_ours(&e.file_name()))) {
            return Err(Error::file(folder, "is a folder with other things in it; name a new one, or a file ending in .npz"));
        }
        Ok(self.nothing())
    }

    /// The rows of each shard behind the first `done` rows.
    fn from(&self, done: usize) -> impl Iterator<Item = Range<usize>> {
        let (count, shard) = (self.count, self.shard);
        (done..count).step_by(shard).map(move |first| first..count.min(first + shard))
    }

    fn nothing(&self) -> Manifest<J> {
        Manifest { spec: self.spec.clone(), shards: Vec::new() }
    }
}

/// What may stand in a folder whose manifest is not written yet.
fn is_ours(name: &OsStr) -> bool {
    name == Held::FILE || file::is_leftover(name, "manifest.json")
}

impl Finished {
    /// The files of its shards, in order.
    pub fn shards(&self) -> &[PathBuf] {
        &self.shards
    }

    /// Joins the arrays of the shards, row behind row, into the file `out`, puts `rest` behind them, and removes the shards. It takes
    /// the memory of one shard.
    ///
    /// # Errors
    /// Those of reading and writing; the shards are still there.
    pub fn join(self, out: &Path, rest: impl FnOnce(&mut NpzWriter<&mut BufWriter<File>>) -> std::io::Result<()>) -> Result<()> {
        write_npz(out, |npz| {
            self.arrays.iter().try_for_each(|key| npz.join(key, self.count, &self.shards))?;
            rest(npz)
        })?;
        fs::remove_dir_all(&self.folder).map_err(|e| Error::write(&self.folder, e))
    }
}

impl Shard {
    /// The file, which must be the one that was written to `folder`, and its bytes.
    pub(super) fn read(&self, folder: &Path) -> Result<(PathBuf, Vec<u8>)> {
        let path = folder.join(&self.file);
        if Path::new(&self.file).file_name() != Some(self.file.as_ref()) {
            return Err(Error::file(folder.join("manifest.json"), format!("{:?} is no shard's name", self.file)));
        }
        let bytes = file::read_bytes(&path)?;
        if fingerprint(&bytes) != self.fingerprint {
            return Err(Error::file(path, "is not the shard that manifest.json tells of; run the same generate again to mend it"));
        }
        Ok((path, bytes))
    }
}

impl<J: Serialize + DeserializeOwned> Manifest<J> {
    pub(super) fn read(path: &Path) -> Result<Self> {
        serde_json::from_slice(&file::read_bytes(path)?).map_err(|e| Error::file(path, format!("not a manifest of shards: {e}")))
    }

    /// Rows of the finished shards.
    pub(super) fn done(&self) -> usize {
        self.shards.iter().fold(0, |done, shard| done.saturating_add(shard.count as usize))
    }

    /// Has a shard of `count` rows written into `folder`, then writes itself.
    fn add(&mut self, folder: &Path, count: usize, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let name = format!("shard-{:06}.npz", self.shards.len());
        let path = folder.join(&name);
        write(&path)?;
        let fingerprint = fingerprint(&file::read_bytes(&path)?);
        self.shards.push(Shard { file: name, count: count as u64, fingerprint });
        self.write(&folder.join("manifest.json"))
    }

    fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::Failed(e.to_string()))?;
        file::write_bytes(path, text.as_bytes())
    }
}
