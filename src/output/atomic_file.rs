//! Output files that appear whole or not at all: written as `<name>.parcial`, renamed at the end.
//! What the shell opened, devices and pipes are written directly. Who may read a file is
//! [`super::ownership`]'s.
//!
//! A run that does not begin leaves everything as it was. Opening changes nothing but for an empty
//! `.parcial` where none was; [`Output::begin`] replaces the one of an earlier run.

use std::cell::{Cell, RefCell};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use super::destination::{Destination, DestinationKind, partial};
use super::error::OutputError;
use super::lock_holder::{self, has_no_locks};
use super::ownership::{self, ModeLimit};
use crate::file_id::still_named;
use crate::locale::foreign_text::visible_path;
use crate::locale::os_error::{OwnWords, describe_os_error};

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
    limit: ModeLimit,
    /// Bytes written by this run. The file is appended to, so that its length tells whether another
    /// program has written into it.
    written: u64,
    /// Whether the `.parcial` is empty and no earlier run's: it goes with this value.
    is_blank: bool,
    /// Whether a file has the output's name and its content.
    is_named: Cell<bool>,
    /// Where a copy lies that could not get the name.
    copy: RefCell<Option<PathBuf>>,
}

impl Output {
    /// Opens the destination for writing. An existing file stays untouched until
    /// [`persist`](Self::persist), the `.parcial` of an earlier run until [`begin`](Self::begin).
    pub fn open(destination: &Destination, limit: ModeLimit) -> Result<Self, OutputError> {
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
            DestinationKind::Planted(path) => {
                return Err(OutputError::Refused(format!(
                    "{label} não serve para a saída: {} é um link ou um cano que outro usuário pôs ali. Apague-o ou escolha outro nome, de preferência em uma pasta que só você grava",
                    visible_path(&path)
                )));
            }
            DestinationKind::File(path) if path.is_dir() => {
                return Err(OutputError::Refused(format!(
                    "{label} é uma pasta; escolha um nome de arquivo para a saída"
                )));
            }
            DestinationKind::File(path) => Sink::Replace(PartialFile::open(path, &label, limit)?),
        };
        Ok(Self { sink, destination: destination.clone(), failed: false })
    }

    /// Replaces the `.parcial` of an earlier run: from here on the output is this run's.
    pub fn begin(&mut self) -> Result<(), OutputError> {
        let Sink::Replace(file) = &mut self.sink else { return Ok(()) };
        file.begin().map_err(|error| cannot_create(&self.destination.in_words(), &error))
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

    /// Gives a synced output its name. Where that fails, the content stays in the `.parcial` or, where
    /// another program took that away, in a copy; the error says where.
    pub fn persist(&self) -> Result<(), OutputError> {
        let Sink::Replace(file) = &self.sink else { return Ok(()) };
        file.persist().map_err(|error| OutputError::NotNamed {
            path: self.destination.in_words(),
            why: match ownership::irreplaceable(&file.path) {
                // What the system says of a file that Excel has open on Windows is no more than this.
                Some(why) if error.kind() == ErrorKind::PermissionDenied => why.to_owned(),
                _ => describe_os_error(&error),
            },
            left: match file.current_path() {
                Some(left) if file.is_whole() => {
                    format!("o conteúdo, completo, está em {}", visible_path(&left))
                }
                Some(left) => format!("o que restou está em {}", visible_path(&left)),
                None => "não há outro arquivo com o conteúdo".to_owned(),
            },
        })
    }

    /// Writes and completes an output that no other one waits for.
    pub fn write_whole(mut self, text: &str) -> Result<(), OutputError> {
        self.write(text.as_bytes())?;
        self.complete()
    }

    /// Completes an output that no other one waits for.
    pub fn complete(mut self) -> Result<(), OutputError> {
        let flushed = self.flush();
        flushed.map_err(|error| self.error(&error))?;
        self.sync()?;
        self.persist()
    }

    /// Whether its name asks for a workbook.
    pub(super) fn is_xlsx(&self) -> bool {
        self.destination.has_ending("xlsx")
    }

    /// The file that holds what was written, as it is named now; empty where another program took it
    /// away.
    pub fn current_path(&self) -> String {
        match &self.sink {
            Sink::Replace(file) if !file.is_named.get() => file
                .current_path()
                .map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
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
            Sink::Replace(PartialFile { file, is_blank, written, .. }) => {
                *is_blank = false;
                file.write(bytes).inspect(|count| *written += *count as u64)
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
    fn open(path: PathBuf, label: &str, limit: ModeLimit) -> Result<Self, OutputError> {
        if let Some(why) = ownership::irreplaceable(&path) {
            return Err(OutputError::Refused(format!(
                "{label} não poderia receber a saída no fim: {why}. Escolha outro nome ou outra pasta"
            )));
        }
        let (partial, limit) = (partial(&path), limit.and_of_replaced(&path));
        let (file, is_blank) = loop {
            let (file, created) = match limit.create(&partial) {
                Ok(file) => (file, true),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let own = ownership::open_own(&partial);
                    (own.map_err(|why| in_the_way(&partial, &why))?, false)
                }
                Err(error) => return Err(cannot_create(label, &error)),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(OutputError::Refused(format!(
                        "outra execução{} está gravando {label} agora; espere ela terminar ou escolha outro nome com --results/--rejects",
                        lock_holder::in_parentheses(&file)
                    )));
                }
                Err(TryLockError::Error(error)) => {
                    if created && still_named(&file, &partial) {
                        let _ = fs::remove_file(&partial);
                    }
                    return Err(cannot_lock(&partial, label, &error));
                }
            }
            // Between opening and locking, the former holder may have renamed the file, or another
            // process may have put a link in its place.
            if still_named(&file, &partial) {
                break (file, created);
            }
        };
        let (is_named, copy) = (Cell::new(false), RefCell::new(None));
        Ok(Self { file, partial, path, limit, written: 0, is_blank, is_named, copy })
    }

    /// A file of an earlier run is replaced, not emptied: another user may have it open, or its mode
    /// may be wider than this run's.
    fn begin(&mut self) -> io::Result<()> {
        if self.is_blank {
            return Ok(());
        }
        if cfg!(unix) {
            let fresh = self.limit.create_in(ownership::folder(&self.partial))?;
            fresh.as_file().lock()?;
            self.file = fresh.persist(&self.partial)?;
        } else {
            self.file.set_len(0)?;
        }
        self.is_blank = true;
        Ok(())
    }

    /// Renames the `.parcial`. Where it is no longer the open file, before or after, another program
    /// has taken its name: then what is open is written anew.
    fn persist(&self) -> io::Result<()> {
        if !self.is_whole() {
            return Err(io::Error::other(OwnWords("outro programa mudou o conteúdo")));
        }
        let replaced = fs::metadata(&self.path);
        if still_named(&self.file, &self.partial) {
            fs::rename(&self.partial, &self.path)?;
        }
        let copy = match still_named(&self.file, &self.path) {
            true => None,
            false => Some(self.write_anew()?),
        };
        self.is_named.set(true);
        let file = copy.as_ref().unwrap_or(&self.file);
        replaced.map_or(Ok(()), |replaced| ownership::restrict(file, &replaced))
    }

    /// Puts a copy of what was written in the output's place.
    fn write_anew(&self) -> io::Result<File> {
        let mut copy = self.limit.create_in(ownership::folder(&self.path))?;
        (&self.file).rewind()?;
        io::copy(&mut &self.file, &mut copy)?;
        copy.as_file().sync_all()?;
        let copy = copy.persist(&self.path).map_err(|refused| {
            *self.copy.borrow_mut() = refused.file.keep().ok().map(|(_, path)| path);
            refused.error
        })?;
        match still_named(&copy, &self.path) {
            true => Ok(copy),
            false => Err(io::Error::other(OwnWords("outro programa trocou o arquivo"))),
        }
    }

    fn is_whole(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.len() == self.written)
    }

    /// Where the content lies while it does not have its name.
    fn current_path(&self) -> Option<PathBuf> {
        match still_named(&self.file, &self.partial) {
            true => Some(self.partial.clone()),
            false => self.copy.borrow().clone(),
        }
    }
}

