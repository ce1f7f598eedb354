//! Text from outside (file names, cells, replies, arguments) made fit for a terminal, and for a
//! command that is pasted into a shell. What goes into files is [`crate::output`]'s.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

/// The text with everything escaped that acts on a terminal or is invisible there: controls, line
/// breaks, marks of direction and of no width. The escapes are JSON's, so that a line of a JSON log
/// stays one.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// The same for a text of several lines, whose line breaks are ours.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n')
}

/// A path for a message.
pub fn visible_path(path: impl AsRef<Path>) -> String {
    visible(&path.as_ref().to_string_lossy()).into_owned()
}

/// A word as the user's shell reads it back, whatever bytes it has.
pub fn shell_word(word: &OsStr) -> String {
    if cfg!(windows) { windows_word(&word.to_string_lossy()) } else { bash_word(word) }
}

/// The program of a command. PowerShell takes a word that begins with a quote for a text, so on Windows
/// only the parts of the path that need it are quoted.
pub fn shell_program(program: &OsStr) -> String {
    if cfg!(windows) { windows_program(&program.to_string_lossy()) } else { bash_word(program) }
}

fn windows_program(program: &str) -> String {
    let parts: Vec<String> = program
        .split('\\')
        .map(|part| match part {
            "" => String::new(),
            part => windows_word(part),
        })
        .collect();
    let path = parts.join("\\");
    if path.starts_with(['"', '\'']) { format!(".\\{path}") } else { path }
}

/// A word that PowerShell and cmd read alike; with a sign that one of them would replace, or a quote,
/// as PowerShell reads it, for which typographic quotes are quotes.
fn windows_word(word: &str) -> String {
    const DOUBLE: [char; 4] = ['"', '“', '”', '„'];
    const SINGLE: [char; 5] = ['\'', '‘', '’', '‚', '‛'];
    let plain = |c: char| c.is_alphanumeric() || r"-_./\:=+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let word = visible(word);
    // Between two of them, cmd looks for the name of a variable.
    let may_be_variable = word.matches('%').count() > 1;
    if may_be_variable || word.contains(['$', '`']) || word.contains(DOUBLE) {
        let twice = |c: char| std::iter::repeat_n(c, if SINGLE.contains(&c) { 2 } else { 1 });
        return format!("'{}'", word.chars().flat_map(twice).collect::<String>());
    }
    // A backslash before the closing quote would make it a part of the word.
    let ending = word.len() - word.trim_end_matches('\\').len();
    format!("\"{word}{}\"", &r"\\".repeat(ending)[..ending])
}

/// A word as bash reads it back.
fn bash_word(word: &OsStr) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Some(text) if !text.chars().any(is_unfit) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let mut quoted = String::from("$'");
            for chunk in word.as_encoded_bytes().utf8_chunks() {
                for c in chunk.valid().chars() {
                    match c {
                        '\'' | '\\' => quoted.extend(['\\', c]),
                        c if is_unfit(c) => {
                            push_bytes(&mut quoted, c.encode_utf8(&mut [0; 4]).as_bytes())
                        }
                        c => quoted.push(c),
                    }
                }
                push_bytes(&mut quoted, chunk.invalid());
            }
            quoted + "'"
        }
    }
}

fn push_bytes(quoted: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(quoted, "\\x{byte:02x}");
    }
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let bad = |c: char| is_unfit(c) && !keep(c);
    if !text.chars().any(bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !bad(c) => shown.push(c),
            '\n' => shown.push_str(r"\n"),
            '\r' => shown.push_str(r"\r"),
            '\t' => shown.push_str(r"\t"),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(shown, "\\u{unit:04x}");
                }
            }
        }
    }
    Cow::Owned(shown)
}

fn is_unfit(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// Marks of direction, marks without width, line and paragraph separators, tags.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_hides_is_shown() {
        for (text, shown) in [
            ("São João 👍.csv", "São João 👍.csv"),
            ("a\u{1b}[2Jb", r"a\u001b[2Jb"),
            ("a\n\r\tb\u{9b}", r"a\n\r\tb\u009b"),
            ("gpj\u{202e}\u{200b}", r"gpj\u202e\u200b"),
            ("\u{e0041}", r"\udb40\udc41"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_lines("a\u{7}\nb\n"), "a\\u0007\nb\n");
    }

    #[test]
    fn words_are_quoted_as_far_as_they_need_it() {
        for (word, quoted) in [
            ("a/b.csv", "a/b.csv"),
            ("", "''"),
            ("D'Água x", r"'D'\''Água x'"),
            ("a\nb'c\\\u{1b}0\u{200b}", r"$'a\x0ab\'c\\\x1b0\xe2\x80\x8b'"),
        ] {
            assert_eq!(bash_word(OsStr::new(word)), quoted);
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            assert_eq!(bash_word(OsStr::from_bytes(b"a\xffb")), r"$'a\xffb'");
        }
    }

    #[test]
    fn words_for_windows_are_quoted_as_its_shells_read_them() {
        for (word, quoted) in [
            (r"C:\dados\a.csv", r"C:\dados\a.csv"),
            ("", r#""""#),
            ("nome={Nome} x", r#""nome={Nome} x""#),
            ("#3=email", r##""#3=email""##),
            (r"C:\minha pasta\", r#""C:\minha pasta\\""#),
            ("D'Água $x", "'D''Água $x'"),
            ("100%", "\"100%\""),
            ("%A%", "'%A%'"),
            ("a “b” d’Ajuda", "'a “b” d’’Ajuda'"),
        ] {
            assert_eq!(windows_word(word), quoted);
        }
        for (program, quoted) in [
            (r"C:\bin\t.exe", r"C:\bin\t.exe"),
            (r"C:\João Silva\t.exe", r#"C:\"João Silva"\t.exe"#),
            (r"\\servidor\a b\t.exe", r#"\\servidor\"a b"\t.exe"#),
            ("meu t.exe", r#".\"meu t.exe""#),
        ] {
            assert_eq!(windows_program(program), quoted);
        }
    }
}
