//! An opened input, which can be read several times from its beginning.
//!
//! What is no regular file (standard input, a FIFO, a process substitution) is copied to an unnamed
//! temporary file first. The file stays open, so that every pass reads the same inode. What the
//! bytes mean is not known here, except that gzip is recognised.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::{Blocks, Bytes, Check, read_at};
use super::error::InputError;
use super::watch::Watch;

/// What the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A path, whatever lies there.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// `-` is standard input, everything else a path.
    pub fn from_arg(arg: impl Into<PathBuf>) -> Self {
        let path = arg.into();
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path) }
    }
}

/// An input that is open and can be read from its beginning as often as needed.
#[derive(Debug)]
pub struct Source {
    file: Arc<File>,
    label: Arc<str>,
    path: Option<PathBuf>,
    len: u64,
    gzip: bool,
    watch: Watch,
}

impl Source {
    /// Opens `input`. Blocks until a pipe has ended, for it is read to its end here.
    pub fn open(input: &Input) -> Result<Self, InputError> {
        match input {
            Input::Stdin => Self::spool(io::stdin().lock(), "entrada padrão".into()),
            Input::File(path) => Self::open_file(path),
        }
    }

    fn open_file(path: &Path) -> Result<Self, InputError> {
        let label: Arc<str> = path.display().to_string().into();
        let open_error = |cause| InputError::Open { label: label.clone(), cause };
        let file = File::open(path).map_err(open_error)?;
        let metadata = file.metadata().map_err(open_error)?;
        if metadata.is_dir() {
            return Err(InputError::Directory { label });
        }
        if !metadata.is_file() || names_a_descriptor(path) {
            return Self::spool(file, label);
        }
        let watch = Watch::file(path, &metadata);
        Self::new(file, label, Some(path.to_owned()), watch)
    }

    fn spool(mut from: impl io::Read, label: Arc<str>) -> Result<Self, InputError> {
        let mut copy = || {
            let mut file = tempfile::tempfile()?;
            io::copy(&mut from, &mut file)?;
            Ok(file)
        };
        match copy() {
            Ok(file) => Self::new(file, label, None, Watch::nothing()),
            Err(cause) => Err(InputError::Spool { label, cause }),
        }
    }

    fn new(
        file: File,
        label: Arc<str>,
        path: Option<PathBuf>,
        watch: Watch,
    ) -> Result<Self, InputError> {
        let mut magic = [0; 2];
        let looked = read_at(&file, &mut magic, 0)
            .and_then(|read| Ok((read == 2 && magic == [0x1F, 0x8B], file.metadata()?.len())));
        match looked {
            Ok((gzip, len)) => Ok(Self { file: Arc::new(file), label, path, len, gzip, watch }),
            Err(cause) => Err(InputError::Read { label, cause }),
        }
    }

    /// How messages name the input: the path as given, or "entrada padrão".
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Where the input lies, if it is a regular file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Raw bytes (packed ones, if it is gzip), as of the opening: what progress is measured against.
    pub fn raw_len(&self) -> u64 {
        self.len
    }

    /// Tells whether the file is still the one that was opened.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    pub(super) fn shared_label(&self) -> Arc<str> {
        self.label.clone()
    }

    /// A new pass over the bytes of the CSV.
    pub(super) fn bytes(&self, check: Check) -> Bytes {
        let blocks = Blocks::new(self.file.clone(), self.label.clone(), check);
        if self.gzip { Bytes::gzip(blocks) } else { Bytes::plain(blocks) }
    }
}

/// Such a path may lead to a regular file (`/dev/stdin < a.csv`), but it is no place beside which
/// results could be put.
fn names_a_descriptor(path: &Path) -> bool {
    cfg!(unix) && (path.starts_with("/dev") || path.starts_with("/proc"))
}

#[cfg(test)]
mod tests {
    use super::super::blocks::Chunks;
    use super::*;

    fn content(source: &Source) -> Vec<u8> {
        let mut bytes = source.bytes(Check::No);
        let mut all = Vec::new();
        while bytes.advance().unwrap() {
            all.extend_from_slice(bytes.chunk());
        }
        all
    }

    #[test]
    fn a_file_is_read_as_often_as_needed_and_by_several_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let source = Source::open(&Input::from_arg(&path)).unwrap();
        assert_eq!(source.path(), Some(path.as_path()));
        assert_eq!(source.label(), path.display().to_string());
        assert_eq!(source.raw_len(), 4);
        let (mut one, mut two) = (source.bytes(Check::No), source.bytes(Check::No));
        assert!(one.advance().unwrap() && two.advance().unwrap());
        assert_eq!(one.chunk(), two.chunk());
        assert_eq!(content(&source), b"a\n1\n");
    }

    #[test]
    fn what_is_piped_is_kept_for_the_second_reading() {
        let source = Source::spool(&b"a\n1\n"[..], "entrada padrão".into()).unwrap();
        assert_eq!(source.path(), None);
        assert_eq!(content(&source), b"a\n1\n");
        assert_eq!(content(&source), b"a\n1\n");
        assert!(!source.watch().changed());
    }

    #[test]
    fn a_pipe_that_breaks_is_a_local_failure() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let error = Source::spool(Broken, "entrada padrão".into()).unwrap_err();
        assert!(matches!(error, InputError::Spool { .. }) && error.is_local_failure());
    }

    #[test]
    fn a_directory_and_a_missing_file_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Source::open(&Input::from_arg(dir.path())).unwrap_err();
        assert!(matches!(error, InputError::Directory { .. }), "{error}");
        let error = Source::open(&Input::from_arg(dir.path().join("nada.csv"))).unwrap_err();
        assert!(!error.is_local_failure());
        assert!(error.to_string().ends_with("nada.csv: o arquivo não existe"), "{error}");
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(Input::from_arg("-"), Input::Stdin);
        assert_eq!(Input::from_arg("./-"), Input::File("./-".into()));
    }
}
