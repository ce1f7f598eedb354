//! Finding a secret in text from outside, each of its characters spelled as the server likes, and
//! what a server left of it that cut its text. Error pages like to repeat the requested path, and
//! the path holds the token.
//!
//! The text is read once, from its end to its beginning; at each place all readings are followed at
//! once, so that no text makes it slow.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::spelling::{self, is_unseen, readings};

/// What stands in the secret's place.
pub const MASK: &[u8] = b"[token]";

/// A secret, or a beginning of one, that is shorter than this would be found by chance where there
/// is little else to know it by.
pub const LEAST: usize = 8;

/// No more of a secret's characters are compared; behind so many of them nothing else is shown.
const COMPARED: usize = 256;

/// Replaces every occurrence of `secret` (not empty) in `text`.
pub fn scrub<'t>(text: &'t [u8], secret: &str) -> Cow<'t, [u8]> {
    if is_harmless(text, secret) {
        return Cow::Borrowed(text);
    }
    let found = occurrences(text, secret);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut kept = 0;
    for (start, end) in found {
        if start >= kept {
            let before = &text[kept..start];
            // Half an escape would be left of `\\` and make JSON unreadable.
            let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
            out.extend_from_slice(&before[..before.len() - slashes]);
            out.extend_from_slice(MASK);
        }
        kept = kept.max(end);
    }
    out.extend_from_slice(&text[kept..]);
    Cow::Owned(out)
}

/// Whether it takes no more than a look: each byte can only be read as itself, and nowhere is there
/// as much of the secret as would be masked. Nearly every reply is like that.
fn is_harmless(text: &[u8], secret: &str) -> bool {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b"%&+\\".contains(byte);
    let head: Vec<char> = secret.chars().take(LEAST).map(fold).collect();
    let is_head = |window: &[u8]| {
        window.iter().zip(&head).all(|(byte, c)| char::from(byte.to_ascii_lowercase()) == *c)
    };
    text.iter().all(plain) && !text.windows(head.len()).any(is_head)
}

/// Where `secret` begins and ends in `text`, in order. They may overlap, where a beginning can be
/// read in several ways.
fn occurrences(text: &[u8], secret: &str) -> Vec<(usize, usize)> {
    let mut chars = secret.chars().map(fold);
    let secret: Vec<char> = chars.by_ref().take(COMPARED).collect();
    let whole = chars.next().is_none();
    let mut found = Vec::new();

    // For each place: at `ends[n]`, where the secret ends of which all but the first n characters
    // stand here; 0 where they do not. Those of the places behind, the nearest first.
    let mut behind: VecDeque<Vec<usize>> =
        vec![vec![0; secret.len() + 1]; spelling::LONGEST + 1].into();
    for at in (0..=text.len()).rev() {
        let mut ends = behind.pop_back().unwrap_or_default();
        ends.fill(0);
        if let Some(done) = ends.last_mut() {
            *done = if whole { at } else { text.len() };
        }
        if let Some(cut) = ends.get_mut(LEAST..secret.len())
            && is_cut(&text[at..])
        {
            cut.fill(at);
        }
        readings(&text[at..], &mut |c, length| {
            let Some(later) = behind.get(length - 1) else { return };
            if is_unseen(c) {
                let between = 1..secret.len();
                for (end, later) in ends[between.clone()].iter_mut().zip(&later[between]) {
                    *end = (*end).max(*later);
                }
            }
            let c = fold(c);
            for ((end, wanted), later) in ends.iter_mut().zip(&secret).zip(&later[1..]) {
                if *wanted == c {
                    *end = (*end).max(*later);
                }
            }
        });
        if let Some(&end) = ends.first().filter(|end| **end > at) {
            found.push((at, end));
        }
        behind.push_front(ends);
    }
    found.reverse();
    found
}

/// Whether somebody cut the text here: it ends, or three dots follow. What is left of a broken
/// escape may stand before that.
fn is_cut(rest: &[u8]) -> bool {
    const DOTS: [&[u8]; 4] = ["…".as_bytes(), b"...", br"\u2026", b"&hellip;"];
    let over = |rest: &[u8]| rest.is_empty() || DOTS.iter().any(|dots| rest.starts_with(dots));
    let broken = match rest.first() {
        Some(b'%' | b'&' | b'\\') => {
            let part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b'%');
            1 + rest[1..].iter().take(spelling::LONGEST).take_while(part).count()
        }
        _ => 0,
    };
    over(rest) || over(&rest[broken..])
}

