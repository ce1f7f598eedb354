//! Output files that appear whole or not at all: written as `<name>.parcial`, renamed at the end.
//! Standard output, devices and pipes are written directly.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::holder;
use crate::io_words::io_words;

/// What went wrong with an output.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It cannot be opened; nothing was sent yet.
    #[error(
        "não foi possível criar {path}: {why}. Confira se a pasta existe e se você pode gravar nela"
    )]
    Open {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// It is the input, or another output, by whatever name.
    #[error("{path} {other}; escolha outro nome para a saída")]
    Same {
        /// The file.
        path: String,
        /// What it is already.
        other: String,
    },
    /// Another run is writing it.
    #[error("outra execução{} está gravando {path} agora; espere ela terminar ou escolha outro nome com --results/--rejects", in_parentheses(.holder))]
    Busy {
        /// The file.
        path: String,
        /// Its process and start, where the system tells.
        holder: Option<String>,
    },
    /// It can no longer be written.
    #[error(
        "não foi possível gravar {path}: {why}. Confira o espaço em disco e quem lê a saída; o que já foi gravado não está completo"
    )]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
}

fn in_parentheses(text: &Option<String>) -> String {
    text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

impl OutputError {
    /// Whether it happened before anything could be sent.
    pub const fn is_before_sending(&self) -> bool {
        !matches!(self, Self::Write { .. })
    }
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output (`-`).
    Stdout,
    /// A file, device or pipe.
    Path(PathBuf),
}

impl Destination {
    /// `-` is standard output, anything else a path.
    pub fn from_arg(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        if path.as_os_str() == "-" { Self::Stdout } else { Self::Path(path) }
    }

    /// How messages and the summary name it.
    pub fn label(&self) -> String {
        match self {
            Self::Stdout => "-".to_owned(),
            Self::Path(path) => path.display().to_string(),
        }
    }

    /// Refuses a destination that is `other`, a file that is already there under any name.
    ///
    /// # Errors
    /// [`OutputError::Same`].
    pub fn differs_from(&self, other: &Path, other_label: &str) -> Result<(), OutputError> {
        let Self::Path(path) = self else { return Ok(()) };
        if same_file(path, other) || same_file(&partial(path), other) {
            return Err(OutputError::Same { path: self.label(), other: other_label.to_owned() });
        }
        Ok(())
    }

    /// Refuses two destinations that are one.
    ///
    /// # Errors
    /// [`OutputError::Same`].
    pub fn differs_from_output(&self, other: &Self, what: &str) -> Result<(), OutputError> {
        let stdout = Path::new("/dev/stdout");
        let (a, b) = match (self, other) {
            (Self::Stdout, Self::Stdout) => (stdout, stdout),
            (Self::Stdout, Self::Path(path)) | (Self::Path(path), Self::Stdout) => {
                (stdout, path.as_path())
            }
            (Self::Path(a), Self::Path(b)) => (a.as_path(), b.as_path()),
        };
        // What goes to the null device may go there twice.
        let nowhere = same_file(a, Path::new("/dev/null"));
        let same = !nowhere && (resolved(a) == resolved(b) || same_file(a, b));
        match same {
            true if matches!(self, Self::Stdout) => Err(OutputError::Same {
                path: "a saída padrão".to_owned(),
                other: what.to_owned(),
            }),
            true => Err(OutputError::Same { path: self.label(), other: what.to_owned() }),
            false => Ok(()),
        }
    }
}

/// Whether both names lead to one existing file: by device and inode where there are such things.
fn same_file(a: &Path, b: &Path) -> bool {
    let (Ok(meta_a), Ok(meta_b)) = (fs::metadata(a), fs::metadata(b)) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (meta_a.dev(), meta_a.ino()) == (meta_b.dev(), meta_b.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (meta_a, meta_b);
        fs::canonicalize(a).ok() == fs::canonicalize(b).ok()
    }
}

/// A path whose folder is resolved, so that two spellings of a file that is not there yet compare.
fn resolved(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".parcial");
    PathBuf::from(name)
}

/// An open output.
#[derive(Debug)]
pub struct Output {
    sink: Sink,
    label: String,
}

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<io::Stdout>),
    Direct(BufWriter<File>),
    Replace { writer: BufWriter<File>, partial: PathBuf, path: PathBuf },
}

