//! The commands that a person may type next: the one that was typed, on another input or without
//! some flags. The sentences around them are [`crate::output`]'s.
//!
//! The command line's definition tells flags, values and input apart. Words are kept as they were
//! typed, and quoted for a shell.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::input::Encoding;

/// The commands that may come next. Each is `None` where it is unknown or would not do what it is
/// for: a program that uses the library typed nothing, and omitting a flag does not undo a variable
/// or the configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuggestedCommands {
    /// The whole rejects file.
    pub rejects: Option<String>,
    /// The rejects file under the same `--limit`, to continue a run that was stopped.
    pub rest: Option<String>,
    /// The same input without `--limit`.
    pub unlimited: Option<String>,
    /// After a rehearsal: `check` and `run` of the same input for real.
    pub real: Option<[String; 2]>,
}

impl SuggestedCommands {
    /// The same commands with `--encoding` where the input is the rejects file.
    pub fn in_encoding(self, encoding: Encoding) -> Self {
        // Not at the end, which may stand behind a `--`.
        let words = format!(" run --encoding {} ", encoding.name());
        let add = |command: String| command.replacen(" run ", &words, 1);
        Self { rejects: self.rejects.map(add), rest: self.rest.map(add), ..self }
    }
}

/// Flags of one run and not of the next: where its outputs went.
const OUTPUTS: [&str; 4] = ["results", "rejects", "summary-json", "report"];

/// What the typed words do not show.
#[derive(Debug, Clone, Default)]
pub struct Resolved<'a> {
    /// The rejects file, if it can be an input.
    pub rejects: Option<&'a Path>,
    /// The default files of that input for the outputs that were given, by flag: the next run may not
    /// write over its own input.
    pub outputs: Vec<(&'static str, PathBuf)>,
    /// Whether there is a `--limit`, wherever it was given.
    pub limit: bool,
    /// Whether it is a rehearsal, wherever that was given.
    pub sandbox: bool,
}

/// The commands that may come after `typed`.
pub fn suggested_commands(typed: &[OsString], resolved: &Resolved<'_>) -> SuggestedCommands {
    let Some(words) = TypedCommand::of(typed) else { return SuggestedCommands::default() };
    let on_rejects = |left_out: &[&str]| {
        let rejects = resolved.rejects?;
        let more = resolved.outputs.iter().filter(|(name, _)| !words.has(name));
        let more = more.map(|(name, path)| (*name, path.as_os_str()));
        Some(words.line("run", rejects.as_os_str(), left_out, more))
    };
    let same =
        |command, left_out: &[&str]| words.line(command, words.input, left_out, std::iter::empty());
    let [a, b, c, d] = OUTPUTS;
    // A rehearsal may be faster than an account.
    let rehearsed = [a, b, c, d, "sandbox", "rate"];
    SuggestedCommands {
        rejects: on_rejects(&[a, b, c, d, "limit"]),
        rest: on_rejects(&OUTPUTS),
        unlimited: (words.has("limit") || !resolved.limit).then(|| same(words.command, &["limit"])),
        real: (resolved.sandbox && words.has("sandbox"))
            .then(|| ["check", "run"].map(|command| same(command, &rehearsed))),
    }
}

/// A command line by its parts.
struct TypedCommand<'t> {
    program: &'t OsStr,
    command: &'static str,
    input: &'t OsStr,
    /// The flags in order: the long name, and the words (one or two).
    flags: Vec<(String, &'t [OsString])>,
    /// Whether `--` stands before the input, which may then begin with a hyphen.
    dashes: bool,
}

impl<'t> TypedCommand<'t> {
    fn of(typed: &'t [OsString]) -> Option<Self> {
        let [program, command, rest @ ..] = typed else { return None };
        let command = ["run", "check"].into_iter().find(|name| command == *name)?;
        let definition = super::command();
        let definition = definition.find_subcommand(command)?;
        let takes_value = |name: &str| {
            let arg = definition.get_arguments().find(|arg| arg.get_long() == Some(name));
            arg.is_some_and(|arg| arg.get_action().takes_values())
        };
        let mut words =
            Self { program, command, input: OsStr::new(""), flags: Vec::new(), dashes: false };
        let mut at = 0;
        while let Some(word) = rest.get(at) {
            let text = word.to_string_lossy();
            let mut length = 1;
            match text.strip_prefix("--").filter(|_| !words.dashes) {
                Some("") => words.dashes = true,
                Some(flag) => {
                    let name = flag.split('=').next().unwrap_or(flag);
                    if takes_value(name) && !flag.contains('=') && at + 1 < rest.len() {
                        length = 2;
                    }
                    words.flags.push((name.to_owned(), &rest[at..at + length]));
                }
                // No flag of one letter takes a value.
                None if text.starts_with('-') && text != "-" && !words.dashes => {
                    words.flags.push((String::new(), &rest[at..=at]));
                }
                None => words.input = word,
            }
            at += length;
        }
        (!words.input.is_empty()).then_some(words)
    }

    fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(flag, _)| flag == name)
    }

    /// The command line with this input, without the flags `left_out`, with `more` flags.
    fn line<'a>(
        &self,
        command: &str,
        input: &OsStr,
        left_out: &[&str],
        more: impl Iterator<Item = (&'a str, &'a OsStr)>,
    ) -> String {
        let mut line = vec![quoted(self.program), command.to_owned()];
        if !self.dashes {
            line.push(quoted(input));
        }
        let kept = self.flags.iter().filter(|(flag, _)| !left_out.contains(&&**flag));
        line.extend(kept.flat_map(|(_, words)| words.iter().map(|word| quoted(word))));
        line.extend(more.flat_map(|(name, value)| [format!("--{name}"), quoted(value)]));
        if self.dashes {
            line.extend(["--".to_owned(), quoted(input)]);
        }
        line.join(" ")
    }
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

    fn next(words: &[&str], resolved: Resolved<'_>) -> SuggestedCommands {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        suggested_commands(&words, &resolved)
    }

    fn on(rejects: &str) -> Resolved<'_> {
        Resolved { rejects: Some(Path::new(rejects)), ..Resolved::default() }
    }

    #[test]
    fn the_same_command_on_the_rejects() {
        for (words, rejects, line) in [
            (
                &["tomticket-sync", "run", "a.csv", "--id-type", "E", "--set", "nome=D'Água {X}"][..],
                "a b.csv",
                r"tomticket-sync run 'a b.csv' --id-type E --set 'nome=D'\''Água {X}'",
            ),
            // Flags of one run are left out.
            (
                &["t", "run", "--limit", "10", "--results=r", "a", "--report", "-", "--rate=2"],
                "b.csv",
                "t run b.csv --rate=2",
            ),
            // A value that looks like the input.
            (&["t", "run", "--id-type", "E", "E"], "E.r.csv", "t run E.r.csv --id-type E"),
            (
                &["t", "run", "--clear-marker", "-", "-", "-q", "--summary-json", "-"],
                "b.csv",
                "t run b.csv --clear-marker - -q",
            ),
            (&["t", "run", "--full", "--", "-a.csv"], "-b.csv", "t run --full -- -b.csv"),
        ] {
            assert_eq!(next(words, on(rejects)).rejects.as_deref(), Some(line));
        }
    }

    #[test]
    fn a_trial_goes_on_to_the_whole_and_a_rehearsal_to_the_account() {
        let limit = || Resolved { limit: true, ..on("b") };
        let trial = next(&["t", "run", "a", "--limit", "9", "--results", "r"], limit());
        assert_eq!(trial.unlimited.as_deref(), Some("t run a --results r"));
        assert_eq!(trial.rest.as_deref(), Some("t run b --limit 9"));
        // From a file or a variable.
        assert_eq!(next(&["t", "run", "a"], limit()).unlimited, None);
        let sandbox = || Resolved { sandbox: true, ..on("b") };
        let words = ["t", "run", "a", "--sandbox", "--rate", "unlimited", "--key", "email"];
        let real = ["t check a --key email", "t run a --key email"].map(str::to_owned);
        assert_eq!(next(&words, sandbox()).real, Some(real));
        assert_eq!(next(&["t", "run", "a"], sandbox()).real, None);
    }

    #[test]
    fn nothing_is_suggested_without_typed_words_or_a_rejects_file() {
        assert_eq!(next(&[], on("b.csv")), SuggestedCommands::default());
        assert_eq!(next(&["t", "run", "a"], Resolved::default()).rejects, None);
    }
}
