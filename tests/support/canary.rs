//! The marked token, and the search for it in the output and files of a run.
//!
//! The search covers encoded forms too: a URL in an error contains the token percent-encoded, a
//! dumped header contains it in base64, and a `Debug` of bytes as numbers.

use std::path::{Path, PathBuf};

use super::text::{base64, find, percent_encode};

/// The token that every run gets unless its test is about another one.
pub const CANARY: &str = "canario-S3GR3D0-7f3a9";

/// The name of an encoding, and the token's bytes in it.
pub type Spelling = (&'static str, Vec<u8>);

/// All spellings of `token` that count as a leak. The first group is searched for without regard to
/// letter case, the second exactly.
pub fn spellings(token: &str) -> (Vec<Spelling>, Vec<Spelling>) {
    let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    let numbers = token.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    let loose = vec![
        ("plain", token.as_bytes().to_vec()),
        ("percent-encoded", percent_encode(token).into_bytes()),
        ("form-encoded", percent_encode(token).replace("%20", "+").into_bytes()),
        ("escaped", token.escape_default().to_string().into_bytes()),
        ("hex", hex.into_bytes()),
        ("byte list", numbers.into_bytes()),
    ];
    let mut exact = Vec::new();
    for url in [false, true] {
        // In a longer text the token starts at one of three offsets in a base64 group. Characters
        // that also encode bits of neighbouring bytes are left out.
        for shift in 0..3usize {
            let mut bytes = vec![0; shift];
            bytes.extend(token.bytes());
            let encoded = base64(&bytes, url);
            let whole = bytes.len() * 8 / 6;
            let first = [0, 2, 3][shift];
            exact.push(("base64", encoded.as_bytes()[first..whole].to_vec()));
        }
    }
    (loose, exact)
}

/// The first occurrence of the token in `bytes`, for a failure message.
pub fn leak(token: &str, bytes: &[u8]) -> Option<String> {
    let (loose, exact) = spellings(token);
    let lower = bytes.to_ascii_lowercase();
    let loose =
        loose.into_iter().map(|(how, text)| (how, find(&lower, &text.to_ascii_lowercase(), 0)));
    let exact = exact.into_iter().map(|(how, text)| (how, find(bytes, &text, 0)));
    loose.chain(exact).find_map(|(how, at)| {
        let at = at?;
        let around = &bytes[at.saturating_sub(60)..(at + 60).min(bytes.len())];
        Some(format!("{how}, at byte {at}: …{}…", String::from_utf8_lossy(around)))
    })
}

/// Searches the names and contents of all files in a folder. The contents of `secret_files`, which
/// contain the token on purpose, are not searched.
pub fn leak_in_folder(token: &str, folder: &Path, secret_files: &[PathBuf]) -> Option<String> {
    files(folder).into_iter().find_map(|path| {
        let name = leak(token, path.to_string_lossy().as_bytes());
        let name = name.map(|how| format!("a file's name: {how}"));
        let content = || {
            let read = (!secret_files.contains(&path)).then(|| std::fs::read(&path))?;
            Some(format!("{}: {}", path.display(), leak(token, &read.ok()?)?))
        };
        name.or_else(content)
    })
}

/// All regular files under a folder, sorted. Pipes and devices are left out because reading one
/// would block.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
    found
}
