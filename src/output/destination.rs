//! Where an output goes, and whether two names lead to one file. Nothing is opened or created here.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::error::OutputError;
use super::ownership;
use crate::file_id::{self, FileId};
use crate::locale::foreign_text::visible_path;

/// The longest chain of symbolic links that is followed; Linux allows as many.
const MAX_LINKS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    /// A file, device or pipe.
    Path(PathBuf),
}

/// What a destination is once its links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DestinationKind {
    /// A descriptor that this process inherited (`-`, `/dev/stdout`, `/dev/fd/3`). It is written as
    /// the shell opened it, and never replaced by another file.
    Descriptor(u32),
    Device(PathBuf),
    /// A file, existing or not: the one that a symbolic link names, not the link.
    File(PathBuf),
    /// A link or pipe that another user put there.
    Planted(PathBuf),
}

impl Destination {
    pub fn from_arg(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        if path.as_os_str() == "-" { Self::Stdout } else { Self::Path(path) }
    }

    /// The destination as it was named, for the summary and the effective settings.
    pub fn label(&self) -> String {
        match self {
            Self::Stdout => "-".to_owned(),
            Self::Path(path) => path.to_string_lossy().into_owned(),
        }
    }

    /// Whether it is a file of this ending, without the dot.
    pub fn has_ending(&self, ending: &str) -> bool {
        let Self::Path(path) = self else { return false };
        path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending))
    }

    /// The destination inside a Portuguese sentence.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Stdout => "a saída padrão".to_owned(),
            Self::Path(path) => visible_path(path),
        }
    }

    pub(super) fn kind(&self) -> DestinationKind {
        match self {
            Self::Stdout => DestinationKind::Descriptor(1),
            Self::Path(path) => DestinationKind::of(path),
        }
    }

    /// Refuses a destination that is the file `other`, or whose `.parcial` is: under any name,
    /// existing or not. `what` says of the destination what it is already.
    pub fn differs_from(&self, other: &Path, what: &str) -> Result<(), OutputError> {
        let others = DestinationKind::of(other).touched();
        // A terminal may be input and output, and `ssh` and `inetd` give one socket for both.
        self.refuse(what, |own| own.is_kept && others.iter().any(|other| own.is(other)))
    }

    pub fn differs_from_output(&self, other: &Self, what: &str) -> Result<(), OutputError> {
        let others = other.kind().touched();
        // Two outputs may go to the null device.
        let nowhere = TouchedFile::new(PathBuf::from("/dev/null"));
        self.refuse(what, |own| !own.is(&nowhere) && others.iter().any(|other| own.is(other)))
    }

    /// Refuses a destination whose name, or that of its `.parcial`, is taken. `is_taken` gets the
    /// name with its folder resolved.
    pub fn is_not_named(
        &self,
        is_taken: impl Fn(&Path) -> bool,
        what: &str,
    ) -> Result<(), OutputError> {
        self.refuse(what, |own| is_taken(&own.name))
    }

    fn refuse(
        &self,
        what: &str,
        clashes: impl Fn(&TouchedFile) -> bool,
    ) -> Result<(), OutputError> {
        match self.kind().touched().iter().any(clashes) {
            true => Err(OutputError::Refused(format!(
                "{} {what}; escolha outro nome para a saída",
                self.in_words()
            ))),
            false => Ok(()),
        }
    }
}

impl DestinationKind {
    /// Follows `path` link by link, and stops at a descriptor: the file behind it belongs to the
    /// shell, and must not be replaced.
    fn of(path: &Path) -> Self {
        let mut at = path.to_owned();
        for _ in 0..MAX_LINKS {
            if let Some(number) = descriptor(&at) {
                return Self::Descriptor(number);
            }
            if ownership::is_planted(&at) {
                return Self::Planted(at);
            }
            let Ok(target) = fs::read_link(&at) else { break };
            at = at.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
        }
        if cfg!(windows) && is_windows_device(&at) {
            return Self::Device(at);
        }
        match fs::metadata(&at) {
            Ok(meta) if !meta.is_file() && !meta.is_dir() => Self::Device(at),
            _ => Self::File(at),
        }
    }

    /// The files that writing the destination touches.
    fn touched(&self) -> Vec<TouchedFile> {
        match self {
            Self::Descriptor(number) => {
                vec![TouchedFile::of_descriptor(*number)]
            }
            Self::Device(path) | Self::Planted(path) => vec![TouchedFile::new(path.clone())],
            Self::File(path) => {
                vec![TouchedFile::new(path.clone()), TouchedFile::new(partial(path))]
            }
        }
    }
}

/// A name that is written, and the file that has it now.
#[derive(Debug)]
struct TouchedFile {
    name: PathBuf,
    id: Option<FileId>,
    /// Whether writing can destroy content: not on a terminal or a socket.
    is_kept: bool,
}

impl TouchedFile {
    fn new(path: PathBuf) -> Self {
        let is_kept = fs::metadata(&path).map_or(true, |meta| is_kept(&meta));
        let id = file_id::of_path(&path).ok().map(|facts| facts.id);
        Self { name: dunce::canonicalize(&path).unwrap_or_else(|_| resolved(&path)), id, is_kept }
    }

    fn of_descriptor(number: u32) -> Self {
        let name = PathBuf::from(format!("/dev/fd/{number}"));
        #[cfg(unix)]
        if let Some(meta) = descriptor_metadata(number) {
            let id = Some(file_id::of_metadata(&meta).id);
            return Self { name, id, is_kept: is_kept(&meta) };
        }
        Self { name, id: None, is_kept: true }
    }

