//! Which file is meant, whatever its name: the numbers that the system gives it, and how many names it
//! has. Not whose it is ([`crate::output::ownership`]).

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The numbers of a file.
#[derive(Debug, Clone, Copy)]
pub struct FileId {
    /// Device, or volume; 0 where the system does not say it.
    device: u64,
    /// Inode, or index.
    number: u64,
}

impl FileId {
    /// Whether both are one file.
    pub const fn is(self, other: Self) -> bool {
        let device_is_unknown = self.device == 0 || other.device == 0;
        self.number == other.number && (device_is_unknown || self.device == other.device)
    }
}

/// What the system says of a file.
#[derive(Debug, Clone, Copy)]
pub struct FileFacts {
    pub id: FileId,
    /// How many names it has.
    pub links: u64,
}

/// Of an open file.
pub fn of_open(file: &File) -> io::Result<FileFacts> {
    #[cfg(unix)]
    return file.metadata().map(|meta| of_metadata(&meta));
    #[cfg(windows)]
    return of_handle(file);
}

/// Of the file that a name leads to, through links.
pub fn of_path(path: &Path) -> io::Result<FileFacts> {
    #[cfg(unix)]
    return fs::metadata(path).map(|meta| of_metadata(&meta));
    #[cfg(windows)]
    return of_handle(&winapi_util::Handle::from_path_any(path)?);
}

/// Of what stands at a name itself; on Windows not of a link.
pub fn of_name(path: &Path) -> io::Result<FileFacts> {
    let meta = fs::symlink_metadata(path)?;
    #[cfg(unix)]
    return Ok(of_metadata(&meta));
    #[cfg(windows)]
    return match meta.is_symlink() {
        true => Err(io::ErrorKind::InvalidInput.into()),
        false => of_path(path),
    };
}

/// Whether `path` itself, and not a link there, is still this open file.
pub fn still_named(file: &File, path: &Path) -> bool {
    match (of_open(file), of_name(path)) {
        (Ok(open), Ok(named)) => open.id.is(named.id),
        _ => false,
    }
}

/// The same from what is known of a file.
#[cfg(unix)]
pub fn of_metadata(meta: &fs::Metadata) -> FileFacts {
    use std::os::unix::fs::MetadataExt;
    let id = FileId { device: meta.dev(), number: meta.ino() };
    FileFacts { id, links: meta.nlink() }
}

#[cfg(windows)]
fn of_handle(file: impl winapi_util::AsHandleRef) -> io::Result<FileFacts> {
    let about = winapi_util::file::information(file)?;
    let id = FileId { device: about.volume_serial_number(), number: about.file_index() };
    Ok(FileFacts { id, links: about.number_of_links() })
}
