//! Finding a secret in text from outside, however it is spelled there: raw, percent-encoded, escaped
//! as JSON or HTML, or each of its characters another way. Error pages like to repeat the requested
//! path, and the path holds the token.

use std::borrow::Cow;

/// What stands in the secret's place.
const MASK: &[u8] = b"[token]";

/// Replaces every occurrence of `secret` (not empty) in `text`.
pub(super) fn scrub<'t>(text: &'t [u8], secret: &str) -> Cow<'t, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    let mut kept = 0;
    // What an occurrence can begin with: the first character itself, or one of the escapes.
    let first = secret.as_bytes().first().copied();
    let begins = |byte: &u8| matches!(*byte, b'%' | b'+' | b'\\' | b'&') || Some(*byte) == first;
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

/// The length of `c` as it is, at the beginning of `text`.
fn raw(text: &[u8], c: char) -> Option<usize> {
    let mut buffer = [0u8; 4];
    let raw = c.encode_utf8(&mut buffer).as_bytes();
    text.starts_with(raw).then_some(raw.len())
}

/// The length of the one character `c` at the beginning of `text`, in any spelling but its own.
fn escaped(text: &[u8], c: char) -> Option<usize> {
    let mut buffer = [0u8; 4];
    let raw = c.encode_utf8(&mut buffer).as_bytes();
    match (text.first()?, c) {
        (b'%', _) => raw
            .iter()
            .enumerate()
            .all(|(index, byte)| {
                let escape = text.get(3 * index..3 * index + 3);
                escape.is_some_and(|escape| {
                    escape.eq_ignore_ascii_case(format!("%{byte:02x}").as_bytes())
                })
            })
            .then_some(3 * raw.len()),
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
        (b'&', _) => {
            let code = u32::from(c);
            let named = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&apos;",
                _ => "&\0",
            };
            [
                named.to_owned(),
                format!("&#{code};"),
                format!("&#x{code:x};"),
                format!("&#{code:03};"),
            ]
            .iter()
            .find(|entity| {
                text.get(..entity.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(entity.as_bytes()))
            })
            .map(String::len)
        }
        _ => None,
    }
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
        ] {
            assert_eq!(scrubbed(&format!("a {spelled} b {spelled}")), "a [token] b [token]");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "s3", "s3/x:é=&'", "%", "s3%2", "\\", "&"] {
            assert_eq!(scrubbed(text), text);
        }
        assert!(matches!(scrub(b"nada", SECRET), Cow::Borrowed(_)));
    }
}
