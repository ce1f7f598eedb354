//! What tells one state of a file from another without reading it: identity, size and time.
//!
//! The content is the business of the fingerprints in `blocks`. Both are needed: a small file is
//! read to its end long before the last of its rows is sent.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The state of a file when it was opened. The time of the last status change is left out: a backup
/// or a hard link touches it, and the content is the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    /// Device and inode; zeros where the system has none.
    inode: (u64, u64),
    len: u64,
    modified: Option<SystemTime>,
    /// Stands in for the inode where the system has none.
    created: Option<SystemTime>,
}

impl FileIdentity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let (inode, created) = {
            use std::os::unix::fs::MetadataExt;
            ((metadata.dev(), metadata.ino()), None)
        };
        #[cfg(not(unix))]
        let (inode, created) = ((0, 0), metadata.created().ok());
        Self { inode, len: metadata.len(), modified: metadata.modified().ok(), created }
    }

    /// Whether `path` no longer leads to the file in this state.
    pub(super) fn differs_at(&self, path: &Path) -> bool {
        match fs::metadata(path) {
            Ok(metadata) => Self::of(&metadata) != *self,
            // A network share that does not answer says nothing about the file.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_replacement_removal_and_a_new_date_are_changes() {
        let acts: [fn(&Path); 5] = [
            |_| {},
            |path| fs::write(path, "a\n1\n2\n").unwrap(),
            |path| {
                // Same size and date: only the inode differs.
                let other = path.with_extension("new");
                fs::write(&other, "a\n2\n").unwrap();
                let date = fs::metadata(path).unwrap().modified().unwrap();
                fs::File::options().write(true).open(&other).unwrap().set_modified(date).unwrap();
                fs::rename(&other, path).unwrap();
            },
            |path| fs::remove_file(path).unwrap(),
            |path| {
                let file = fs::File::options().write(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            },
        ];
        for (number, act) in acts.into_iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.csv");
            fs::write(&path, "a\n1\n").unwrap();
            let identity = FileIdentity::of(&fs::metadata(&path).unwrap());
            act(&path);
            assert_eq!(identity.differs_at(&path), number > 0, "act {number}");
        }
    }
}
