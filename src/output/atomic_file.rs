//! Output files that appear whole or not at all: written as `<name>.parcial`, renamed at the end.
//! What the shell opened, devices and pipes are written directly.
//!
//! A run that does not begin leaves everything as it was. So opening changes nothing yet but for an
//! empty `.parcial` where none was; [`Output::begin`] is what empties that of an earlier run.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::destination::{Destination, Place, partial};
use super::holder;
use crate::exit_code;
use crate::locale::os_error::describe_os_error;

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
    /// It is a folder; nothing was sent yet.
    #[error("{path} é uma pasta; escolha um nome de arquivo para a saída")]
    Folder {
        /// The folder.
        path: String,
    },
    /// Something lies where the output is written until it is whole, and cannot be written.
    #[error(
        "não foi possível gravar {path}, onde a saída fica até terminar: {why}. Mova ou apague {path} e rode de novo"
    )]
    Partial {
        /// The file, with `.parcial`.
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
    #[error("não foi possível gravar {path}: {why}. Confira o espaço em disco e quem lê a saída")]
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
    /// The exit code of a command that ends with this error: only an output that is already open
    /// counts as a failure of this machine.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Write { .. } => exit_code::LOCAL,
            _ => exit_code::USAGE,
        }
    }
}

/// An open output.
#[derive(Debug)]
pub struct Output {
    sink: Sink,
    destination: Destination,
}

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<io::Stdout>),
    Stderr(BufWriter<io::Stderr>),
    Direct(BufWriter<File>),
    Replace(Replace),
}

/// A file on its way to its name.
#[derive(Debug)]
struct Replace {
    writer: BufWriter<File>,
    partial: PathBuf,
    path: PathBuf,
    /// Whether the `.parcial` was not there before.
    created: bool,
    /// Whether it has its name.
    renamed: bool,
}

impl Output {
    /// Opens the destination for writing. An existing file stays untouched until
    /// [`put_in_place`](Self::put_in_place), and what an earlier run left half written until
    /// [`begin`](Self::begin).
    ///
    /// # Errors
    /// When it cannot be created, or another process is writing it.
    pub fn open(destination: &Destination) -> Result<Self, OutputError> {
        let label = destination.label();
        let refused = |why: String| OutputError::Open { path: label.clone(), why };
        let sink = match destination.place() {
            Place::Descriptor(1) => Sink::Stdout(BufWriter::new(io::stdout())),
            Place::Descriptor(2) => Sink::Stderr(BufWriter::new(io::stderr())),
            Place::Descriptor(number) => {
                // Opened by its name it is another description of a file: only at the end is what
                // the shell put there safe.
                let file = OpenOptions::new().append(true).open(format!("/dev/fd/{number}"));
                Sink::Direct(BufWriter::new(
                    file.map_err(|error| refused(describe_os_error(&error)))?,
                ))
            }
            Place::Device(path) => {
                let file = OpenOptions::new().write(true).open(path);
                Sink::Direct(BufWriter::new(
                    file.map_err(|error| refused(describe_os_error(&error)))?,
                ))
            }
            Place::File(path) => {
                if path.is_dir() {
                    return Err(OutputError::Folder { path: label });
                }
                Sink::Replace(Replace::open(path, &label)?)
            }
        };
        Ok(Self { sink, destination: destination.clone() })
    }

