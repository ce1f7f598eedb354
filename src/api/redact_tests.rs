use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const TOKEN: &str = "s3/x:é=&'\\ y";
const PLAIN: &str = "Tk9aZ-0x7fQm+Lw/22";

fn redact(token: &str, text: impl Into<String>) -> String {
    Redactor::new(token).redact(text.into())
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
    ] {
        let found = redact(TOKEN, format!("a {spelled} b {spelled}"));
        assert_eq!(found, "a [token] b [token]", "{spelled}");
    }
    assert_eq!(redact("um segredo", "a um+segredo b"), "a [token] b", "in nothing else");
    assert_eq!(redact("a%25b", "a%25b a%2525b"), "[token] [token]");
    let bare = "%E2%82%AC%21%F0%9F%98%80%41%21%21%F0%9F%98%80%61%%E2%82%AC";
    assert_eq!(redact("€!😀A!!😀a%€", bare), "[token]", "a bare % among encoded characters");
}

#[test]
fn the_whole_token_is_found_in_base64_and_hexadecimal_at_any_place() {
    for before in ["", "a", "ab", "abc"] {
        for engine in [STANDARD, URL_SAFE] {
            let text = engine.encode(format!("{before}{TOKEN}/resto"));
            let found = redact(TOKEN, text.clone() + &text);
            assert_eq!(found.matches("[token]").count(), 2, "{text}");
        }
    }
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    let found = redact(TOKEN, format!("{hex}-{}", hex.to_uppercase()));
    assert_eq!(found, "[token]-[token]");
    assert_eq!(redact("curto", "Y3VydG8="), "Y3VydG8=", "short ones would be found by chance");
}

#[test]
fn the_beginning_of_a_token_is_hidden_too() {
    for (text, clean) in [
        ("/u/Tk9aZ-0x", "/u/[token]"),
        ("/u/Tk9aZ-0x…", "/u/[token]…"),
        ("/u/Tk9aZ-0x7fQm+Lw/2... fim", "/u/[token]... fim"),
        (r"/u/Tk9aZ\u002d0x\u2026", r"/u/[token]\u2026"),
        ("/u/Tk9aZ%2d0x7f%5", "/u/[token]%5"),
        ("/u/Tk9aZ-0", "/u/Tk9aZ-0"),
        ("/u/Tk9aZ-0…", "/u/Tk9aZ-0…"),
    ] {
        assert_eq!(redact(PLAIN, text), clean);
    }
    assert_eq!(redact("segredo", "um segred…"), "um segred…");
}

/// Shorter than what is hidden of a cut token, and beginnings of no spelling at all.
#[test]
fn short_beginnings_and_unfinished_spellings_are_left_alone() {
    for text in ["", "s3", "s3/x:é=", "%", "s3%2", "\\", "\\\\", "&", "&#", "%25", "\\u00"] {
        assert_eq!(redact(TOKEN, text), text);
    }
}

/// One character of a token in some spelling that a server may choose.
fn spell(c: char, how: u8) -> String {
    let percent: String =
        c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let code = u32::from(c);
    match how % 8 {
        0 => percent,
        1 => percent.to_lowercase(),
        2 => format!("&#{code};"),
        3 => format!("&#x{code:X};"),
        4 => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        5 => c.to_ascii_uppercase().to_string(),
        _ => c.to_string(),
    }
}

proptest! {
    /// f63
    #[test]
    fn a_token_is_found_in_foreign_text_however_its_characters_are_spelled(
        token in "[!-~é€\u{1F600}]{9,40}",
        before in "\\PC{0,20}",
        after in "\\PC{0,20}",
        how in vec(any::<u8>(), 40),
        left in 8usize..=40,
    ) {
        let spelled: String = token.chars().zip(how).take(left).map(|(c, how)| spell(c, how)).collect();
        let clean = redact(&token, format!("{before}{spelled}{after}"));
        prop_assert!(clean.contains("[token]"), "{}", clean);
        prop_assert!(!clean.contains(&token) && !clean.contains(&spelled), "{}", clean);
    }

    /// f63
    #[test]
    fn text_without_the_token_is_left_alone(
        token in "[G-L]{1,20}",
        text in vec(prop_oneof![
            select(vec!["%25", "&amp;", "&#38;", "\\x5c", "\\u0026", "%", "&", "\\", "\0", "nome", " "])
                .prop_map(ToOwned::to_owned),
            "\\PC{0,5}".prop_map(|noise| noise.replace(char::is_alphanumeric, "·")),
        ], 0..20),
    ) {
        let text = text.concat();
        prop_assert_eq!(redact(&token, text.clone()), text);
    }
}
