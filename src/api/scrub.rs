//! Finding a secret in text from outside, however it is spelled there: raw, percent-encoded, escaped
//! as JSON or HTML, once or twice, or each of its characters another way; and as a whole in base64
//! or hexadecimal. Error pages like to repeat the requested path, and the path holds the token.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use memchr::memmem::Finder;

/// What stands in the secret's place.
const MASK: &[u8] = b"[token]";

/// Secrets shorter than this are not sought in base64 and hexadecimal, where they would be found by
/// chance.
const LEAST_ENCODED: usize = 8;

/// Spellings of a secret as a whole.
#[derive(Clone)]
pub(super) struct Encoded(Vec<Finder<'static>>);

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Encoded {
    /// All that are sought.
    pub fn of(secret: &str) -> Self {
        if secret.len() < LEAST_ENCODED {
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

/// Replaces every occurrence of `secret` (not empty) in `text`.
pub(super) fn scrub<'t>(text: &'t [u8], secret: &str) -> Cow<'t, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    let mut kept = 0;
    // What an occurrence can begin with: the first character itself, or one of the escapes.
    let first = secret.as_bytes().first().copied();
    let begins = |byte: &u8| {
        matches!(*byte, b'%' | b'+' | b'\\' | b'&')
            || first.is_some_and(|first| first.eq_ignore_ascii_case(byte))
    };
    while let Some(next) = text[at..].iter().position(begins) {
        at += next;
        match occurrence(&text[at..], secret) {
            Some(length) => {
                let out = out.get_or_insert_default();
                out.extend_from_slice(&text[kept..at]);
                out.extend_from_slice(MASK);
                at += length;
                kept = at;
            }
            None => at += 1,
        }
    }
    match out {
        Some(mut out) => {
            out.extend_from_slice(&text[kept..]);
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    }
}

/// The length of the secret at the beginning of `text`, if it stands there.
fn occurrence(text: &[u8], secret: &str) -> Option<usize> {
    let mut chars = secret.chars();
    let Some(c) = chars.next() else { return Some(0) };
    // Some characters begin their own escape (`&amp;`, `\\`): both readings are tried.
    [escaped(text, c), raw(text, c)]
        .into_iter()
        .flatten()
        .find_map(|length| occurrence(&text[length..], chars.as_str()).map(|rest| length + rest))
}

/// The length of `c` as it is, in either case, at the beginning of `text`.
fn raw(text: &[u8], c: char) -> Option<usize> {
    let mut buffer = [0u8; 4];
    let raw = c.encode_utf8(&mut buffer).as_bytes();
    text.get(..raw.len()).is_some_and(|head| head.eq_ignore_ascii_case(raw)).then_some(raw.len())
}

/// The length of the one character `c` at the beginning of `text`, in any spelling but its own.
fn escaped(text: &[u8], c: char) -> Option<usize> {
    let mut buffer = [0u8; 4];
    let raw = c.encode_utf8(&mut buffer).as_bytes();
    match (text.first()?, c) {
        (b'%', _) => raw.iter().try_fold(0, |length, byte| {
            // A percent sign that was escaped once more is `%25`.
            let rest = text.get(length..)?.strip_prefix(b"%")?;
            let digits = format!("{byte:02x}");
            let stand = |text: &[u8]| {
                text.get(..2).is_some_and(|head| head.eq_ignore_ascii_case(digits.as_bytes()))
            };
            // A percent sign that was escaped once more is `%25`.
            match (stand(rest), rest.strip_prefix(b"25")) {
                (true, _) => Some(length + 3),
                (false, Some(rest)) if stand(rest) => Some(length + 5),
                (false, _) => None,
            }
        }),
        (b'+', ' ') => Some(1),
        (b'\\', _) => {
            let mut units = [0u16; 2];
            let unicode: String =
                c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let head = text.get(..unicode.len());
            if head.is_some_and(|head| head.eq_ignore_ascii_case(unicode.as_bytes())) {
                return Some(unicode.len());
            }
            (text.get(1) == raw.first() && raw.len() == 1).then_some(2)
        }
        (b'&', _) => entity(text, c),
        _ => None,
    }
}

/// The length of `c` as an HTML entity at the beginning of `text`, escaped once or twice.
fn entity(text: &[u8], c: char) -> Option<usize> {
    let named: &[u8] = match c {
        '&' => b"&amp;",
        '<' => b"&lt;",
        '>' => b"&gt;",
        '"' => b"&quot;",
        '\'' => b"&apos;",
        _ => b"&#",
    };
    if named != b"&#"
        && text.get(..named.len()).is_some_and(|head| head.eq_ignore_ascii_case(named))
    {
        return Some(named.len());
    }
    let rest = text.strip_prefix(b"&")?;
    let rest = rest.strip_prefix(b"amp;").unwrap_or(rest).strip_prefix(b"#")?;
    let (digits, base) = match rest.first()? {
        b'x' | b'X' => (rest.get(1..)?, 16),
        _ => (rest, 10),
    };
    // Zeros may come first, and the semicolon may be missing.
    let count =
        digits.iter().take(10).take_while(|digit| char::from(**digit).is_digit(base)).count();
    let number = std::str::from_utf8(digits.get(..count)?).ok()?;
    if u32::from_str_radix(number, base) != Ok(u32::from(c)) {
        return None;
    }
    let end = usize::from(digits.get(count) == Some(&b';'));
    Some(text.len() - digits.len() + count + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3/x:é=&'\\ y";

    fn scrubbed(text: &str) -> String {
        String::from_utf8(scrub(text.as_bytes(), SECRET).into_owned()).unwrap()
    }

    #[test]
    fn every_spelling_is_found() {
        for spelled in [
            "s3/x:é=&'\\ y",
            "s3%2Fx%3A%C3%A9%3D%26%27%5C%20y",
            "s3%2fx:%c3%a9=%26'%5c+y",
            r"s3\/x:\u00e9=&'\\ y",
            "s3/x:&#233;=&amp;&#039;&#x5C; y",
            "S3/X:é=&'\\ Y",
            "s%2533%252fx:%25C3%25a9=%26'%5C+y",
            "s3/x:&amp;#0233;=&amp;&#39&#x00005c y",
        ] {
            assert_eq!(scrubbed(&format!("a {spelled} b {spelled}")), "a [token] b [token]");
        }
    }

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

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "s3", "s3/x:é=&'", "%", "s3%2", "\\", "&"] {
            assert_eq!(scrubbed(text), text);
        }
        assert!(matches!(scrub(b"nada", SECRET), Cow::Borrowed(_)));
    }
}