    /// Empties what an earlier run left half written: from here on the output is this run's.
    ///
    /// # Errors
    /// When the file system does not allow it.
    pub fn begin(&mut self) -> Result<(), OutputError> {
        match &mut self.sink {
            Sink::Replace(file) => file.begin(),
            Sink::Stdout(_) | Sink::Stderr(_) | Sink::Direct(_) => Ok(()),
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// When the system refuses them. A standard output that was closed (`| head -1`) refuses them
    /// too: results that nobody reads are lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let result = self.writer().write_all(bytes);
        result.map_err(|error| self.error(&error))
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn flush(&mut self) -> Result<(), OutputError> {
        let result = self.writer().flush();
        result.map_err(|error| self.error(&error))
    }

    /// Brings everything to the disk. What can still fail after this is only the renaming.
    ///
    /// # Errors
    /// As for [`write`](Self::write); the `.parcial` then stays.
    pub fn complete(&mut self) -> Result<(), OutputError> {
        self.flush()?;
        let Sink::Replace(file) = &self.sink else { return Ok(()) };
        file.writer.get_ref().sync_all().map_err(|error| self.error(&error))
    }

    /// Gives a completed output its name.
    ///
    /// # Errors
    /// As for [`write`](Self::write); the `.parcial` then stays.
    pub fn put_in_place(&mut self) -> Result<(), OutputError> {
        let Sink::Replace(file) = &mut self.sink else { return Ok(()) };
        let done = file.put_in_place();
        done.map_err(|error| self.error(&error))
    }

    /// Completes an output that no other one must wait for.
    ///
    /// # Errors
    /// As for [`write`](Self::write); the `.parcial` then stays.
    pub fn finish(mut self) -> Result<(), OutputError> {
        self.complete()?;
        self.put_in_place()
    }

    /// The file in which everything written so far is to be found now, as it was named.
    pub fn stands_at(&self) -> String {
        match &self.sink {
            Sink::Replace(file) if !file.renamed => file.partial.display().to_string(),
            _ => self.destination.label(),
        }
    }

    /// Takes a file away that nothing was written to, because the run does not begin. What an
    /// earlier run left stays.
    pub fn abandon(self) {
        if let Sink::Replace(Replace { partial, created: true, .. }) = &self.sink {
            let _ = fs::remove_file(partial);
        }
    }

    /// Takes a file away that this run has begun and that will never be whole.
    pub fn discard(self) {
        if let Sink::Replace(Replace { partial, renamed: false, .. }) = &self.sink {
            let _ = fs::remove_file(partial);
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.sink {
            Sink::Stdout(writer) => writer,
            Sink::Stderr(writer) => writer,
            Sink::Direct(writer) => writer,
            Sink::Replace(file) => &mut file.writer,
        }
    }

    fn error(&self, error: &io::Error) -> OutputError {
        OutputError::Write { path: self.destination.in_words(), why: describe_os_error(error) }
    }
}

impl Replace {
    fn open(path: PathBuf, label: &str) -> Result<Self, OutputError> {
        let partial = partial(&path);
        let (file, created) = loop {
            let (file, created) = open_partial(&partial, label)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = holder::of(&file);
                    return Err(OutputError::Busy { path: label.to_owned(), holder });
                }
                Err(TryLockError::Error(error)) => return Err(in_the_way(&partial, &error)),
            }
            // Between opening and locking, its former holder may have renamed it to a finished
            // file, or somebody put a link in its place.
            if still_named(&file, &partial) {
                break (file, created);
            }
        };
        Ok(Self { writer: BufWriter::new(file), partial, path, created, renamed: false })
    }

    fn begin(&mut self) -> Result<(), OutputError> {
        let file = self.writer.get_ref();
        let begun = file.set_len(0).and_then(|()| match self.permissions() {
            // Customer data that only its owner could read must not become readable for all. But
            // until it is whole, its owner can write it: a run after a kill begins with it.
            Some(permissions) => file.set_permissions(writable(permissions)),
            None => Ok(()),
        });
        begun.map_err(|error| in_the_way(&self.partial, &error))
    }

    fn put_in_place(&mut self) -> io::Result<()> {
        let permissions = self.permissions();
        fs::rename(&self.partial, &self.path)?;
        self.renamed = true;
        permissions.map_or(Ok(()), |permissions| self.writer.get_ref().set_permissions(permissions))
    }

    /// Those of the file that will be replaced.
    fn permissions(&self) -> Option<Permissions> {
        Some(fs::metadata(&self.path).ok()?.permissions())
    }
}

/// Opens the file that is written until the output is whole, and says whether it is new. A link in
/// its place is not followed: who may create files in the folder must not choose what is emptied.
fn open_partial(partial: &Path, label: &str) -> Result<(File, bool), OutputError> {
    match OpenOptions::new().write(true).create_new(true).open(partial) {
        Ok(file) => return Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(OutputError::Open {
                path: label.to_owned(),
                why: describe_os_error(&error),
            });
        }
    }
    let refused =
        |why: &str| OutputError::Partial { path: partial.display().to_string(), why: why.into() };
    let kind = fs::symlink_metadata(partial).map_err(|error| in_the_way(partial, &error))?;
    if kind.is_dir() {
        return Err(refused("é uma pasta"));
    }
    if !kind.is_file() {
        return Err(refused("é um link ou um arquivo especial"));
    }
    let file = OpenOptions::new().write(true).open(partial);
    file.map(|file| (file, false)).map_err(|error| in_the_way(partial, &error))
}

