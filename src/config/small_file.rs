//! Reads configuration and token files: of 1 MiB at most, and nothing that is not a file.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use encoding_rs::Encoding;

use crate::locale::os_error::OwnWords;

/// The most that is read, in bytes.
const MAX: u64 = 1024 * 1024;

/// The text of a file that the user named. It may be a pipe, as shells make for `<(…)`.
pub(super) fn read_named(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    read(file, about.is_file() || is_pipe(&about))
}

/// The text of a file that lay there. It must be the user's or root's: others may have put it into a
/// shared folder.
pub(super) fn read_found(path: &Path) -> io::Result<String> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe would wait for a writer.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let about = file.metadata()?;
    if !(is_trusted(&about) && is_trusted(&path.symlink_metadata()?)) {
        return Err(io::Error::other(OwnWords(
            "é de outro usuário, e um arquivo encontrado na pasta só vale se for seu ou do root; confira o que ele diz e indique-o com --config",
        )));
    }
    read(file, about.is_file())
}

fn read(file: File, may_be_read: bool) -> io::Result<String> {
    // A folder says of itself what it is.
    if !may_be_read && !file.metadata()?.is_dir() {
        return Err(io::Error::other(OwnWords("não é um arquivo comum")));
    }
    let mut bytes = Vec::new();
    file.take(MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX {
        return Err(io::Error::other(OwnWords("passa de 1 MiB; confira se é o arquivo certo")));
    }
    text(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The text of a whole file: UTF-8, or UTF-16 with a byte order mark, which PowerShell's `>` and
/// Notepad's "Unicode" write.
fn text(bytes: &[u8]) -> Option<String> {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or((encoding_rs::UTF_8, 0));
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..])?;
    Some(text.into_owned())
}

#[cfg(unix)]
fn is_pipe(about: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    about.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_about: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn is_trusted(about: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = about.uid();
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// Windows has other means; a found file counts as the user's.
#[cfg(not(unix))]
fn is_trusted(_about: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_windows_editors_are_no_text() {
        for (bytes, expected) in [
            (&b"rate = 2\r\n"[..], Some("rate = 2\r\n")),
            (b"\xef\xbb\xbfa\xc3\xa7", Some("aç")),
            (b"\xff\xfea\0\xe7\0\r\0\n\0", Some("aç\r\n")),
            (b"\xfe\xff\0a", Some("a")),
            (b"a\xe7", None),
            (b"\xff\xfea\0\xe7", None),
            (b"", Some("")),
        ] {
            assert_eq!(text(bytes).as_deref(), expected, "{bytes:?}");
        }
    }
}
