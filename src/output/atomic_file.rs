//! Output files that appear whole or not at all: written as `<name>.parcial`, renamed at the end.
//! What the shell opened, devices and pipes are written directly.
//!
//! A run that does not begin leaves everything as it was. Opening changes nothing but for an empty
//! `.parcial` where none was; [`Output::begin`] empties the one of an earlier run.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::destination::{Destination, DestinationKind, file_id, partial};
use super::error::OutputError;
use super::lock_holder;
use crate::locale::foreign_text::visible_path;
use crate::locale::os_error::describe_os_error;

/// An open output. Unbuffered: its users write whole files or buffer by themselves.
pub struct Output {
    sink: Sink,
    destination: Destination,
    /// Whether a write failed. Nothing more is accepted then: a writer that repeats its buffer would
    /// write parts of it twice.
    failed: bool,
}

enum Sink {
    Direct(Box<dyn Write + Send>),
    Replace(PartialFile),
}

/// A file that is written as `.parcial` and locked until it gets its name.
struct PartialFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    /// Whether the `.parcial` is empty and no earlier run's: it goes with this value.
    is_blank: bool,
    renamed: Cell<bool>,
}

impl Output {
    /// Opens the destination for writing. An existing file stays untouched until
    /// [`persist`](Self::persist), the `.parcial` of an earlier run until [`begin`](Self::begin).
    pub fn open(destination: &Destination) -> Result<Self, OutputError> {
        let label = destination.in_words();
        let open = |options: &mut OpenOptions, path: &Path| {
            options.open(path).map_err(|error| cannot_create(&label, &error))
        };
        let sink = match destination.kind() {
            DestinationKind::Descriptor(1) => Sink::Direct(Box::new(io::stdout())),
            DestinationKind::Descriptor(2) => Sink::Direct(Box::new(io::stderr())),
            DestinationKind::Descriptor(number) => {
                // Opening by name makes a new file description: appending keeps what the shell put
                // into the file.
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                Sink::Direct(Box::new(open(OpenOptions::new().append(true), &path)?))
            }
            DestinationKind::Device(path) => {
                Sink::Direct(Box::new(open(OpenOptions::new().write(true), &path)?))
            }
            DestinationKind::File(path) if path.is_dir() => {
                return Err(OutputError::Refused(format!(
                    "{label} é uma pasta; escolha um nome de arquivo para a saída"
                )));
            }
            DestinationKind::File(path) => Sink::Replace(PartialFile::open(path, &label)?),
        };
        Ok(Self { sink, destination: destination.clone(), failed: false })
    }

    /// Empties the `.parcial` of an earlier run: from here on the output is this run's.
    pub fn begin(&mut self) -> Result<(), OutputError> {
        let Sink::Replace(file) = &mut self.sink else { return Ok(()) };
        file.begin().map_err(|error| in_the_way(&file.partial, &describe_os_error(&error)))
    }

    /// Appends bytes. A standard output that was closed (`| head -1`) is an error: results without a
    /// reader are lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let result = self.write_all(bytes);
        result.map_err(|error| self.error(&error))
    }

    /// Brings what was written to the disk. Only the renaming can still fail after this.
    pub fn sync(&self) -> Result<(), OutputError> {
        let Sink::Replace(file) = &self.sink else { return Ok(()) };
        file.file.sync_all().map_err(|error| self.error(&error))
    }

    /// Gives a synced output its name. Where that fails, the `.parcial` stays.
    pub fn persist(&self) -> Result<(), OutputError> {
        let Sink::Replace(file) = &self.sink else { return Ok(()) };
        file.persist().map_err(|error| self.error(&error))
    }

    /// Writes and completes an output that no other one waits for.
    pub fn write_whole(mut self, text: &str) -> Result<(), OutputError> {
        self.write(text.as_bytes())?;
        let flushed = self.flush();
        flushed.map_err(|error| self.error(&error))?;
        self.sync()?;
        self.persist()
    }

    /// The file that holds what was written, as it is named now.
    pub fn current_path(&self) -> String {
        match &self.sink {
            Sink::Replace(file) if !file.renamed.get() => file.partial.display().to_string(),
            _ => self.destination.label(),
        }
    }

    pub(super) fn error(&self, error: &io::Error) -> OutputError {
        OutputError::Write { path: self.destination.in_words(), why: describe_os_error(error) }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        let written = match &mut self.sink {
            Sink::Direct(stream) => stream.write(bytes),
            Sink::Replace(PartialFile { file, is_blank, .. }) => {
                *is_blank = false;
                file.write(bytes)
            }
        };
        self.failed = written.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Direct(stream) => stream.flush(),
            Sink::Replace(_) => Ok(()),
        }
    }
}

