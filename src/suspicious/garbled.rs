//! Text that went through the wrong conversion before it came here.

/// Whether the text is UTF-8 that was read as Windows-1252 (`JoÃ£o`) or as code page 850 (`Jo├úo`).
pub fn is_garbled(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    while let Some(lead) = chars.next() {
        let Some(&next) = chars.peek() else { return false };
        let is_found = match lead {
            'Ã' | 'Â' | 'â' if is_punctuation(next) => {
                // Real words end in a quote (`“IRMÃ”`); a garbled one goes on.
                let behind = chars.clone().nth(1);
                behind.is_some_and(|c| c.is_alphabetic())
            }
            'Ã' | 'Â' => is_continuation(next),
            'â' => next == '€',
            '├' => !next.is_ascii(),
            _ => false,
        };
        if is_found {
            return true;
        }
    }
    false
}

/// What Windows-1252 makes of the bytes 0x80 to 0xBF, in which UTF-8 goes on.
fn is_continuation(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{bf}') || "€‚ƒ„†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ".contains(c)
}

/// Those of them that also stand behind real words.
fn is_punctuation(c: char) -> bool {
    "‘’“”…–—»".contains(c)
}

/// Whether a conversion replaced characters that it could not read.
pub fn has_lost_characters(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}

/// Whether the text holds an HTML entity: `&amp;`, `&atilde;`, `&#39;`.
pub fn has_entities(text: &str) -> bool {
    text.split('&')
        .skip(1)
        .any(|rest| rest.split_once(';').is_some_and(|(name, _)| is_entity(name)))
}

fn is_entity(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "amp", "lt", "gt", "quot", "apos", "nbsp", "ordm", "ordf", "deg", "ndash", "mdash",
        "lsquo", "rsquo", "ldquo", "rdquo", "hellip", "copy", "reg",
    ];
    const ACCENTS: [&str; 7] = ["acute", "grave", "circ", "tilde", "uml", "cedil", "ring"];
    let is_number = |digits: &str, base| {
        (1..=6).contains(&digits.len()) && digits.chars().all(|c| c.is_digit(base))
    };
    match name.strip_prefix('#') {
        Some(code) => match code.strip_prefix(['x', 'X']) {
            Some(hex) => is_number(hex, 16),
            None => is_number(code, 10),
        },
        None => {
            let letter = name.starts_with(|c: char| c.is_ascii_alphabetic());
            NAMES.contains(&name) || (letter && ACCENTS.contains(&&name[1..]))
        }
    }
}
