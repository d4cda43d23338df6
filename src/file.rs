//! Atomic writes: a file is complete under its name, or not there at all.

use crate::{Error, Result};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Writes a file through `fill` under a temporary name beside `path`, syncs it, and renames it over `path`; where that is a link, over the file
/// that it leads to. On any failure the temporary file is removed and whatever stood at `path` is untouched.
///
/// # Errors
/// [`Error::Write`]; [`Error::File`] where `path` is a device or a pipe, which would be replaced.
pub fn write_atomic(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let target = target(path)?;
    let temporary = temporary_name(&target);
    let written = (|| {
        let mut writer = BufWriter::new(File::create(&temporary)?);
        fill(&mut writer)?;
        writer.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        fs::rename(&temporary, &target)
    })();
    written.map_err(|source| {
        let _ = fs::remove_file(&temporary);
        Error::write(path, source)
    })
}

/// [`write_atomic`] for bytes that are already there.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(path, |writer| writer.write_all(bytes))
}

/// A folder that no other process works in as long as this lives. The file that stands for it stays; the system lets go of it whatever ends
/// the process.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held, not read")] Option<File>);

impl Held {
    /// The name of that file.
    pub const FILE: &str = ".lock";

    /// Takes `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// [`Error::File`] where another process holds it. A file system without locks lets everybody in.
    pub fn new(folder: &Path) -> Result<Self> {
        create_folder(folder)?;
        let path = folder.join(Held::FILE);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|source| Error::write(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Held(Some(file))),
            Err(TryLockError::WouldBlock) => Err(Error::file(folder, "another process works in this folder; wait for it, or name another")),
            Err(TryLockError::Error(_)) => Ok(Held(None)),
        }
    }
}

/// Makes a folder and its parents.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::write(path, source))
}

/// Reads a whole file, or says why it cannot be read.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::file(path, source))
}

/// [`read_bytes`] of a file that may not be there yet: none where it is not.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::file(path, source)),
    }
}

/// Removes what a killed [`write_atomic`] left in `folder` of files whose names start with `of`.
pub fn remove_leftovers(folder: &Path, of: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_leftover(&entry.file_name(), of) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Is `name` what a killed [`write_atomic`] left of a file whose name starts with `of`?
pub fn is_leftover(name: &OsStr, of: &str) -> bool {
    name.to_str().is_some_and(|name| name.strip_prefix('.').is_some_and(|rest| rest.starts_with(of)) && name.ends_with(".tmp"))
}

/// The file that a write to `path` replaces or makes.
pub(crate) fn target(path: &Path) -> Result<PathBuf> {
    let target = if path.is_symlink() { fs::canonicalize(path).map_err(|source| Error::write(path, source))? } else { path.into() };
    match fs::metadata(&target) {
        Ok(there) if !there.is_file() && !there.is_dir() => Err(Error::file(path, "is a device or a pipe; name a file")),
        _ => Ok(target),
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_none_and_what_cannot_be_read_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timings.json");
        assert_eq!(read_if_there(&path).unwrap(), None);
        fs::write(&path, "[]").unwrap();
        assert_eq!(read_if_there(&path).unwrap().unwrap(), b"[]");
        fs::remove_file(&path).unwrap();
        create_folder(&path).unwrap();
        let fault = read_if_there(&path).unwrap_err();
        assert!(fault.exit_code() == 2 && fault.to_string().contains("timings.json"), "{fault}");
    }

    #[test]
    fn a_folder_is_held_by_one_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let held = Held::new(folder.path()).unwrap();
        let fault = Held::new(folder.path()).unwrap_err();
        assert!(fault.exit_code() == 2 && fault.to_string().contains("another process works in this folder"), "{fault}");
        drop(held);
        Held::new(folder.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_so_does_what_is_no_file() {
        use std::os::unix::{fs::symlink, net::UnixListener};
        let folder = tempfile::tempdir().unwrap();
        let [file, link, dangling, socket] = ["file", "link", "dangling", "socket"].map(|name| folder.path().join(name));
        fs::write(&file, "before").unwrap();
        symlink(&file, &link).unwrap();
        write_bytes(&link, b"after").unwrap();
        assert!(link.is_symlink() && fs::read(&file).unwrap() == b"after");
        symlink(folder.path().join("nowhere"), &dangling).unwrap();
        assert!(write_bytes(&dangling, b"").is_err() && dangling.is_symlink());
        let _listens = UnixListener::bind(&socket).unwrap();
        let fault = write_bytes(&socket, b"").unwrap_err();
        assert!(fault.exit_code() == 2 && fault.to_string().contains("is a device or a pipe"), "{fault}");
    }
}
