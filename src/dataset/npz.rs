//! NPY arrays and NPZ archives: read whatever NumPy writes (any float or integer type, either byte order, C or Fortran
//! order), write C order with fixed timestamps, so that the same numbers give the same bytes. No pickles.

use crate::{Error, Result, file};
use half::f16;
use npyz::{AutoSerialize, DType, NpyFile, Order, TypeChar, WriterBuilder};
use std::io::{BufWriter, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// An array of real numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its numbers in C order.
    pub values: Vec<f64>,
}

/// Does a file with these first bytes hold one NPY array?
pub fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x93NUMPY")
}

/// Does a file with these first bytes hold an archive?
pub fn is_npz(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Reads the array in `bytes`; faults are told of `path`, and of `key` where the array is one of an archive's.
pub fn parse_npy(path: &Path, key: Option<&str>, bytes: &[u8]) -> Result<Array> {
    let fault = |text: String| Error::file(path, key.map_or(text.clone(), |key| format!("{key}: {text}")));
    // A wild header would be told whole.
    let sound = |e: std::io::Error| fault(format!("not a sound NPY array: {}", e.to_string().chars().take(200).collect::<String>()));
    let array = NpyFile::new(bytes).map_err(sound)?;
    let DType::Plain(kind) = array.dtype() else {
        return Err(fault(format!("a structured array ({}); plain numbers are needed", array.dtype().descr())));
    };
    if array.uses_pickled_array() {
        return Err(fault("a pickled Python object; save plain numbers (no dtype=object)".into()));
    }
    let shape: Vec<usize> = array.shape().iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect();
    let wanted = shape.iter().try_fold(kind.num_bytes().unwrap_or(0), |len, &d| len.checked_mul(d));
    // The header is what stands before the data; what it promises must be there before anything is allocated.
    let order = array.order();
    let dtype = array.dtype();
    let data = array.into_inner();
    if wanted.is_none_or(|wanted| wanted > data.len()) {
        return Err(fault(format!("truncated: the header promises shape {shape:?}, but only {} bytes of data are there", data.len())));
    }
    let len: usize = shape.iter().product();
    macro_rules! read {
        ($t:ty) => {{
            let reader = <$t as npyz::Deserialize>::reader(&dtype).map_err(|e| fault(e.to_string()))?;
            let mut data = data;
            (0..len).map(|_| npyz::TypeRead::read_one(&reader, &mut data).map(|v: $t| v as f64)).collect::<std::io::Result<Vec<f64>>>()
        }};
    }
    let values = match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 8) => read!(f64),
        (TypeChar::Float, 4) => read!(f32),
        (TypeChar::Float, 2) => {
            let reader = <f16 as npyz::Deserialize>::reader(&dtype).map_err(|e| fault(e.to_string()))?;
            let mut data = data;
            (0..len).map(|_| npyz::TypeRead::read_one(&reader, &mut data).map(f64::from)).collect()
        }
        (TypeChar::Int, 8) => read!(i64),
        (TypeChar::Int, 4) => read!(i32),
        (TypeChar::Int, 2) => read!(i16),
        (TypeChar::Int, 1) => read!(i8),
        (TypeChar::Uint, 8) => read!(u64),
        (TypeChar::Uint, 4) => read!(u32),
        (TypeChar::Uint, 2) => read!(u16),
        (TypeChar::Uint, 1) => read!(u8),
        (TypeChar::Complex, _) => return Err(fault("complex numbers; real ones are needed".into())),
        _ => return Err(fault(format!("numbers of type {kind}; floats or integers are needed"))),
    }
    .map_err(|e| fault(e.to_string()))?;
    let values = match order {
        Order::C => values,
        Order::Fortran => from_fortran(&shape, &values),
    };
    Ok(Array { shape, values })
}

/// Fortran order (first index fastest) to C order.
fn from_fortran(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let place = |mut at: usize| {
        // `at` in C order, last index fastest; its Fortran place weighs each index by the sizes before it.
        let mut stride = values.len();
        shape.iter().rev().fold(0, |place, &size| {
            stride /= size;
            let index = at % size;
            at /= size;
            place + index * stride
        })
    };
    (0..values.len()).map(|at| values[place(at)]).collect()
}

/// An NPZ file whose arrays are read one by one.
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<Cursor<Vec<u8>>>,
}

