//! The raw bytes of an input, in blocks that are read at their positions and fingerprinted.
//!
//! The first pass over a file collects the fingerprint of every block. A later pass refuses a block
//! that differs before any byte of it is used, so what was checked is what is sent. A fingerprint
//! takes 8 bytes for 256 KiB of file. What the bytes mean is not known here.

use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::error::InputError;

/// Bytes that are read, and fingerprinted, at a time.
pub(super) const BLOCK: usize = 256 * 1024;

/// The fingerprints of a file's blocks, in order. Their hash has a key of its own in each process, so
/// that nobody can prepare another block with the same fingerprint.
#[derive(Debug, Clone, Default)]
pub(super) struct Fingerprints {
    hasher: RandomState,
    blocks: Vec<u64>,
}

/// One pass over the raw bytes of a file, independent of every other pass. Its errors are
/// [`InputError`]s inside an [`io::Error`], for [`InputError::from_io`].
#[derive(Debug)]
pub(super) struct Blocks {
    file: Arc<File>,
    label: Arc<str>,
    /// What the blocks must be; `None` in the first pass.
    expected: Option<Arc<Fingerprints>>,
    seen: Fingerprints,
    /// Position in the file of the block after the current one.
    next: u64,
    buffer: Box<[u8]>,
    /// Length of the current block.
    len: usize,
    /// Bytes of the current block that were consumed.
    consumed: usize,
}

impl Blocks {
    pub(super) fn new(
        file: Arc<File>,
        label: Arc<str>,
        expected: Option<Arc<Fingerprints>>,
    ) -> Self {
        let hasher = expected.as_ref().map_or_else(RandomState::default, |it| it.hasher.clone());
        Self {
            file,
            label,
            expected,
            seen: Fingerprints { hasher, blocks: Vec::new() },
            next: 0,
            buffer: vec![0; BLOCK].into_boxed_slice(),
            len: 0,
            consumed: 0,
        }
    }

    /// The fingerprints of the blocks read so far: of the whole file, once its end was reached.
    pub(super) fn into_fingerprints(self) -> Fingerprints {
        self.seen
    }

    fn load_next(&mut self) -> Result<(), InputError> {
        (self.len, self.consumed) = (0, 0);
        let len = self
            .read_block()
            .map_err(|cause| InputError::Read { label: self.label.clone(), cause })?;
        if len > 0 {
            let block = self.seen.hasher.hash_one(&self.buffer[..len]);
            self.seen.blocks.push(block);
        }
        if self.expected.as_ref().is_some_and(|expected| !self.is_as(expected, len)) {
            return Err(InputError::Changed { label: self.label.clone() });
        }
        self.len = len;
        self.next += len as u64;
        Ok(())
    }

    /// Whether the block that was just read is the expected one: the end of the file, if empty.
    fn is_as(&self, expected: &Fingerprints, len: usize) -> bool {
        let seen = &self.seen.blocks;
        match seen.last() {
            Some(last) if len > 0 => expected.blocks.get(seen.len() - 1) == Some(last),
            _ => expected.blocks.len() == seen.len(),
        }
    }

    /// Reads a block, whole unless the file ends in it.
    fn read_block(&mut self) -> io::Result<usize> {
        let mut len = 0;
        while len < self.buffer.len() {
            match read_at(&self.file, &mut self.buffer[len..], self.next + len as u64) {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(len)
    }
}

impl BufRead for Blocks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed >= self.len {
            self.load_next().map_err(io::Error::other)?;
        }
        Ok(&self.buffer[self.consumed..self.len])
    }

    fn consume(&mut self, len: usize) {
        self.consumed = (self.consumed + len).min(self.len);
    }
}

impl Read for Blocks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(out)?;
        self.consume(len);
        Ok(len)
    }
}

#[cfg(unix)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Moves the file's own cursor too, which is not used.
#[cfg(windows)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::super::testing::{noise, temporary_file};
    use super::*;

    fn overwrite(mut file: &File, at: usize, bytes: &[u8]) {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn first_pass(file: &Arc<File>) -> Blocks {
        Blocks::new(file.clone(), "x.csv".into(), None)
    }

    fn second_pass(file: &Arc<File>) -> Blocks {
        let mut first = first_pass(file);
        io::copy(&mut first, &mut io::sink()).unwrap();
        Blocks::new(file.clone(), "x.csv".into(), Some(Arc::new(first.into_fingerprints())))
    }

    fn read(mut blocks: Blocks) -> Result<Vec<u8>, InputError> {
        let mut all = Vec::new();
        match blocks.read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(error) => Err(InputError::from_io(error, &"x.csv".into())),
        }
    }

    #[test]
    fn unchanged_bytes_pass() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let content = noise(len);
            let file = temporary_file(&content);
            assert_eq!(read(second_pass(&file)).unwrap(), content, "{len} bytes");
        }
    }

    #[test]
    fn a_changed_block_is_an_error_and_none_of_it_is_handed_out() {
        let content = noise(2 * BLOCK);
        let file = temporary_file(&content);
        let mut blocks = second_pass(&file);
        overwrite(&file, BLOCK + 5, &[content[BLOCK + 5] ^ 1]);
        let first = blocks.fill_buf().unwrap().len();
        blocks.consume(first);
        let error = InputError::from_io(blocks.fill_buf().unwrap_err(), &"x.csv".into());
        assert!(matches!(error, InputError::Changed { .. }), "{error}");
    }

    #[test]
    fn shorter_and_longer_files_have_changed() {
        for before in [1, BLOCK, BLOCK + 9] {
            for after in [0, before - 1, before + 1, before + BLOCK] {
                let content = noise(before.max(after));
                let file = temporary_file(&content[..before]);
                let blocks = second_pass(&file);
                if after < before {
                    file.set_len(after as u64).unwrap();
                } else {
                    overwrite(&file, before, &content[before..]);
                }
                let result = read(blocks);
                assert!(
                    matches!(result, Err(InputError::Changed { .. })),
                    "{before} → {after} bytes"
                );
            }
        }
    }

    #[test]
    fn a_change_below_gzip_is_a_change() {
        let packed = super::super::testing::gzip(&noise(3 * BLOCK));
        let file = temporary_file(&packed);
        let blocks = second_pass(&file);
        overwrite(&file, BLOCK + 99, &[packed[BLOCK + 99] ^ 1]);
        let mut unpacked = super::super::gunzip::Gunzip::new(blocks, "x.csv".into());
        let error = io::copy(&mut unpacked, &mut io::sink()).unwrap_err();
        let error = InputError::from_io(error, &"x.csv".into());
        assert!(matches!(error, InputError::Changed { .. }), "{error}");
    }
}
