//! Whose a file is, what its mode lets others do, and whether a rename may replace it. A folder may
//! belong to several users. Systems without Unix permissions pass every check.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::destination::is_reserved_on_windows;
use crate::file_id;
use crate::locale::os_error::describe_os_error;

/// The most that the mode of an output allows. The umask takes more away.
#[derive(Debug, Clone, Copy)]
pub struct ModeLimit(u32);

impl ModeLimit {
    /// For what only its owner may read, such as all customers of an account.
    pub const PRIVATE: Self = Self(0o600);

    /// For what is made from this input: no more than the mode of a regular file allows. The owner
    /// reads and writes all the same: rejects are there to be repaired.
    pub fn of_input(input: &Path) -> Self {
        let meta = fs::metadata(input).ok().filter(Metadata::is_file);
        Self(meta.map_or(0o666, |meta| mode(&meta)) | 0o600)
    }

    /// The same, and no more than the file that will be replaced allows to others.
    pub(super) fn and_of_replaced(self, path: &Path) -> Self {
        Self(self.0 & (fs::metadata(path).map_or(0o666, |meta| mode(&meta)) | 0o600))
    }

    /// Creates a file that did not exist. A link in its place is not followed.
    pub(super) fn create(self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.0);
        options.open(path)
    }

    /// Creates a file of an unused name in the folder.
    pub(super) fn create_in(self, folder: &Path) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(".parcial").append(true);
        #[cfg(unix)]
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(self.0);
        #[cfg(unix)]
        builder.permissions(permissions);
        builder.tempfile_in(folder)
    }
}

/// Takes from a file's mode what that of the file that it replaced did not allow.
pub(super) fn restrict(file: &File, replaced: &Metadata) -> io::Result<()> {
    let (now, most) = (mode(&file.metadata()?), mode(replaced));
    if now & most == now {
        return Ok(());
    }
    #[cfg(unix)]
    return file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(now & most));
    #[cfg(not(unix))]
    return file.set_permissions(replaced.permissions());
}

fn mode(meta: &Metadata) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o666;
    #[cfg(not(unix))]
    return if meta.permissions().readonly() { 0o444 } else { 0o666 };
}

/// Opens the file of an earlier run, if it is this user's own and has no other name.
pub(super) fn open_own(path: &Path) -> Result<File, String> {
    open_of(path, None, true)
}

/// Opens a file, if it has no other name and is the user's who owns `owner`, or this user's.
pub fn open_of(path: &Path, owner: Option<&Metadata>, write: bool) -> Result<File, String> {
    let words = |error: io::Error| describe_os_error(&error);
    check_name(path, owner).map_err(words)??;
    let mut options = OpenOptions::new();
    options.read(true).write(write);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    let file = options.open(path).map_err(words)?;
    // Another file may have taken the name in between.
    check(&file.metadata().map_err(words)?, file_id::of_open(&file).map_err(words)?.links, owner)?;
    Ok(file)
}

/// Refuses what [`open_of`] does not open; an error where there is no such name.
pub fn check_name(path: &Path, owner: Option<&Metadata>) -> io::Result<Result<(), String>> {
    let meta = fs::symlink_metadata(path)?;
    let links = if meta.is_file() { file_id::of_path(path)?.links } else { 1 };
    Ok(check(&meta, links, owner))
}

fn check(meta: &Metadata, links: u64, owner: Option<&Metadata>) -> Result<(), String> {
    let is_own = |meta| owner.map_or_else(|| is_own(meta), |owner| have_one_owner(meta, owner));
    let why = match () {
        () if meta.is_dir() => "é uma pasta",
        () if !meta.is_file() => "é um link ou um arquivo especial",
        () if !is_own(meta) => "é de outro usuário",
        () if links > 1 => "tem também outro nome (um link físico)",
        () => return Ok(()),
    };
    Err(why.to_owned())
}