impl Npz {
    /// Opens `path`.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(path, file::read_bytes(path)?)
    }

    /// The archive in `bytes`, which were read from `path`.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::file(path, "the file is empty"));
        }
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| Error::file(path, format!("not a sound NPZ archive: {e}")))?;
        Ok(Npz { path: path.to_owned(), archive })
    }

    /// Names of the arrays.
    pub fn keys(&self) -> Vec<String> {
        self.archive.file_names().flatten().map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_string()).collect()
    }

    /// The array `key`, or an error that tells which are there.
    pub fn array(&mut self, key: &str) -> Result<Array> {
        let npy = self.npy(key)?;
        parse_npy(&self.path, Some(key), &npy)
    }

    /// The same as it stands in the archive.
    fn npy(&mut self, key: &str) -> Result<Vec<u8>> {
        let name = format!("{key}.npy");
        if !self.archive.file_names().flatten().any(|n| n == name) {
            return Err(Error::file(&self.path, format!("has no array {key}; there are: {}", self.keys().join(", "))));
        }
        let fault = |e: &dyn std::fmt::Display| Error::file(&self.path, format!("{key}: {e}"));
        let mut bytes = Vec::new();
        self.archive.by_name(&name).map_err(|e| fault(&e))?.read_to_end(&mut bytes).map_err(|e| fault(&e))?;
        Ok(bytes)
    }
}

/// Bytes that are written to an archive at once.
const BUFFER: usize = 1 << 16;

/// An NPZ file in the making.
pub struct NpzWriter<W: Write + Seek> {
    archive: ZipWriter<W>,
}

impl<W: Write + Seek> NpzWriter<W> {
    /// An archive into `writer`.
    pub fn new(writer: W) -> Self {
        NpzWriter { archive: ZipWriter::new(writer) }
    }

    /// Adds an array.
    pub fn array<T: AutoSerialize>(&mut self, key: &str, shape: &[usize], values: &[T]) -> std::io::Result<()> {
        let mut entry = self.entry(key)?;
        let mut npy = npyz::WriteOptions::new().default_dtype().shape(&wide(shape)).writer(&mut entry).begin_nd()?;
        npy.extend(values)?;
        npy.finish()?;
        entry.flush()
    }

    /// Adds the arrays `key` of the archives at `parts`, which this program has written, row behind row as one of `rows`: in the memory of
    /// one part, and bytes as they are.
    pub fn join(&mut self, key: &str, rows: usize, parts: &[PathBuf]) -> std::io::Result<()> {
        let mut entry = self.entry(key)?;
        let (mut kind, mut missing) = (None, rows as u64);
        for part in parts {
            let bytes = Npz::open(part).and_then(|mut npz| npz.npy(key)).map_err(std::io::Error::other)?;
            let npy = NpyFile::new(&bytes[..])?;
            let fault = || std::io::Error::other(format!("{key} of {} does not fit the other parts", part.display()));
            let (&rows_of_it, row) = npy.shape().split_first().ok_or_else(fault)?;
            let kind_of_it = (npy.dtype(), row.to_vec());
            if kind.is_none() {
                let shape = [&[rows as u64], row].concat();
                npyz::WriteOptions::new_header_only().dtype(npy.dtype()).shape(&shape).writer(&mut entry).write_header_only()?;
            }
            if kind.get_or_insert_with(|| kind_of_it.clone()) != &kind_of_it || rows_of_it > missing {
                return Err(fault());
            }
            missing -= rows_of_it;
            entry.write_all(npy.into_inner())?;
        }
        if missing > 0 {
            return Err(std::io::Error::other(format!("{missing} rows of {key} are missing in the parts")));
        }
        entry.flush()
    }

    /// Begins the array `key`.
    fn entry(&mut self, key: &str) -> std::io::Result<BufWriter<&mut ZipWriter<W>>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(true);
        self.archive.start_file(format!("{key}.npy"), options)?;
        // The archive's checksum is slow on one number at a time.
        Ok(BufWriter::with_capacity(BUFFER, &mut self.archive))
    }

    /// Adds a text as bytes.
    pub fn text(&mut self, key: &str, text: &str) -> std::io::Result<()> {
        self.array(key, &[text.len()], text.as_bytes())
    }

    /// Completes the archive.
    pub fn finish(self) -> std::io::Result<()> {
        self.archive.finish()?.flush()
    }
}

fn wide(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|&d| d as u64).collect()
}

/// Numbers as the f4 arrays of files hold them.
pub fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// Writes an NPZ file, atomically.
pub fn write_npz(path: &Path, fill: impl FnOnce(&mut NpzWriter<&mut BufWriter<std::fs::File>>) -> std::io::Result<()>) -> Result<()> {
    file::write_atomic(path, |writer| {
        let mut npz = NpzWriter::new(writer);
        match fill(&mut npz) {
            Ok(()) => npz.finish(),
            Err(error) => {
                // The crate's drop would try to complete the archive and print that it cannot; the file is removed anyway.
                std::mem::forget(npz);
                Err(error)
            }
        }
    })
}
