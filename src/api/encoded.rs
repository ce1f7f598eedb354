//! Finding a secret that was encoded as a whole, in base64 or in hexadecimal.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use memchr::memmem::Finder;

use super::scrub::{LEAST, MASK};

/// Spellings of a secret as a whole.
#[derive(Clone)]
pub struct Encoded(Vec<Finder<'static>>);

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Encoded {
    /// All that are sought.
    pub fn of(secret: &str) -> Self {
        if secret.len() < LEAST {
            return Self(Vec::new());
        }
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut texts = vec![hex.to_uppercase(), hex];
        for engine in [STANDARD, URL_SAFE] {
            // Inside a longer text the secret begins at one of three places of a group; what it
            // shares with its neighbours there is left out.
            for (shift, first) in [(0, 0), (1, 2), (2, 3)] {
                let mut bytes = vec![0; shift];
                bytes.extend(secret.bytes());
                let end = bytes.len() * 8 / 6;
                let text = engine.encode(bytes);
                texts.extend(text.get(first..end).map(ToOwned::to_owned));
            }
        }
        texts.dedup();
        Self(texts.iter().map(|text| Finder::new(text).into_owned()).collect())
    }

    /// Replaces every occurrence in `text`.
    pub fn scrub<'t>(&self, text: Cow<'t, [u8]>) -> Cow<'t, [u8]> {
        self.0.iter().fold(text, |text, finder| {
            let Some(first) = finder.find(&text) else { return text };
            let mut out = Vec::with_capacity(text.len());
            let (mut kept, mut next) = (0, Some(first));
            while let Some(at) = next {
                out.extend_from_slice(&text[kept..at]);
                out.extend_from_slice(MASK);
                kept = at + finder.needle().len();
                next = finder.find(&text[kept..]).map(|further| kept + further);
            }
            out.extend_from_slice(&text[kept..]);
            Cow::Owned(out)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3/x:é=&'\\ y";

    #[test]
    fn the_whole_is_found_in_base64_and_hexadecimal_at_any_place() {
        let encoded = Encoded::of(SECRET);
        let scrubbed = |text: String| {
            String::from_utf8(encoded.scrub(Cow::Borrowed(text.as_bytes())).into_owned()).unwrap()
        };
        for before in ["", "a", "ab", "abc"] {
            for engine in [STANDARD, URL_SAFE] {
                let text = engine.encode(format!("{before}{SECRET}/resto"));
                let found = scrubbed(text.clone() + &text);
                assert_eq!(found.matches("[token]").count(), 2, "{text}");
            }
        }
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(scrubbed(format!("{hex}-{}", hex.to_uppercase())), "[token]-[token]");
        assert!(matches!(encoded.scrub(Cow::Borrowed(b"nada")), Cow::Borrowed(_)));
        assert!(Encoded::of("curto").0.is_empty(), "found by chance");
    }
}
