//! The command that a person types next: the one that was typed, on another input. Nothing is parsed
//! here again; words are taken over as they stand, and quoted for a shell.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Flags with a value that belong to one run and not to the next: where its outputs went, and how much
/// of it was sent as a trial.
const ONCE: [&str; 5] = ["--results", "--rejects", "--summary-json", "--report", "--limit"];

/// `typed` with `input` replaced by `next`. `None` where `input` is not among the words (a program that
/// uses the library typed none).
pub fn again(typed: &[OsString], input: &Path, next: &str) -> Option<String> {
    let mut words = Vec::new();
    let mut replaced = false;
    let mut typed = typed.iter();
    while let Some(word) = typed.next() {
        let text = word.to_string_lossy();
        if ONCE.contains(&&*text) {
            typed.next();
        } else if ONCE.iter().any(|flag| is_flag_with_value(&text, flag)) {
        } else if !replaced && word == input.as_os_str() {
            replaced = true;
            words.push(quoted(OsStr::new(next)));
        } else {
            words.push(quoted(word));
        }
    }
    replaced.then(|| words.join(" "))
}

fn is_flag_with_value(word: &str, flag: &str) -> bool {
    word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('='))
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_same_command_on_the_rejects() {
        let words = typed(&[
            "tomticket-sync",
            "run",
            "a.csv",
            "--id-type",
            "E",
            "--set",
            "nome=D'Água {X}",
        ]);
        assert_eq!(
            again(&words, Path::new("a.csv"), "a b.csv").unwrap(),
            r"tomticket-sync run 'a b.csv' --id-type E --set 'nome=D'\''Água {X}'"
        );
    }

    #[test]
    fn what_was_for_one_run_is_left_out() {
        let words = typed(&[
            "./t",
            "run",
            "--limit",
            "10",
            "--results=r.csv",
            "a.csv",
            "--report",
            "-",
            "--rate=2",
        ]);
        assert_eq!(again(&words, Path::new("a.csv"), "b.csv").unwrap(), "./t run b.csv --rate=2");
    }

    #[test]
    fn a_library_typed_nothing() {
        assert_eq!(again(&[], Path::new("a.csv"), "b.csv"), None);
    }

    #[test]
    fn standard_input_is_a_word_too() {
        let words = typed(&["t", "run", "-", "--summary-json", "-"]);
        assert_eq!(again(&words, Path::new("-"), "b.csv").unwrap(), "t run b.csv");
    }
}
