//! The raw bytes of an input: blocks read at their positions, hashed, and unpacked if gzipped.
//!
//! A first pass may write down a fingerprint of every block; a later pass then hands on no byte of
//! a block that is not the same. So what was checked is what is sent, and however large the file
//! is, the memory of it is 16 bytes for 256 KiB. What the bytes mean is not known here.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use flate2::bufread::GzDecoder;

use super::error::InputError;

/// Bytes that are read, and fingerprinted, at a time.
pub(super) const BLOCK: usize = 256 * 1024;

/// A stream of bytes that lends out one chunk after the other.
pub(super) trait Chunks {
    /// Goes to the next chunk; `false` at the end of the stream, then and ever after.
    fn advance(&mut self) -> Result<bool, InputError>;
    /// The current chunk: not empty after an `advance` that returned `true`, empty otherwise.
    fn chunk(&self) -> &[u8];
}

type Hash = [u8; 16];

fn hash(block: &[u8]) -> Hash {
    let mut short = Hash::default();
    short.copy_from_slice(&blake3::hash(block).as_bytes()[..16]);
    short
}

/// What a file was made of when it was first read.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    blocks: Vec<Hash>,
    len: u64,
}

/// What is done with a block besides handing it on.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// Nothing.
    No,
    /// Its fingerprint is written down.
    Record,
    /// It must be the same as then.
    Verify(Arc<Fingerprints>),
}

/// A pass over the raw bytes of a file, independent of every other pass.
#[derive(Debug)]
pub(super) struct Blocks {
    file: Arc<File>,
    label: Arc<str>,
    check: Check,
    recorded: Fingerprints,
    index: usize,
    /// Raw bytes before the end of the current block.
    offset: u64,
    buffer: Box<[u8]>,
    len: usize,
    /// How much of the current block the unpacker has taken.
    taken: usize,
    /// Why the unpacker was given an error: it may wrap or replace what it is given.
    failure: Option<InputError>,
}

impl Blocks {
    pub(super) fn new(file: Arc<File>, label: Arc<str>, check: Check) -> Self {
        Self {
            file,
            label,
            check,
            recorded: Fingerprints::default(),
            index: 0,
            offset: 0,
            buffer: vec![0; BLOCK].into_boxed_slice(),
            len: 0,
            taken: 0,
            failure: None,
        }
    }

    /// What stays where the pass itself is moved out: nothing can be read from it.
    fn husk(&self) -> Self {
        Self {
            file: self.file.clone(),
            label: self.label.clone(),
            check: Check::No,
            recorded: Fingerprints::default(),
            index: 0,
            offset: self.offset,
            buffer: Box::default(),
            len: 0,
            taken: 0,
            failure: None,
        }
    }

    /// Reads on over zeros; whether something else follows.
    fn skip_zeros(&mut self) -> io::Result<bool> {
        loop {
            let ahead = self.fill_buf()?;
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            match (ahead.len(), zeros) {
                (0, _) => return Ok(false),
                (len, zeros) if zeros < len => return Ok(true),
                (len, _) => self.consume(len),
            }
        }
    }

