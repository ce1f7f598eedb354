//! The ways in which a server may have spelled one character: as it is, percent-encoded, escaped as
//! JSON or as HTML, each of them again and again.

use std::char::decode_utf16;

/// How often one spelling is looked for inside another.
const NESTED: usize = 3;

/// The most bytes that one spelling takes: four, each percent-encoded [`NESTED`] times.
pub const LONGEST: usize = 4 * (1 + 2 * NESTED);

/// Gives every character that can be read at the beginning of `text`, with the length of its
/// spelling. There are several where a character begins an escape (`\\`, `&amp;`, `%25`). A byte
/// that belongs to none reads as U+FFFD, and as what it means in Latin-1.
pub fn readings(text: &[u8], read: &mut dyn FnMut(char, usize)) {
    let Some((c, length)) = plain(text) else { return };
    read(c, length);
    match c {
        // In an old encoding, or half a character of UTF-16.
        '\u{fffd}' if length == 1 => text.first().into_iter().for_each(|b| read((*b).into(), 1)),
        '+' => read(' ', 1),
        '%' => percent(text, read),
        '&' => entity(text, read),
        '\\' => backslash(text, read),
        _ => {}
    }
}

/// Whether nobody sees that `c` stands between two letters: controls that move no cursor (in UTF-16
/// every other byte is a NUL), what stood for a byte of another encoding, and marks of no width.
pub fn is_unseen(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            '\u{fffd}'
                | '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
        )
}

/// The first character as it stands there.
fn plain(text: &[u8]) -> Option<(char, usize)> {
    let chunk = text.get(..text.len().min(4))?.utf8_chunks().next()?;
    Some(chunk.valid().chars().next().map_or(('\u{fffd}', 1), |c| (c, c.len_utf8())))
}

/// `%54`, `%2554`, `%252554`.
fn percent(text: &[u8], read: &mut dyn FnMut(char, usize)) {
    for nested in 0..NESTED {
        let one = 3 + 2 * nested;
        let byte = |escape: &[u8]| {
            let (percent, digits) = escape.strip_prefix(b"%")?.split_at_checked(2 * nested)?;
            let byte = u8::try_from(number(digits, 16)?).ok()?;
            (digits.len() == 2 && percent.chunks(2).all(|again| again == b"25")).then_some(byte)
        };
        let bytes: Vec<u8> = text.chunks(one).take(4).map_while(byte).collect();
        if let Some((c, length)) = plain(&bytes) {
            read(c, length * one);
        }
    }
}

/// `&#84;`, `&#x0054`, `&amp;#84;`, `&amp;amp;`.
fn entity(text: &[u8], read: &mut dyn FnMut(char, usize)) {
    const NAMED: [(&[u8], char); 8] = [
        (b"amp", '&'),
        (b"lt", '<'),
        (b"gt", '>'),
        (b"quot", '"'),
        (b"apos", '\''),
        (b"shy", '\u{ad}'),
        (b"zwj", '\u{200d}'),
        (b"zwnj", '\u{200c}'),
    ];
    // Some leave the semicolon out.
    let mut ended = |c, end| {
        read(c, end);
        if text.get(end) == Some(&b';') {
            read(c, end + 1);
        }
    };
    let mut at = 1;
    for _ in 0..NESTED {
        let body = &text[at..];
        for (name, c) in NAMED {
            if starts_with(body, name) {
                ended(c, at + name.len());
            }
        }
        if let Some(code) = body.strip_prefix(b"#") {
            let (radix, skipped) = if starts_with(code, b"x") { (16, 1) } else { (10, 0) };
            let digits = &code[skipped..code.len().min(12)];
            let count = digits.iter().take_while(|d| char::from(**d).is_digit(radix)).count();
            if let Some(c) = number(&digits[..count], radix).and_then(char::from_u32) {
                ended(c, at + 1 + skipped + count);
            }
        }
        if !starts_with(body, b"amp;") {
            return;
        }
        at += 4;
    }
}

/// `\/`, `\0`, `\x54`, `\u0054`, and with more backslashes.
fn backslash(text: &[u8], read: &mut dyn FnMut(char, usize)) {
    let slashes = text.iter().take(NESTED).take_while(|byte| **byte == b'\\').count();
    for slashes in 1..=slashes {
        let (before, body) = text.split_at(slashes);
        if let Some((c, length)) = plain(body) {
            read(c, slashes + length);
        }
        if body.first() == Some(&b'0') {
            read('\0', slashes + 1);
        }
        let code = |digits: Option<&[u8]>| number(digits?, 16);
        if starts_with(body, b"x")
            && let Some(c) = code(body.get(1..3)).and_then(char::from_u32)
        {
            read(c, slashes + 3);
        }
        let one = slashes + 5;
        let unit = |escape: &[u8]| {
            let digits = escape.strip_prefix(before)?.strip_prefix(b"u")?;
            u16::try_from(code(digits.get(..4))?).ok()
        };
        let units = text.chunks(one).take(2).map_while(unit);
        if let Some(Ok(c)) = decode_utf16(units).next() {
            read(c, one * c.len_utf16());
        }
    }
}

fn starts_with(text: &[u8], head: &[u8]) -> bool {
    text.get(..head.len()).is_some_and(|text| text.eq_ignore_ascii_case(head))
}

/// The value of these digits; `None` where there is none or one is no digit.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    // The parser takes a sign as well.
    let only = digits.chars().all(|digit| digit.is_digit(radix));
    only.then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(char, usize)> {
        let mut all = Vec::new();
        readings(text.as_bytes(), &mut |c, length| all.push((c, length)));
        all
    }

    #[test]
    fn every_reading_is_given_with_its_length() {
        for (text, c) in [
            ("é", 'é'),
            ("+", ' '),
            ("%54", 'T'),
            ("%2554", 'T'),
            ("%c3%A9", 'é'),
            ("%252525", '%'),
            ("%2525F0%25259F%252598%252580", '\u{1f600}'),
            ("&amp;", '&'),
            ("&amp;amp;", '&'),
            ("&AMP;lt", '<'),
            ("&gt;", '>'),
            ("&quot;", '"'),
            ("&apos", '\''),
            ("&#84", 'T'),
            ("&amp;amp;#X0000000054;", 'T'),
            ("\\/", '/'),
            ("\\\\", '\\'),
            ("\\0", '\0'),
            ("\\x54", 'T'),
            ("\\u00e9", 'é'),
            ("\\ud83d\\ude00", '\u{1f600}'),
            ("\\\\\\u0054", 'T'),
        ] {
            assert!(read(text).contains(&(c, text.len())), "{text}: {:?}", read(text));
            assert!(text.len() <= LONGEST, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_escape_is_what_stands_there() {
        for text in ["%", "%5", "%+5", "%g0", "&", "&#;", "&#x;", "&#x110000;", "\\"] {
            let first = text.chars().next().unwrap();
            assert_eq!(read(text), [(first, 1)], "{text}");
        }
        assert_eq!(read("\\u12"), [('\\', 1), ('u', 2)]);
        assert_eq!(read("\\ud83dx"), [('\\', 1), ('u', 2)]);
        assert_eq!(read(""), []);
        let mut bytes = Vec::new();
        readings(b"\xc3(", &mut |c, length| bytes.push((c, length)));
        assert_eq!(bytes, [('\u{fffd}', 1), ('Ã', 1)]);
    }
}
