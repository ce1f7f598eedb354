//! Hides the token in text from outside: error pages like to repeat the requested path.
//!
//! Found are the whole token and its first [`PREFIX_MIN`] characters (a text may be cut), each
//! character as it is, percent-encoded, or escaped as JSON or HTML; and the whole token in base64 and
//! in hexadecimal. Other spellings are not looked for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// What stands in the token's place.
const MASK: &str = "[token]";

/// So many characters of the token are hidden even where the others do not follow. A shorter text
/// would be found by chance.
const PREFIX_MIN: usize = 8;

/// Finds one token.
#[derive(Clone)]
pub(super) struct Redactor {
    /// The spellings of each character of the token, in order.
    spellings: Vec<Vec<String>>,
    /// The whole token in base64 and hexadecimal.
    encoded: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Finds `token`, which is not empty.
    pub fn new(token: &str) -> Self {
        let spellings: Vec<_> = token.chars().map(spellings).collect();
        let encoded = if spellings.len() < PREFIX_MIN { Vec::new() } else { encoded(token) };
        Self { spellings, encoded }
    }

    /// Replaces every occurrence of the token in `text`.
    pub fn redact(&self, text: String) -> String {
        let mut text = self.encoded.iter().fold(text, |text, needle| text.replace(needle, MASK));
        let mut at = 0;
        while at < text.len() {
            match self.length_at(&text.as_bytes()[at..]) {
                0 => at += 1,
                length => {
                    text.replace_range(at..at + length, MASK);
                    at += MASK.len();
                }
            }
        }
        text
    }

    /// How many bytes at the start of `text` spell the token or enough of its beginning.
    fn length_at(&self, text: &[u8]) -> usize {
        let enough = self.spellings.len().min(PREFIX_MIN);
        let mut length = 0;
        // Where the characters so far may end: "%25" spells a percent sign or three characters.
        let mut ends = vec![0];
        for (index, spellings) in self.spellings.iter().enumerate() {
            let further = |end: usize| {
                let rest = &text[end..];
                let fits = move |spelling: &&String| {
                    let start = rest.get(..spelling.len());
                    start.is_some_and(|start| start.eq_ignore_ascii_case(spelling.as_bytes()))
                };
                spellings.iter().filter(fits).map(move |spelling| end + spelling.len())
            };
            ends = ends.into_iter().flat_map(further).collect();
            ends.sort_unstable();
            ends.dedup();
            let Some(longest) = ends.last() else { break };
            if index + 1 >= enough {
                length = *longest;
            }
        }
        length
    }
}

/// The ways to write one character; letter case is ignored in all of them.
fn spellings(c: char) -> Vec<String> {
    let code = u32::from(c);
    let percent = c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02x}")).collect();
    let json = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!(r"\u{unit:04x}")).collect();
    let html = [format!("&#{code};"), format!("&#0{code};"), format!("&#x{code:x};")];
    let mut all = vec![c.to_string(), percent, json];
    all.extend(html);
    if c.is_ascii_punctuation() {
        all.push(format!(r"\{c}"));
    }
    let named = [
        (' ', "+"),
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&quot;"),
        ('\'', "&apos;"),
    ];
    all.extend(named.iter().filter(|(named, _)| *named == c).map(|(_, name)| (*name).to_owned()));
    all
}

/// The token in hexadecimal, and in both alphabets of base64 at each of the three places of a group
/// where it may begin. What it shares with its neighbours in a group is left out.
fn encoded(token: &str) -> Vec<String> {
    let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![hex.to_uppercase(), hex];
    for engine in [STANDARD, URL_SAFE] {
        for (shift, first) in [(0, 0), (1, 2), (2, 3)] {
            let mut bytes = vec![0; shift];
            bytes.extend(token.bytes());
            let end = bytes.len() * 8 / 6;
            all.extend(engine.encode(bytes).get(first..end).map(ToOwned::to_owned));
        }
    }
    all
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
