//! An opened input, which can be read several times from its beginning.
//!
//! Anything but a regular file (standard input, a FIFO, a process substitution) is copied to an
//! unnamed temporary file first. The file stays open, so that every pass reads the same inode. What
//! the bytes mean is not known here, except that gzip is recognised.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::{BLOCK, Blocks, Fingerprints, read_at};
use super::decode::ByteStream;
use super::error::InputError;
use super::file_identity::FileIdentity;
use super::gunzip::Gunzip;
use super::workbook;
use crate::locale::foreign_text::visible_path;

/// The input as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputArg {
    /// A path, whatever it leads to.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl InputArg {
    /// `-` is standard input, everything else a path.
    pub fn from_arg(arg: impl Into<PathBuf>) -> Self {
        let path = arg.into();
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }
}

/// An input that is open and can be read from its beginning as often as needed.
#[derive(Debug)]
pub struct InputFile {
    file: Arc<File>,
    label: Arc<str>,
    /// Where the file lies and what it was when it was opened; `None` for a temporary copy.
    on_disk: Option<(PathBuf, FileIdentity)>,
    gzip: bool,
}

impl InputFile {
    /// Opens `input`. Blocks until a pipe has ended, because it is copied here.
    pub fn open(input: &InputArg) -> Result<Self, InputError> {
        match input {
            InputArg::Stdin => Self::spool(io::stdin().lock(), "entrada padrão".into()),
            InputArg::File(path) => Self::open_file(path),
        }
    }

    fn open_file(path: &Path) -> Result<Self, InputError> {
        let label: Arc<str> = visible_path(path).into();
        let open_error = |cause| InputError::Open { label: label.clone(), cause };
        let file = File::open(path).map_err(|cause| match path.is_dir() {
            // Windows does not open one at all.
            true => InputError::Directory { label: label.clone() },
            false => open_error(cause),
        })?;
        let metadata = file.metadata().map_err(open_error)?;
        if metadata.is_dir() {
            return Err(InputError::Directory { label });
        }
        if !metadata.is_file() || names_a_descriptor(path) {
            return Self::spool(file, label);
        }
        Self::new(file, label, Some((path.to_owned(), FileIdentity::of(&metadata))))
    }

    fn spool(mut from: impl io::Read, label: Arc<str>) -> Result<Self, InputError> {
        let mut copy = || {
            let mut file = tempfile::tempfile()?;
            io::copy(&mut from, &mut file)?;
            Ok(file)
        };
        match copy() {
            Ok(file) => Self::new(file, label, None),
            Err(cause) => Err(InputError::Spool { label, cause }),
        }
    }

    fn new(
        file: File,
        label: Arc<str>,
        on_disk: Option<(PathBuf, FileIdentity)>,
    ) -> Result<Self, InputError> {
        let mut magic = [0; 2];
        match read_at(&file, &mut magic, 0) {
            Ok(read) => {
                let gzip = read == 2 && magic == [0x1F, 0x8B];
                Ok(Self { file: Arc::new(file), label, on_disk, gzip })
            }
            Err(cause) => Err(InputError::Read { label, cause }),
        }
    }

    /// How messages name the input: the path as given, or "entrada padrão".
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Looks whether the file was changed, replaced or removed since it was opened. It does not look
    /// at the content. Blocks, for as long as the file system takes to answer.
    pub fn has_changed(&self) -> bool {
        self.on_disk.as_ref().is_some_and(|(path, identity)| identity.differs_at(path))
    }

    pub(super) fn shared_label(&self) -> Arc<str> {
        self.label.clone()
    }

    /// A new pass over the raw bytes: the first one, or one that must find the `expected` blocks.
    pub(super) fn blocks(&self, expected: Option<Arc<Fingerprints>>) -> Blocks {
        Blocks::new(self.file.clone(), self.label.clone(), expected)
    }

    /// The file with a cursor, which only one reader may use at a time; unpacked to a temporary file
    /// if gzip packed it.
    pub(super) fn seekable(&self) -> Result<File, InputError> {
        let label = self.label.clone();
        if !self.gzip {
            return self.file.try_clone().map_err(|cause| InputError::Read { label, cause });
        }
        let mut from = self.unpack(self.blocks(None));
        let mut file = tempfile::tempfile().map_err(|cause| InputError::Spool { label, cause })?;
        io::copy(&mut from, &mut file).map_err(|error| InputError::from_io(error, &self.label))?;
        Ok(file)
    }

    /// The first bytes of what the file holds, unpacked.
    pub(super) fn beginning(&self, length: u64) -> Result<Vec<u8>, InputError> {
        let mut start = Vec::new();
        self.unpack(self.blocks(None))
            .take(length)
            .read_to_end(&mut start)
            .map_err(|error| InputError::from_io(error, &self.label))?;
        Ok(start)
    }

    /// Whether it is a workbook (`.xlsx`), or another zip file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_workbook(&self) -> Result<bool, InputError> {
        Ok(workbook::is_workbook(&self.beginning(4)?))
    }

    /// The bytes of the CSV in the raw ones: themselves, or what gzip packed.
    pub(super) fn unpack<'a>(&self, raw: impl BufRead + Send + 'a) -> ByteStream<'a> {
        match self.gzip {
            false => Box::new(raw),
            true => Box::new(BufReader::with_capacity(BLOCK, Gunzip::new(raw, self.label.clone()))),
        }
    }
}

/// Such a path may lead to a regular file (`/dev/stdin < a.csv`), but results cannot be put beside it.
fn names_a_descriptor(path: &Path) -> bool {
    cfg!(unix) && (path.starts_with("/dev") || path.starts_with("/proc"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code;

    fn content(file: &InputFile) -> Vec<u8> {
        let mut all = Vec::new();
        file.unpack(file.blocks(None)).read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn a_file_is_read_as_often_as_needed_and_by_several_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let file = InputFile::open(&InputArg::from_arg(&path)).unwrap();
        assert_eq!(file.label(), path.to_string_lossy());
        let (mut one, mut two) = (file.blocks(None), file.blocks(None));
        assert_eq!(one.fill_buf().unwrap(), two.fill_buf().unwrap());
        assert_eq!(content(&file), b"a\n1\n");
    }

    #[test]
    fn a_pipe_that_fails_is_a_local_failure() {
        struct FailingPipe;
        impl io::Read for FailingPipe {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let error = InputFile::spool(FailingPipe, "entrada padrão".into()).unwrap_err();
        assert!(matches!(error, InputError::Spool { .. }));
        assert_eq!(error.exit_code(), exit_code::LOCAL);
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(InputArg::from_arg("-"), InputArg::Stdin);
        assert_eq!(InputArg::from_arg("./-"), InputArg::File("./-".into()));
    }
}
