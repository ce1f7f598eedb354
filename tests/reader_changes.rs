//! An input is read more than once, and what was read the first time is what is read again: a file
//! that changes in between is noticed, a pipe is kept, and readings do not disturb each other.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tomticket_sync::input::{Input, InputError, ReadOptions, Record, Rows, Source, inspect, rows};

/// The rows of a file that is several blocks long.
const ROWS: usize = 60_000;

struct Csv {
    _dir: TempDir,
    path: PathBuf,
    source: Source,
}

impl Csv {
    fn new(content: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clientes.csv");
        fs::write(&path, content).unwrap();
        let source = Source::open(&Input::from_arg(&path)).unwrap();
        Self { _dir: dir, path, source }
    }

    fn long() -> Self {
        let rows: String = (0..ROWS).map(|row| format!("{row:08};Maria\n")).collect();
        Self::new(&format!("id;nome\n{rows}"))
    }

    /// Changes a letter near the end in place and gives the file its old date back, so that only
    /// its content tells.
    fn alter_in_secret(&self) {
        let mut file = File::options().write(true).open(&self.path).unwrap();
        let date = file.metadata().unwrap().modified().unwrap();
        file.seek(SeekFrom::End(-3)).unwrap();
        file.write_all(b"X").unwrap();
        file.set_modified(date).unwrap();
    }

    /// Waits until the change to the file is known: the file system is asked every 10 ms at most.
    fn wait_for_change(&self) {
        let watch = self.source.watch();
        let begun = std::time::Instant::now();
        while !watch.changed() {
            assert!(begun.elapsed().as_secs() < 120, "the change was never noticed");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn drain(rows: &mut Rows) -> (usize, Option<InputError>) {
    let mut record = Record::default();
    let mut count = 0;
    loop {
        match rows.read(&mut record) {
            Ok(true) => count += 1,
            Ok(false) => return (count, None),
            Err(error) => return (count, Some(error)),
        }
    }
}

#[test]
fn bytes_that_changed_since_the_survey_are_never_handed_out() {
    let csv = Csv::long();
    let inspection = inspect(&csv.source, &ReadOptions::default(), true).unwrap();
    csv.alter_in_secret();
    let (count, error) = drain(&mut rows(&csv.source, &inspection).unwrap());
    let error = error.expect("a change");
    assert!(matches!(error, InputError::Changed { .. }) && error.is_local_failure(), "{error}");
    assert!(count < ROWS);
}

#[test]
fn it_is_the_fingerprints_that_notice() {
    let csv = Csv::long();
    let inspection = inspect(&csv.source, &ReadOptions::default(), false).unwrap();
    csv.alter_in_secret();
    let (count, error) = drain(&mut rows(&csv.source, &inspection).unwrap());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(count, ROWS);
}

#[test]
fn a_replaced_grown_or_removed_file_is_noticed_even_when_all_of_it_was_read() {
    let acts: [fn(&Path); 3] = [
        |path| {
            fs::copy(path, path.with_extension("new")).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        },
        |path| File::options().append(true).open(path).unwrap().write_all(b"3;C\n").unwrap(),
        |path| fs::remove_file(path).unwrap(),
    ];
    for (number, act) in acts.into_iter().enumerate() {
        let csv = Csv::new("id;nome\n1;A\n2;B\n");
        let inspection = inspect(&csv.source, &ReadOptions::default(), true).unwrap();
        let mut rows = rows(&csv.source, &inspection).unwrap();
        let mut record = Record::default();
        assert!(rows.read(&mut record).unwrap());
        act(&csv.path);
        csv.wait_for_change();
        let error = rows.read(&mut record).unwrap_err();
        assert!(matches!(error, InputError::Changed { .. }), "act {number}: {error}");
        assert!(!rows.read(&mut record).unwrap(), "nothing follows");
    }
}

#[test]
fn a_file_that_grew_before_the_survey_ended_is_a_change() {
    let csv = Csv::new("id;nome\n1;A\n");
    File::options().append(true).open(&csv.path).unwrap().write_all(b"2;B\n").unwrap();
    let error = inspect(&csv.source, &ReadOptions::default(), true).unwrap_err();
    assert!(matches!(error, InputError::Changed { .. }), "{error}");
}

#[test]
fn two_readings_do_not_disturb_each_other() {
    let csv = Csv::long();
    let inspection = inspect(&csv.source, &ReadOptions::default(), true).unwrap();
    let mut one = rows(&csv.source, &inspection).unwrap();
    let mut two = rows(&csv.source, &inspection).unwrap();
    let (mut a, mut b) = (Record::default(), Record::default());
    for _ in 0..ROWS / 2 {
        assert!(one.read(&mut a).unwrap());
    }
    assert!(two.read(&mut b).unwrap());
    assert_eq!((a.linha(), b.linha()), (ROWS as u64 / 2 + 1, 2));
    assert!(one.position() > two.position());
    let other = std::thread::spawn(move || {
        let read = drain(&mut one).0;
        (read, one.position())
    });
    assert_eq!(drain(&mut two).0, ROWS - 1);
    assert_eq!(other.join().unwrap(), (ROWS / 2, csv.source.raw_len()));
}

#[cfg(unix)]
#[test]
fn a_fifo_is_read_like_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cano");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || fs::write(path, "id;nome\n1;João\n").unwrap())
    };
    let source = Source::open(&Input::from_arg(&path)).unwrap();
    writer.join().unwrap();
    assert_eq!(source.path(), None);
    let inspection = inspect(&source, &ReadOptions::default(), true).unwrap();
    for _ in 0..2 {
        assert_eq!(rows(&source, &inspection).unwrap().count(), 1);
    }
    fs::remove_file(&path).unwrap();
    assert!(!source.watch().changed());
}