/// An output that was not written leaves no file.
impl Drop for PartialFile {
    fn drop(&mut self) {
        if self.is_blank && still_named(&self.file, &self.partial) {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn cannot_create(label: &str, error: &io::Error) -> OutputError {
    OutputError::Refused(format!(
        "não foi possível criar {label}: {}. Confira se a pasta existe e se você pode gravar nela",
        describe_os_error(error)
    ))
}

/// The lock of a `.parcial` failed. Where the disk has none, the file is not what is wrong.
fn cannot_lock(partial: &Path, label: &str, error: &io::Error) -> OutputError {
    match has_no_locks(error) {
        true => OutputError::Refused(format!(
            "o disco de {label} não aceita travas (flock), e sem elas duas execuções poderiam gravar o mesmo arquivo. Escolha para a saída uma pasta em outro disco"
        )),
        false => in_the_way(partial, &describe_os_error(error)),
    }
}

/// Something that cannot be used stands in the place of the `.parcial`.
fn in_the_way(partial: &Path, why: &str) -> OutputError {
    let partial = visible_path(partial);
    OutputError::Refused(format!(
        "não foi possível gravar {partial}, onde a saída fica até terminar: {why}. Mova ou apague {partial} e rode de novo"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_locks_is_named_and_nothing_is_to_be_deleted() {
        let said =
            |error: io::Error| cannot_lock(Path::new("r.csv.parcial"), "r.csv", &error).to_string();
        let mut without = vec![io::Error::from(ErrorKind::Unsupported)];
        if cfg!(target_os = "linux") {
            // ENOSYS, EOPNOTSUPP, ENOLCK
            without.extend([38, 95, 37].map(io::Error::from_raw_os_error));
        }
        for error in without {
            let text = said(error);
            assert!(text.contains("o disco de r.csv não aceita travas"), "{text}");
            assert!(text.contains("outro disco"), "{text}");
            assert!(!text.contains("parcial") && !text.contains("apague"), "{text}");
        }
        assert!(said(ErrorKind::PermissionDenied.into()).contains("r.csv.parcial"));
    }
}