#[cfg(unix)]
fn is_own(meta: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(meta) == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_meta: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn have_one_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
fn have_one_owner(_one: &Metadata, _other: &Metadata) -> bool {
    true
}

/// Gives a file to the user who owns `owner`, which only root may do.
pub fn give(file: &File, owner: &Metadata) -> io::Result<()> {
    if have_one_owner(&file.metadata()?, owner) {
        return Ok(());
    }
    #[cfg(unix)]
    std::os::unix::fs::fchown(file, Some(std::os::unix::fs::MetadataExt::uid(owner)), None)?;
    Ok(())
}

/// The number of the user who owns `owner`, where the file at `path` is another one's.
#[cfg(unix)]
pub fn owner_to_restore(path: &Path, owner: &Metadata) -> Option<u32> {
    let meta = fs::symlink_metadata(path).ok().filter(Metadata::is_file)?;
    (!have_one_owner(&meta, owner)).then(|| std::os::unix::fs::MetadataExt::uid(owner))
}

#[cfg(not(unix))]
pub fn owner_to_restore(_path: &Path, _owner: &Metadata) -> Option<u32> {
    None
}

/// Whether the name leads, by a link or a pipe, to where a user decided who is neither this one, nor
/// root, nor the folder's owner. The rule is that of Linux for sticky folders.
pub(super) fn is_planted(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let Ok(meta) = fs::symlink_metadata(path) else { return false };
        let leads_elsewhere = meta.is_symlink() || meta.file_type().is_fifo();
        let is_folders =
            || fs::metadata(folder(path)).is_ok_and(|folder| folder.uid() == meta.uid());
        leads_elsewhere && !is_own(&meta) && meta.uid() != 0 && !is_folders()
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Why a rename could not replace the file at `path`, as far as that can be known before.
pub(super) fn irreplaceable(path: &Path) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let is_foreign = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| !is_own(&meta));
        let is_sticky = fs::metadata(folder(path)).is_ok_and(|meta| meta.mode() & 0o1000 != 0);
        let is_root = rustix::process::geteuid().is_root();
        if is_sticky && !is_root && is_foreign(path) && is_foreign(folder(path)) {
            return Some("é de outro usuário, e nesta pasta só o dono troca um arquivo");
        }
    }
    if cfg!(windows) && is_reserved_on_windows(path) {
        return Some("o Windows reserva esse nome para um aparelho");
    }
    if cfg!(windows) && fs::metadata(path).is_ok_and(|meta| meta.permissions().readonly()) {
        return Some("já existe e é só de leitura");
    }
    if is_held(path) {
        return Some("está aberto em outro programa, como o Excel; feche-o lá");
    }
    if is_mount_point(path) {
        return Some("é um ponto de montagem; monte a pasta em lugar do arquivo");
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        let has = |path: &Path, attributes| {
            statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE)
                .is_ok_and(|found| found.stx_attributes.intersects(attributes))
        };
        let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
        if has(path, fixed) || has(folder(path), fixed) {
            return Some("o arquivo ou a pasta está protegido contra mudanças (chattr)");
        }
    }
    None
}

/// Whether another program has the file open and, as only Windows can, keeps it from being replaced.
fn is_held(path: &Path) -> bool {
    #[cfg(windows)]
    {
        /// The right to rename a file or to put another in its place.
        const DELETE: u32 = 0x0001_0000;
        const ERROR_SHARING_VIOLATION: i32 = 32;
        let mut options = OpenOptions::new();
        std::os::windows::fs::OpenOptionsExt::access_mode(&mut options, DELETE);
        let opened = options.open(path);
        opened.is_err_and(|error| error.raw_os_error() == Some(ERROR_SHARING_VIOLATION))
    }
    #[cfg(not(windows))]
    {
        let _ = path;
        false
    }
}

/// Whether a file is mounted by itself, as containers can do. Asked of the list of mounts: the file's
/// device may be its folder's, and kernels before 5.8 do not say it of the file.
pub fn is_mount_point(path: &Path) -> bool {
    let (Ok(path), Ok(mounts)) = (fs::canonicalize(path), fs::read("/proc/self/mountinfo")) else {
        return false;
    };
    let mut name = Vec::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => name.extend(format!("\\{byte:03o}").into_bytes()),
            _ => name.push(*byte),
        }
    }
    let lines = mounts.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).any(|mount| mount == name)
}

/// The folder of a file that is named.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