fn in_the_way(partial: &Path, error: &io::Error) -> OutputError {
    OutputError::Partial { path: partial.display().to_string(), why: describe_os_error(error) }
}

#[cfg(unix)]
fn writable(mut permissions: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    permissions.set_mode(permissions.mode() | 0o200);
    permissions
}

#[cfg(not(unix))]
fn writable(mut permissions: Permissions) -> Permissions {
    permissions.set_readonly(false);
    permissions
}

#[cfg(unix)]
fn still_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
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

    fn open(path: &Path) -> Result<Output, OutputError> {
        Output::open(&Destination::Path(path.to_owned()))
    }

    #[test]
    fn a_file_appears_whole_and_the_old_one_stays_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        fs::write(&path, "velho").unwrap();
        let mut output = open(&path).unwrap();
        output.begin().unwrap();
        output.write(b"novo").unwrap();
        output.complete().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "velho");
        assert_eq!(output.stands_at(), partial(&path).display().to_string());
        let busy = open(&path).unwrap_err();
        assert!(matches!(busy, OutputError::Busy { .. }));
        output.put_in_place().unwrap();
        assert_eq!(output.stands_at(), path.display().to_string());
        assert_eq!(fs::read_to_string(&path).unwrap(), "novo");
        assert!(!partial(&path).exists());
    }

    #[test]
    fn what_an_earlier_run_left_stays_until_this_one_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        fs::write(partial(&path), "de antes").unwrap();
        open(&path).unwrap().abandon();
        assert_eq!(fs::read_to_string(partial(&path)).unwrap(), "de antes");
        let mut output = open(&path).unwrap();
        output.begin().unwrap();
        assert_eq!(fs::read_to_string(partial(&path)).unwrap(), "");
        output.discard();
        open(&path).unwrap().abandon();
        assert!(!partial(&path).exists(), "a new one is taken away");
    }

    #[cfg(unix)]
    #[test]
    fn what_lies_in_the_way_is_named_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let other = folder.path().join("outro");
        fs::write(&other, "de outro").unwrap();
        std::os::unix::fs::symlink(&other, partial(&path)).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OutputError::Partial { .. }), "{error}");
        assert!(error.to_string().contains("r.csv.parcial, onde"), "{error}");
        assert_eq!(fs::read_to_string(&other).unwrap(), "de outro");
        fs::remove_file(partial(&path)).unwrap();
        fs::create_dir(partial(&path)).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("r.csv.parcial, onde"));
    }

    #[cfg(unix)]
    #[test]
    fn read_only_results_are_replaced_and_stay_read_only() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        fs::write(&path, "velho").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        let mut output = open(&path).unwrap();
        output.begin().unwrap();
        assert_eq!(mode(&partial(&path)), 0o640, "a run after a kill can write it");
        output.finish().unwrap();
        assert_eq!(mode(&path), 0o440);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_noticed_at_the_flush() {
        let mut output = open(Path::new("/dev/full")).unwrap();
        output.write(b"x").unwrap();
        assert!(matches!(output.flush(), Err(OutputError::Write { .. })));
    }
}
