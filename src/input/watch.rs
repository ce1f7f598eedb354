//! Notices that a file was changed, replaced or removed, from its metadata alone.
//!
//! It never looks at content: that is what the fingerprints of the blocks are for. The two belong
//! together, because a small file is read to its end long before the last of its rows is sent.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

/// The file system is asked at most once in this many milliseconds.
const INTERVAL_MS: u64 = 10;

/// Watches one input. Clones share what they know; once changed, an input stays changed.
#[derive(Debug, Clone)]
pub struct Watch(Option<Arc<Watched>>);

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    stamp: Stamp,
    opened: Instant,
    /// When the file system was last asked, in milliseconds since `opened` plus one interval, so
    /// that the first question is always put.
    asked_ms: AtomicU64,
    changed: AtomicBool,
}

impl Watch {
    /// Watches the file at `path`, which had this metadata when it was opened.
    pub(super) fn file(path: &Path, metadata: &Metadata) -> Self {
        Self(Some(Arc::new(Watched {
            path: path.to_owned(),
            stamp: Stamp::of(metadata),
            opened: Instant::now(),
            asked_ms: AtomicU64::new(0),
            changed: AtomicBool::new(false),
        })))
    }

    /// For an unnamed copy, which nobody else can change.
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    /// Whether the file is no longer the one that was opened, as known at most 10 ms ago. Cheap
    /// enough to be asked for every row, but not on an async worker where the file may lie on a
    /// network share: now and then it asks the file system.
    pub fn changed(&self) -> bool {
        let Some(watched) = &self.0 else { return false };
        let now = u64::try_from(watched.opened.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
            + INTERVAL_MS;
        let asked = watched.asked_ms.load(Ordering::Relaxed);
        let due = now.saturating_sub(asked) >= INTERVAL_MS
            && watched
                .asked_ms
                .compare_exchange(asked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if due { watched.ask() } else { watched.changed.load(Ordering::Relaxed) }
    }

    /// Asks the file system now, whenever it was last asked.
    pub fn changed_now(&self) -> bool {
        self.0.as_ref().is_some_and(|watched| watched.ask())
    }
}

impl Watched {
    fn ask(&self) -> bool {
        if self.changed.load(Ordering::Relaxed) {
            return true;
        }
        let changed = match fs::metadata(&self.path) {
            Ok(metadata) => Stamp::of(&metadata) != self.stamp,
            // A share that does not answer for a moment has not changed the file.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if changed {
            self.changed.store(true, Ordering::Relaxed);
        }
        changed
    }
}

/// What tells one state of a file from another. Not the time of the last status change: a backup
/// or a hard link touches that, and the content is the same.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: Option<SystemTime>,
    created: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let (file, created) = {
            use std::os::unix::fs::MetadataExt;
            ((metadata.dev(), metadata.ino()), None)
        };
        // Elsewhere the time of creation stands in for the inode.
        #[cfg(not(unix))]
        let (file, created) = ((0, 0), metadata.created().ok());
        Self { file, len: metadata.len(), modified: metadata.modified().ok(), created }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(dir: &Path) -> (PathBuf, Watch) {
        let path = dir.join("a.csv");
        fs::write(&path, "a\n1\n").unwrap();
        let watch = Watch::file(&path, &fs::metadata(&path).unwrap());
        (path, watch)
    }

    #[test]
    fn an_untouched_file_has_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (_, watch) = watched(dir.path());
        assert!(!watch.changed() && !watch.changed_now());
        assert!(!Watch::nothing().changed());
    }

    #[test]
    fn growth_replacement_removal_and_a_new_date_are_changes_and_stay_so() {
        let acts: [fn(&Path); 4] = [
            |path| fs::write(path, "a\n1\n2\n").unwrap(),
            |path| {
                // Same size and date: only the inode tells.
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
            let (path, watch) = watched(dir.path());
            act(&path);
            let clone = watch.clone();
            assert!(watch.changed_now(), "act {number}");
            assert!(clone.changed(), "a clone knows, act {number}");
        }
    }

    #[test]
    fn the_first_question_is_put_to_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let (path, watch) = watched(dir.path());
        fs::remove_file(path).unwrap();
        assert!(watch.changed());
    }
}