    /// Reads the block at `offset`, whole unless the file ends in it.
    fn read_block(&mut self) -> io::Result<usize> {
        let mut len = 0;
        while len < self.buffer.len() {
            match read_at(&self.file, &mut self.buffer[len..], self.offset + len as u64) {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(len)
    }

    fn is_as_before(&self, before: &Fingerprints, block: &[u8]) -> bool {
        let left = before.len.saturating_sub(self.offset);
        if block.len() as u64 != left.min(BLOCK as u64) {
            return false;
        }
        block.is_empty() || before.blocks.get(self.index).is_some_and(|known| *known == hash(block))
    }
}

impl Chunks for Blocks {
    fn advance(&mut self) -> Result<bool, InputError> {
        (self.len, self.taken) = (0, 0);
        let len = self
            .read_block()
            .map_err(|cause| InputError::Read { label: self.label.clone(), cause })?;
        let block = &self.buffer[..len];
        match &self.check {
            Check::No => {}
            Check::Record => {
                if len > 0 {
                    self.recorded.blocks.push(hash(block));
                    self.recorded.len += len as u64;
                }
            }
            Check::Verify(before) => {
                if !self.is_as_before(before, block) {
                    return Err(InputError::Changed { label: self.label.clone() });
                }
            }
        }
        self.len = len;
        self.offset += len as u64;
        self.index += 1;
        Ok(len > 0)
    }

    fn chunk(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

/// For the unpacker only.
impl Read for Blocks {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let len = available.len().min(out.len());
        out[..len].copy_from_slice(&available[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Blocks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.len
            && let Err(error) = self.advance()
        {
            self.failure = Some(error);
            return Err(io::Error::other("the file below failed"));
        }
        Ok(&self.buffer[self.taken..self.len])
    }

    fn consume(&mut self, len: usize) {
        self.taken = (self.taken + len).min(self.len);
    }
}

/// A pass over the bytes of the CSV: the raw ones, or what gzip made of them.
pub(super) enum Bytes {
    Plain(Blocks),
    Gzip { unpacker: Box<GzDecoder<Blocks>>, buffer: Box<[u8]>, len: usize },
}

/// Unpacks on, from one gzip member into the next. Behind the last one there may be zeros, with which
/// tapes and some archivers fill a block up; gzip(1) takes no notice of them either.
fn unpack(unpacker: &mut GzDecoder<Blocks>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let read = unpacker.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        let below = unpacker.get_mut();
        let padded = below.fill_buf()?.first() == Some(&0);
        if !below.skip_zeros()? {
            return Ok(0);
        }
        if padded {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let husk = below.husk();
        let below = std::mem::replace(below, husk);
        *unpacker = GzDecoder::new(below);
    }
}

impl Bytes {
    pub(super) fn plain(blocks: Blocks) -> Self {
        Self::Plain(blocks)
    }

    pub(super) fn gzip(blocks: Blocks) -> Self {
        Self::Gzip {
            unpacker: Box::new(GzDecoder::new(blocks)),
            buffer: vec![0; BLOCK].into_boxed_slice(),
            len: 0,
        }
    }

    fn blocks(&self) -> &Blocks {
        match self {
            Self::Plain(blocks) => blocks,
            Self::Gzip { unpacker, .. } => unpacker.get_ref(),
        }
    }

    /// Raw bytes read from the file so far.
    pub(super) fn position(&self) -> u64 {
        self.blocks().offset
    }

    /// What was written down; complete once the stream has ended.
    pub(super) fn into_fingerprints(self) -> Fingerprints {
        match self {
            Self::Plain(blocks) => blocks.recorded,
            Self::Gzip { unpacker, .. } => unpacker.into_inner().recorded,
        }
    }
}

impl Chunks for Bytes {
    fn advance(&mut self) -> Result<bool, InputError> {
        let (unpacker, buffer, len) = match self {
            Self::Plain(blocks) => return blocks.advance(),
            Self::Gzip { unpacker, buffer, len } => (unpacker, buffer, len),
        };
        *len = 0;
        loop {
            match unpack(unpacker, buffer) {
                Ok(read) => {
                    *len = read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    let below = unpacker.get_mut();
                    let label = below.label.clone();
                    return Err(below.failure.take().unwrap_or(InputError::Gzip { label, cause }));
                }
            }
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Plain(blocks) => blocks.chunk(),
            Self::Gzip { buffer, len, .. } => &buffer[..*len],
        }
    }
}

#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Moves the file's own cursor too, which nobody uses.
#[cfg(windows)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    fn overwrite(mut file: &File, at: usize, bytes: &[u8]) {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(bytes).unwrap();
    }

    fn pass(file: &Arc<File>, check: Check) -> Blocks {
        Blocks::new(file.clone(), "x.csv".into(), check)
    }

    fn read(mut chunks: impl Chunks) -> Result<Vec<u8>, InputError> {
        let mut all = Vec::new();
        while chunks.advance()? {
            all.extend_from_slice(chunks.chunk());
        }
        assert!(!chunks.advance()? && chunks.chunk().is_empty());
        Ok(all)
    }

    fn record(file: &Arc<File>) -> Check {
        let mut blocks = pass(file, Check::Record);
        while blocks.advance().unwrap() {}
        Check::Verify(Arc::new(blocks.recorded))
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut rng = fastrand::Rng::with_seed(7);
        std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
    }

    #[test]
    fn the_same_bytes_pass() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let content = noise(len);
            let file = file(&content);
            let check = record(&file);
            assert_eq!(read(pass(&file, check)).unwrap(), content, "{len} bytes");
        }
    }

    #[test]
    fn other_bytes_are_a_change_and_none_of_that_block_is_handed_on() {
        let content = noise(2 * BLOCK);
        let file = file(&content);
        let check = record(&file);
        overwrite(&file, BLOCK + 5, &[content[BLOCK + 5] ^ 1]);
        let mut blocks = pass(&file, check);
        assert!(blocks.advance().unwrap());
        assert!(matches!(blocks.advance(), Err(InputError::Changed { .. })));
        assert!(blocks.chunk().is_empty());
    }

    #[test]
    fn shorter_and_longer_are_changes() {
        for before in [1, BLOCK, BLOCK + 9] {
            for after in [0, before - 1, before + 1, before + BLOCK] {
                let content = noise(before.max(after));
                let file = file(&content[..before]);
                let check = record(&file);
                if after < before {
                    file.set_len(after as u64).unwrap();
                } else {
                    overwrite(&file, before, &content[before..]);
                }
                assert!(
                    matches!(read(pass(&file, check)), Err(InputError::Changed { .. })),
                    "{before} → {after}"
                );
            }
        }
    }

    fn gz(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_members_follow_each_other() {
        let (a, b) = (noise(BLOCK + 3), noise(70_000));
        let file = file(&[gz(&a), gz(b""), gz(&b)].concat());
        assert_eq!(read(Bytes::gzip(pass(&file, Check::No))).unwrap(), [a, b].concat());
    }

    #[test]
    fn zeros_behind_the_last_member_are_padding_and_anything_else_is_damage() {
        let (a, b) = (noise(500), noise(BLOCK));
        let packed = [gz(&a), gz(&b)].concat();
        for zeros in [1, 7, 512, 2 * BLOCK] {
            let mut bytes = packed.clone();
            bytes.resize(packed.len() + zeros, 0);
            let unpacked = Bytes::gzip(pass(&file(&bytes), Check::No));
            assert_eq!(read(unpacked).unwrap(), [&a[..], &b].concat(), "{zeros} zeros");
            bytes.push(b'x');
            let result = read(Bytes::gzip(pass(&file(&bytes), Check::No)));
            assert!(matches!(result, Err(InputError::Gzip { .. })), "{zeros} zeros");
            bytes.pop();
            bytes.extend(&packed);
            let result = read(Bytes::gzip(pass(&file(&bytes), Check::No)));
            assert!(matches!(result, Err(InputError::Gzip { .. })), "{zeros} zeros");
        }
    }

    #[test]
    fn a_gzip_that_is_cut_or_broken_anywhere_is_an_error() {
        let whole = [gz(&noise(500)), gz(&noise(300))].concat();
        let first = gz(&noise(500)).len();
        for cut in (1..whole.len()).filter(|cut| *cut != first) {
            let result = read(Bytes::gzip(pass(&file(&whole[..cut]), Check::No)));
            assert!(matches!(result, Err(InputError::Gzip { .. })), "cut at {cut}");
        }
        let mut broken = whole.clone();
        broken[60] ^= 0x55;
        let result = read(Bytes::gzip(pass(&file(&broken), Check::No)));
        assert!(matches!(result, Err(InputError::Gzip { .. })));
    }

    #[test]
    fn a_change_below_gzip_is_a_change() {
        let packed = gz(&noise(3 * BLOCK));
        let file = file(&packed);
        let check = record(&file);
        overwrite(&file, BLOCK + 99, &[packed[BLOCK + 99] ^ 1]);
        let result = read(Bytes::gzip(pass(&file, check)));
        assert!(matches!(result, Err(InputError::Changed { .. })));
    }
}
