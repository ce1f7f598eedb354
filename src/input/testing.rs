//! What the tests of several files here need: bytes in every shape, and files of them.

use std::fs::File;
use std::io::{BufReader, Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::decode::ByteStream;
use super::{
    InputArg, InputError, InputFile, Inspection, ReadOptions, Record, Rows, inspect, rows,
};

/// Bytes without a pattern, always the same.
pub fn noise(len: usize) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// An unnamed file with this content.
pub fn temporary_file(content: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    Arc::new(file)
}

/// A stream that gives at most `size` bytes at a time.
pub(in crate::input) fn in_pieces(bytes: &[u8], size: usize) -> ByteStream<'static> {
    Box::new(BufReader::with_capacity(size.max(1), Cursor::new(bytes.to_vec())))
}

/// An opened CSV file in a folder of its own.
pub struct TestFile {
    _dir: TempDir,
    pub path: PathBuf,
    pub file: InputFile,
}

impl TestFile {
    pub fn new(content: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clientes.csv");
        std::fs::write(&path, content).unwrap();
        let file = InputFile::open(&InputArg::from_arg(&path)).unwrap();
        Self { _dir: dir, path, file }
    }

    pub fn inspect(&self, options: ReadOptions) -> Result<(Inspection, Rows), InputError> {
        let inspection = inspect(&self.file, &options)?;
        let rows = rows(&self.file, &inspection)?;
        Ok((inspection, rows))
    }
}

/// Everything that a run reads of a file, up to the first error.
pub fn read_all(
    content: impl AsRef<[u8]>,
    options: ReadOptions,
) -> Result<(Inspection, Vec<Record>), InputError> {
    let (inspection, rows) = TestFile::new(content).inspect(options)?;
    Ok((inspection, rows.collect::<Result<_, _>>()?))
}