impl Output {
    /// Opens the destination for writing. An existing file stays untouched until
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// When it cannot be created, or another process is writing it.
    pub fn open(destination: &Destination) -> Result<Self, OutputError> {
        let label = destination.label();
        let open_error =
            |error: &io::Error| OutputError::Open { path: label.clone(), why: io_words(error) };
        let path = match destination {
            Destination::Stdout => {
                let sink = Sink::Stdout(BufWriter::new(io::stdout()));
                return Ok(Self { sink, label });
            }
            Destination::Path(path) => path,
        };
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                return Err(OutputError::Open { path: label, why: "é uma pasta".to_owned() });
            }
            Ok(meta) if !meta.is_file() => {
                let file = OpenOptions::new().write(true).open(path).map_err(|e| open_error(&e))?;
                return Ok(Self { sink: Sink::Direct(BufWriter::new(file)), label });
            }
            _ => {}
        }
        // A symbolic link is followed, so that the file it names is replaced and not the link.
        let path = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(_) => path.clone(),
        };
        let partial = partial(&path);
        let file = loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&partial)
                .map_err(|e| open_error(&e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder::of(&file);
                    return Err(OutputError::Busy { path: label, holder });
                }
                Err(TryLockError::Error(error)) => return Err(open_error(&error)),
            }
            // Between opening and locking, its former holder may have renamed it to a finished file.
            if still_named(&file, &partial) {
                break file;
            }
        };
        file.set_len(0).map_err(|e| open_error(&e))?;
        // Customer data that only its owner could read must not become readable for all.
        if let Ok(earlier) = fs::metadata(&path) {
            file.set_permissions(earlier.permissions()).map_err(|e| open_error(&e))?;
        }
        Ok(Self { sink: Sink::Replace { writer: BufWriter::new(file), partial, path }, label })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the system refuses them. A standard output that was closed (`| head -1`) refuses them
    /// too: results that nobody reads are lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let result = match &mut self.sink {
            Sink::Stdout(writer) => writer.write_all(bytes),
            Sink::Direct(writer) | Sink::Replace { writer, .. } => writer.write_all(bytes),
        };
        result.map_err(|error| self.error(&error))
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn flush(&mut self) -> Result<(), OutputError> {
        let result = match &mut self.sink {
            Sink::Stdout(writer) => writer.flush(),
            Sink::Direct(writer) | Sink::Replace { writer, .. } => writer.flush(),
        };
        result.map_err(|error| self.error(&error))
    }

    /// Completes the output: on the disk, and under its real name.
    ///
    /// # Errors
    /// As for [`write`](Self::write); the `.parcial` then stays.
    pub fn finish(mut self) -> Result<(), OutputError> {
        self.flush()?;
        if let Sink::Replace { writer, partial, path } = &self.sink {
            let done = writer.get_ref().sync_all().and_then(|()| fs::rename(partial, path));
            done.map_err(|error| self.error(&error))?;
        }
        Ok(())
    }

    /// Takes a file away that nothing was written to, because the run does not begin.
    pub fn abandon(self) {
        if let Sink::Replace { partial, .. } = &self.sink {
            let _ = fs::remove_file(partial);
        }
    }

    fn error(&self, error: &io::Error) -> OutputError {
        OutputError::Write { path: self.label.clone(), why: io_words(error) }
    }
}

#[cfg(unix)]
fn still_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn still_named(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_and_the_old_one_stays_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        fs::write(&path, "velho").unwrap();
        let mut output = Output::open(&Destination::Path(path.clone())).unwrap();
        output.write(b"novo").unwrap();
        output.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "velho");
        let busy = Output::open(&Destination::Path(path.clone())).unwrap_err();
        assert!(matches!(busy, OutputError::Busy { .. }));
        output.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "novo");
        assert!(!partial(&path).exists());
    }

    #[test]
    fn a_link_is_the_file_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("entrada.csv");
        fs::write(&input, "x").unwrap();
        for (name, hard) in [("simbolico", false), ("duro", true)] {
            let link = folder.path().join(name);
            if hard {
                fs::hard_link(&input, &link).unwrap();
            } else {
                std::os::unix::fs::symlink(&input, &link).unwrap();
            }
            assert!(Destination::Path(link).differs_from(&input, "a entrada").is_err());
        }
        let other = Destination::Path(folder.path().join("outro"));
        assert!(other.differs_from(&input, "a entrada").is_ok());
        let twice = Destination::Path(folder.path().join("./outro"));
        assert!(other.differs_from_output(&twice, "x").is_err());
    }

    #[test]
    fn a_full_device_is_noticed_at_the_flush() {
        let mut output = Output::open(&Destination::Path("/dev/full".into())).unwrap();
        output.write(b"x").unwrap();
        assert!(matches!(output.flush(), Err(OutputError::Write { .. })));
    }
}