    fn is(&self, other: &Self) -> bool {
        let is_same_file = self.id.zip(other.id).is_some_and(|(one, other)| one.is(other));
        comparable(&self.name) == comparable(&other.name) || is_same_file
    }
}

#[cfg(unix)]
fn is_kept(meta: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.is_file() || meta.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_kept(meta: &Metadata) -> bool {
    meta.is_file()
}

/// The path with its folder resolved, so that two spellings of a file that does not exist yet compare.
pub fn resolved(path: &Path) -> PathBuf {
    match (dunce::canonicalize(ownership::folder(path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The path as Windows compares it: letter case counts for nothing there, nor do dots and spaces at the
/// end. Elsewhere the path itself.
pub fn comparable(path: &Path) -> PathBuf {
    if cfg!(windows) { windows_comparable(path) } else { path.to_owned() }
}

fn windows_comparable(path: &Path) -> PathBuf {
    path.to_string_lossy().to_lowercase().trim_end_matches(['.', ' ']).into()
}

/// The name of a file while it is being written.
pub(super) fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".parcial");
    PathBuf::from(name)
}

/// `NUL` and `CON`, which Windows takes for devices in every folder.
fn is_windows_device(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    ["NUL", "CON"].iter().any(|device| name.eq_ignore_ascii_case(device))
}

/// Whether Windows may take the name for a device: what is written there would be lost. Before
/// Windows 11, with any ending.
pub(super) fn is_reserved_on_windows(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let has_number = |stem: &str| matches!(stem.as_bytes(), [b'1'..=b'9']);
    matches!(stem, "AUX" | "CON" | "CONIN$" | "CONOUT$" | "NUL" | "PRN")
        || ["COM", "LPT"].iter().any(|port| stem.strip_prefix(port).is_some_and(has_number))
}

/// The number of the own descriptor that `path` names, such as `/dev/fd/3` or `/proc/self/fd/3`.
/// `/dev/stdout` is a link to one of those.
fn descriptor(path: &Path) -> Option<u32> {
    if !cfg!(unix) {
        return None;
    }
    let path = resolved(path);
    match path.to_str() {
        Some("/dev/stdin") => return Some(0),
        Some("/dev/stdout") => return Some(1),
        Some("/dev/stderr") => return Some(2),
        _ => {}
    }
    let folder = path.parent()?;
    let own = format!("/proc/{}", std::process::id());
    let is_own = folder == Path::new("/dev/fd")
        || (folder.starts_with(own) && folder.file_name().is_some_and(|name| name == "fd"));
    if is_own { path.file_name()?.to_str()?.parse().ok() } else { None }
}

/// Metadata of an own descriptor. Taken from the descriptor where the standard library lends it: on
/// some systems its name in `/dev` is another file.
#[cfg(unix)]
fn descriptor_metadata(number: u32) -> Option<Metadata> {
    use std::os::fd::AsFd;
    let own = match number {
        0 => std::io::stdin().as_fd().try_clone_to_owned(),
        1 => std::io::stdout().as_fd().try_clone_to_owned(),
        2 => std::io::stderr().as_fd().try_clone_to_owned(),
        _ => return fs::metadata(format!("/dev/fd/{number}")).ok(),
    };
    fs::File::from(own.ok()?).metadata().ok()
}

#[cfg(test)]
mod windows_tests {
    use super::*;

    #[test]
    fn names_that_are_devices_or_one_file_on_windows() {
        for (name, reserved) in [
            ("a/NUL.csv", true),
            ("aux", true),
            ("Com1.resultado.csv", true),
            ("lpt9 .csv", true),
            ("CONOUT$", true),
            ("com10.csv", false),
            ("com.csv", false),
            ("contas.csv", false),
            ("nul/a.csv", false),
        ] {
            assert_eq!(is_reserved_on_windows(Path::new(name)), reserved, "{name}");
        }
        let one = windows_comparable(Path::new("C:/Dados/Clientes.CSV"));
        assert_eq!(one, windows_comparable(Path::new("c:/dados/clientes.csv. .")));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_of_descriptors_are_descriptors() {
        for (name, number) in [
            ("/dev/stdout", 1),
            ("/dev/stderr", 2),
            ("/dev/./stdout", 1),
            ("/dev/fd/7", 7),
            #[cfg(target_os = "linux")]
            ("/proc/self/fd/1", 1),
        ] {
            assert_eq!(
                DestinationKind::of(Path::new(name)),
                DestinationKind::Descriptor(number),
                "{name}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("saida");
        symlink("/dev/stdout", &link).unwrap();
        assert_eq!(DestinationKind::of(&link), DestinationKind::Descriptor(1));
        assert_eq!(
            DestinationKind::of(Path::new("/dev/null")),
            DestinationKind::Device("/dev/null".into())
        );
        let round = folder.path().join("roda");
        symlink("roda", &round).unwrap();
        assert_eq!(DestinationKind::of(&round), DestinationKind::File(folder.path().join("roda")));
    }

    #[test]
    fn the_null_device_may_be_input_and_two_outputs() {
        let null = Destination::from_arg("/dev/null");
        null.differs_from(Path::new("/dev/null"), "").unwrap();
        null.differs_from_output(&null, "").unwrap();
        let [dash, name] = ["-", "/dev/stdout"].map(Destination::from_arg);
        assert!(dash.differs_from_output(&name, "").is_err());
    }
}