impl PartialFile {
    fn open(path: PathBuf, label: &str) -> Result<Self, OutputError> {
        let partial = partial(&path);
        let (file, created) = loop {
            let (file, created) = open_partial(&partial, label)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(OutputError::Refused(format!(
                        "outra execução{} está gravando {label} agora; espere ela terminar ou escolha outro nome com --results/--rejects",
                        lock_holder::in_parentheses(&file)
                    )));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(in_the_way(&partial, &describe_os_error(&error)));
                }
            }
            // Between opening and locking, the former holder may have renamed the file, or another
            // process may have put a link in its place.
            if still_named(&file, &partial) {
                break (file, created);
            }
        };
        Ok(Self { file, partial, path, is_blank: created, renamed: Cell::new(false) })
    }

    fn begin(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.is_blank = true;
        // Data that only its owner could read must not become readable for all. The owner must be
        // able to write it until it is whole: a run after a kill begins with it.
        let permissions = self.permissions().map(writable);
        permissions.map_or(Ok(()), |permissions| self.file.set_permissions(permissions))
    }

    fn persist(&self) -> io::Result<()> {
        let permissions = self.permissions();
        fs::rename(&self.partial, &self.path)?;
        self.renamed.set(true);
        permissions.map_or(Ok(()), |permissions| self.file.set_permissions(permissions))
    }

    /// The permissions of the file that will be replaced.
    fn permissions(&self) -> Option<Permissions> {
        fs::metadata(&self.path).ok().map(|meta| meta.permissions())
    }
}

/// An output that was not written leaves no file.
impl Drop for PartialFile {
    fn drop(&mut self) {
        if self.is_blank && !self.renamed.get() {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Opens the `.parcial` and says whether it is new. A link in its place is not followed: who may
/// create files in the folder must not choose which file is emptied.
fn open_partial(partial: &Path, label: &str) -> Result<(File, bool), OutputError> {
    match OpenOptions::new().write(true).create_new(true).open(partial) {
        Ok(file) => return Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(cannot_create(label, &error)),
    }
    let unusable = |error: io::Error| in_the_way(partial, &describe_os_error(&error));
    let kind = fs::symlink_metadata(partial).map_err(unusable)?;
    if kind.is_dir() {
        return Err(in_the_way(partial, "é uma pasta"));
    }
    if !kind.is_file() {
        return Err(in_the_way(partial, "é um link ou um arquivo especial"));
    }
    let file = OpenOptions::new().write(true).open(partial).map_err(unusable)?;
    Ok((file, false))
}

fn cannot_create(label: &str, error: &io::Error) -> OutputError {
    OutputError::Refused(format!(
        "não foi possível criar {label}: {}. Confira se a pasta existe e se você pode gravar nela",
        describe_os_error(error)
    ))
}

/// Something that cannot be written stands in the place of the `.parcial`.
fn in_the_way(partial: &Path, why: &str) -> OutputError {
    let partial = visible_path(partial);
    OutputError::Refused(format!(
        "não foi possível gravar {partial}, onde a saída fica até terminar: {why}. Mova ou apague {partial} e rode de novo"
    ))
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

/// Whether `path` itself, and not a link there, is still this open file.
pub fn still_named(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => file_id(&open) == file_id(&named),
        _ => false,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn read_only_results_are_replaced_and_stay_read_only() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        fs::write(&path, "velho").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        let mut output = Output::open(&Destination::Path(path.clone())).unwrap();
        output.begin().unwrap();
        assert_eq!(mode(&partial(&path)), 0o640, "a run after a kill can write it");
        output.write_whole("").unwrap();
        assert_eq!(mode(&path), 0o440);
    }
}