/// The same for both letter cases.
fn fold(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3/x:é=&'\\ y";
    const PLAIN: &str = "Tk9aZ-0x7fQm+Lw/22";

    fn mask(secret: &str, text: impl AsRef<[u8]>) -> String {
        String::from_utf8(scrub(text.as_ref(), secret).into_owned()).unwrap()
    }

    /// Every character of [`PLAIN`] as `spell` says.
    fn each(spell: impl Fn(char) -> String) -> String {
        PLAIN.chars().map(spell).collect()
    }

    #[test]
    fn every_spelling_is_found() {
        for spelled in [
            "s3/x:é=&'\\ y",
            "s3%2Fx%3A%C3%A9%3D%26%27%5C%20y",
            "s3%2fx:%c3%a9=%26'%5c+y",
            r"s3\/x:\u00e9=&'\\ y",
            "s3/x:&#233;=&amp;&#039;&#x5C; y",
            "S3/X:É=&'\\ Y",
            "s%2533%252fx:%25C3%25a9=%26'%5C+y",
            "s3/x:&amp;#0233;=&amp;&#39&#x00005c y",
            r"s3\\\/x:\\u00e9=\x26'\\\\ y",
        ] {
            let found = mask(SECRET, format!("a {spelled} b {spelled}"));
            assert_eq!(found, "a [token] b [token]", "{spelled}");
        }
        assert_eq!(mask("um segredo", "a um+segredo b"), "a [token] b", "in nothing else");
    }

    #[test]
    fn what_nobody_sees_between_the_letters_hides_nothing() {
        for between in [
            "\0",
            "\0\0\0",
            "\u{1}",
            "\u{7f}",
            "\u{fffd}",
            "\u{200b}",
            "\u{ad}\u{feff}",
            "\u{fe0f}",
        ]
        .into_iter()
        .chain(["&shy;", "&zwj;", "&zwnj;", "&#8203;", "%00"])
        {
            let found = mask(PLAIN, format!("a {} b", each(|c| format!("{c}{between}"))));
            assert_eq!(found, format!("a [token]{between} b"), "{between:?}");
        }
        for escaped in [r"\u0000", r"\0", r"\x00", "%E2%80%8B"] {
            let found = mask(PLAIN, each(|c| format!("{c}{escaped}")));
            assert_eq!(found, format!("[token]{escaped}"));
        }
        assert_eq!(mask(PLAIN, each(|c| format!("{c} "))), each(|c| format!("{c} ")));
    }

    #[test]
    fn utf_16_is_read_in_either_order() {
        for secret in [SECRET, PLAIN] {
            let text = format!("/u/{secret}/x");
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(mask(secret, little), "/\0u\0/\0[token]\0/\0x\0");
            assert_eq!(mask(secret, big), "\0/\0u\0/\0[token]\0/\0x");
        }
        assert_eq!(mask(SECRET, b"s3/x:\xe9=&'\\ y"), "[token]");
    }

    #[test]
    fn a_secret_that_was_cut_short_is_no_less_secret() {
        for (text, clean) in [
            ("/u/Tk9aZ-0x", "/u/[token]"),
            ("/u/Tk9aZ-0x…", "/u/[token]…"),
            ("/u/Tk9aZ-0x7fQm+Lw/2... fim", "/u/[token]... fim"),
            (r#""/u/Tk9aZ\u002d0x\u2026""#, r#""/u/[token]\u2026""#),
            ("/u/Tk9aZ%2d0x7f%5", "/u/[token]%5"),
            (r"/u/Tk9aZ-0x\u00", r"/u/[token]\u00"),
            ("T\0k\u{ad}9aZ-0x", "[token]"),
            // Too short, or not cut.
            ("/u/Tk9aZ-0", "/u/Tk9aZ-0"),
            ("/u/Tk9aZ-0…", "/u/Tk9aZ-0…"),
            ("/u/Tk9aZ-0x7 não existe", "/u/Tk9aZ-0x7 não existe"),
        ] {
            assert_eq!(mask(PLAIN, text), clean);
        }
        assert_eq!(mask("segredo", "um segred…"), "um segred…");
        // What looks like a cut may stand inside the secret, behind its own beginning.
        assert_eq!(mask("aaaaaaaaaa...zz", "a b aaaaaaaaaa...zz c"), "a b [token] c");
    }

    #[test]
    fn json_around_the_mask_remains_json() {
        for spelled in [r"s3\/x", r"\\s3\/x", r"\\\\\\\\s3/x", r"\u0073\u0033\/x"] {
            let text = mask("s3/x", format!("[\"em {spelled}\"]"));
            assert_eq!(text, "[\"em [token]\"]", "{spelled}");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in ["", "s3", "s3/x:é=", "%", "s3%2", "\\", "\\\\", "&", "&#", "%25", "\\u00"] {
            assert_eq!(mask(SECRET, text), text);
        }
        assert!(matches!(scrub(b"nada", SECRET), Cow::Borrowed(_)));
    }

    #[test]
    fn nothing_behind_the_beginning_of_an_endless_secret_is_shown() {
        let secret = "0123456789".repeat(100);
        assert_eq!(mask(&secret, format!("a {secret} b")), "a [token]");
        assert_eq!(mask(&secret, &secret[..999]), "[token]");
        assert_eq!(mask(&secret, "0123456789 b"), "0123456789 b");
    }

    proptest::proptest! {
        #[test]
        fn what_a_look_calls_harmless_is(
            secret in "[ab%]{1,12}", before in "[ab. ]{0,6}", cut in 0..13usize, after in "[ab. %&]{0,6}",
        ) {
            let text = before + &secret[..cut.min(secret.len())].to_uppercase() + &after;
            if is_harmless(text.as_bytes(), &secret) {
                proptest::prop_assert_eq!(occurrences(text.as_bytes(), &secret), []);
            }
        }
    }

    /// One reading after the other, with a way back, would not end in a lifetime.
    #[test]
    fn neither_secret_nor_text_makes_it_slow() {
        const SIZE: usize = 64 * 1024;
        for (secret, text) in [
            ("\\".repeat(100) + "!", "\\".repeat(SIZE)),
            ("&amp;".repeat(20) + "!", "&amp;".repeat(SIZE / 5)),
            ("%25".repeat(SIZE / 3), "%25".repeat(SIZE / 3)),
            ("a".repeat(SIZE) + "!", "a\u{200b}".repeat(SIZE / 4)),
        ] {
            let begun = std::time::Instant::now();
            scrub(text.as_bytes(), &secret);
            assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{}", &secret[..5]);
        }
    }
}
