//! The commands that a person may type next: the one that was typed, on another input or without
//! some flags. The sentences around them are [`crate::output`]'s.
//!
//! Flags are kept in their order, in their long form, and quoted for a shell.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches};

use crate::config::can_be_read_again;
use crate::input::Encoding;
use crate::locale::foreign_text::{shell_program, shell_word};

/// The commands that may come next. Each is `None` where it is unknown or would not do what it is
/// for: a program that uses the library typed nothing, omitting a flag does not undo a variable or the
/// configuration file, and what a shell opened for one command (`<(zcat a.gz)`) is gone with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SuggestedCommands {
    /// The whole rejects file.
    pub rejects: Option<String>,
    /// The rejects file under the same `--limit`, to continue a run that was stopped.
    pub rest: Option<String>,
    /// The same input without `--limit`.
    pub unlimited: Option<String>,
    /// What was sent with a snapshot, taken back: the snapshot as input, for the customers of the
    /// results.
    pub undo: Option<String>,
    /// After a rehearsal: `check` and `run` of the same input for real.
    pub real: Option<[String; 2]>,
}

impl SuggestedCommands {
    /// The way back with `--send-empty` for these columns.
    pub fn emptying(self, columns: &[String]) -> Self {
        let flags = columns.iter().map(|column| with_value("send-empty", column.as_ref()));
        let words = format!(" {} --only", flags.collect::<Vec<_>>().join(" "));
        let undo = match columns {
            [] => self.undo,
            _ => self.undo.map(|command| command.replacen(" --only", &words, 1)),
        };
        Self { undo, ..self }
    }

    /// The same commands with `--encoding` where the input is the rejects file.
    pub fn in_encoding(self, encoding: Encoding) -> Self {
        // Not at the end, which may stand behind a `--`.
        let words = format!(" run --encoding {} ", encoding.name());
        let add = |command: String| command.replacen(" run ", &words, 1);
        Self { rejects: self.rejects.map(add), rest: self.rest.map(add), ..self }
    }
}

/// Flags that say which account, and how it is reached: those of the way back.
const ACCOUNT: [&str; 11] = [
    "api",
    "config",
    "base-url",
    "token-file",
    "account",
    "ledger",
    "no-ledger",
    "rate",
    "concurrency",
    "timeout",
    "give-up-after",
];
/// Flags about the account and its ledger, which a rehearsal does not have.
pub const REAL_ACCOUNT: [&str; 6] =
    ["base-url", "token-file", "account", "ledger", "full", "max-age"];
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
    /// The snapshot and the results file, where both can be read again.
    pub way_back: Option<(&'a Path, &'a Path)>,
    /// Whether there is a `--limit`, wherever it was given.
    pub limit: bool,
    /// Whether it is a rehearsal, wherever that was given.
    pub sandbox: bool,
}

/// The commands that may come after the command line that gave `typed`.
pub fn suggested_commands(
    program: &OsStr,
    typed: &ArgMatches,
    resolved: &Resolved<'_>,
) -> SuggestedCommands {
    let Some((typed, input)) = TypedCommand::with_input(program, typed) else {
        return SuggestedCommands::default();
    };
    // What the next rehearsal leaves out, as it did nothing in this one.
    let idle: &[&str] = if resolved.sandbox { &REAL_ACCOUNT } else { &[] };
    let on_rejects = |left_out: &[&str]| {
        let rejects = resolved.rejects?;
        let more = resolved.outputs.iter().filter(|(name, _)| !typed.has(name));
        let more = more.map(|(name, path)| with_value(name, path.as_os_str()));
        let left_out = [left_out, idle].concat();
        typed.line("run", Some(rejects.as_os_str()), &left_out, more.collect())
    };
    let same = |command, left_out: &[&str]| {
        let is_there = can_be_read_again(Path::new(input));
        is_there.then(|| typed.line(command, Some(input), left_out, Vec::new()))?
    };
    // A rehearsal may be faster than an account.
    let rehearsed = [&OUTPUTS[..], &["sandbox", "rate"]].concat();
    SuggestedCommands {
        rejects: on_rejects(&[&OUTPUTS[..], &["limit"]].concat()),
        rest: on_rejects(&OUTPUTS),
        unlimited: match typed.has("limit") || !resolved.limit {
            true => same(typed.command, &[&["limit"], idle].concat()),
            false => None,
        },
        undo: resolved.way_back.filter(|_| !resolved.sandbox).and_then(|(snapshot, results)| {
            let only = vec![with_value("only", results.as_os_str())];
            typed.line("run", Some(snapshot.as_os_str()), &typed.beside_account(), only)
        }),
        real: match resolved.sandbox && typed.has("sandbox") {
            true => same("check", &rehearsed).zip(same("run", &rehearsed)).map(Into::into),
            false => None,
        },
    }
}

/// The `init` that gave `typed`, writing its proposal, over an existing file if that `exists`; `None`
/// where its input is gone.
pub fn init_again(program: &OsStr, typed: &ArgMatches, exists: bool) -> Option<String> {
    let (typed, input) = TypedCommand::with_input(program, typed)?;
    let is_there = can_be_read_again(Path::new(input));
    let more = ["--yes"].into_iter().chain(exists.then_some("--force"));
    let more = more.map(ToOwned::to_owned).collect();
    is_there.then(|| typed.line("init", Some(input), &["yes", "force"], more))?
}

/// After `pull`: how `input` is checked against the snapshot that it wrote.
pub fn check_against(
    program: &OsStr,
    typed: &ArgMatches,
    input: &Path,
    snapshot: &Path,
) -> Option<String> {
    let typed = TypedCommand::of(program, typed)?;
    let snapshot = vec![with_value("snapshot", snapshot.as_os_str())];
    typed.line("check", Some(input.as_os_str()), &typed.beside_account(), snapshot)
}

/// After `pull`: the same reading once more, into `output`.
pub fn pull_again(program: &OsStr, typed: &ArgMatches, output: &Path) -> Option<String> {
    let typed = TypedCommand::of(program, typed)?;
    let output = vec![with_value("output", output.as_os_str())];
    typed.line("pull", None, &["output"], output)
}

/// A command line by its parts, but for its input.
struct TypedCommand<'t> {
    program: &'t OsStr,
    command: &'t str,
    flags: Vec<TypedFlag>,
}

/// A flag that was typed. The order of its parts is that of the command line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TypedFlag {
    at: usize,
    /// In its long form.
    name: String,
    /// How to type it again.
    words: String,
    /// Whether its value is a descriptor, which the next command does not have.
    is_gone: bool,
}

impl<'t> TypedCommand<'t> {
    fn of(program: &'t OsStr, typed: &'t ArgMatches) -> Option<Self> {
        let (command, typed) = typed.subcommand()?;
        let definition = super::command();
        let mut flags = Vec::new();
        for arg in definition.find_subcommand(command)?.get_arguments() {
            let id = arg.get_id().as_str();
            let Some(name) = arg.get_long() else { continue };
            if typed.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            if matches!(arg.get_action(), ArgAction::Count) {
                // Only the last of its places is known.
                let at = typed.index_of(id).unwrap_or_default();
                let times = usize::from(typed.get_count(id));
                let flag = || TypedFlag {
                    at,
                    name: name.to_owned(),
                    words: format!("--{name}"),
                    is_gone: false,
                };
                flags.extend(std::iter::repeat_with(flag).take(times));
                continue;
            }
            let mut values = typed.get_raw(id).into_iter().flatten();
            flags.extend(typed.indices_of(id).into_iter().flatten().map(|at| {
                let value = values.next().filter(|_| arg.get_action().takes_values());
                let words = value.map_or(format!("--{name}"), |value| with_value(name, value));
                let is_gone = value.is_some_and(|value| is_descriptor(Path::new(value)));
                TypedFlag { at, name: name.to_owned(), words, is_gone }
            }));
        }
        flags.sort();
        Some(Self { program, command, flags })
    }

    fn with_input(program: &'t OsStr, typed: &'t ArgMatches) -> Option<(Self, &'t OsStr)> {
        let input = typed.subcommand()?.1.get_raw("input")?.next()?;
        Some((Self::of(program, typed)?, input))
    }

    /// The flags that say nothing about the account.
    fn beside_account(&self) -> Vec<&str> {
        let names = self.flags.iter().map(|flag| flag.name.as_str());
        names.filter(|name| !ACCOUNT.contains(name)).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name == name)
    }

    /// The command line with this input, without the flags `left_out`, with `more` words; `None` where
    /// a flag that stays names what is gone.
    fn line(
        &self,
        command: &str,
        input: Option<&OsStr>,
        left_out: &[&str],
        more: Vec<String>,
    ) -> Option<String> {
        let kept = self.flags.iter().filter(|flag| !left_out.contains(&flag.name.as_str()));
        let kept = kept.map(|flag| (!flag.is_gone).then(|| flag.words.clone()));
        let mut words: Vec<String> =
            kept.chain(more.into_iter().map(Some)).collect::<Option<_>>()?;
        match input {
            Some(input) if begins_with_hyphen(input) => {
                words.extend(["--".to_owned(), shell_word(input)]);
            }
            Some(input) => words.insert(0, shell_word(input)),
            None => {}
        }
        Some(format!("{} {command} {}", shell_program(self.program), words.join(" ")))
    }
}

/// Whether a path leads to what the process has open, and not to a file or device of its own.
fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path.starts_with("/proc")
}

/// A flag with its value.
fn with_value(name: &str, value: &OsStr) -> String {
    let between = if begins_with_hyphen(value) { "=" } else { " " };
    format!("--{name}{between}{}", shell_word(value))
}

/// Whether clap would take the word for a flag.
fn begins_with_hyphen(word: &OsStr) -> bool {
    word.len() > 1 && word.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(words: &[&str], resolved: Resolved<'_>) -> SuggestedCommands {
        let typed = crate::cli::command().try_get_matches_from(words).unwrap();
        suggested_commands(words[0].as_ref(), &typed, &resolved)
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
                "t run b.csv --rate 2",
            ),
            (&["t", "run", "-vv", "a"], "b.csv", "t run b.csv --verbose --verbose"),
            // A value that looks like the input.
            (&["t", "run", "--id-type", "E", "E"], "E.r.csv", "t run E.r.csv --id-type E"),
            (
                &["t", "run", "--clear-marker", "-", "-", "-q", "--summary-json", "-"],
                "b.csv",
                "t run b.csv --clear-marker - --quiet",
            ),
            (
                &["t", "run", "--full", "--set=-=x", "--", "-a.csv"],
                "-b.csv",
                "t run --full --set=-=x -- -b.csv",
            ),
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
    fn f186_a_rehearsal_keeps_the_account_for_the_real_run_alone() {
        let words = ["t", "run", "a", "--sandbox", "--limit", "9", "--token-file", "t", "--full"];
        let next = next(&words, Resolved { limit: true, sandbox: true, ..on("b") });
        assert_eq!(next.rejects.as_deref(), Some("t run b --sandbox"));
        assert_eq!(next.unlimited.as_deref(), Some("t run a --sandbox"));
        assert_eq!(next.real.unwrap()[1], "t run a --limit 9 --token-file t --full");
    }

    #[test]
    fn f187_init_keeps_what_it_takes_to_read_the_input() {
        for (words, exists, line) in [
            (
                &["t", "init", "a b.xlsx", "--sheet", "Plan 2", "--hidden", "skip"][..],
                false,
                Some("t init 'a b.xlsx' --sheet 'Plan 2' --hidden skip --yes"),
            ),
            (&["t", "init", "a", "--force"], true, Some("t init a --yes --force")),
            (&["t", "init", "-"], false, None),
        ] {
            let typed = crate::cli::command().try_get_matches_from(words).unwrap();
            assert_eq!(init_again(words[0].as_ref(), &typed, exists).as_deref(), line);
        }
    }

    #[test]
    fn after_a_snapshot_the_account_stays() {
        let words = ["./t", "pull", "-o", "a.xlsx", "--account", "matriz", "--key", "email", "-q"];
        let typed = crate::cli::command().try_get_matches_from(words).unwrap();
        let (program, before) = (words[0].as_ref(), Path::new("a.antes.csv"));
        let check = check_against(program, &typed, Path::new("a.xlsx"), before);
        let line = "./t check a.xlsx --account matriz --snapshot a.antes.csv";
        assert_eq!(check.as_deref(), Some(line));
        let again = pull_again(program, &typed, before);
        let line = "./t pull --account matriz --key email --quiet --output a.antes.csv";
        assert_eq!(again.as_deref(), Some(line));
    }

    #[test]
    fn what_a_shell_opened_for_one_command_is_in_no_other() {
        for input in ["-", "/dev/fd/63", "/dev/stdin", "/proc/self/fd/0", "/proc/9/fd/3"] {
            let sandbox = Resolved { sandbox: true, ..on("entrada.rejeitados.csv") };
            let next = next(&["t", "run", input, "--sandbox", "--limit", "9"], sandbox);
            assert_eq!((next.unlimited, next.real), (None, None), "{input}");
            let rejects = "t run entrada.rejeitados.csv --sandbox";
            assert_eq!(next.rejects.as_deref(), Some(rejects), "{input}");
        }
        for (flag, rejects) in [
            ("--token-file=/dev/fd/62", None),
            ("--only=/proc/self/fd/5", None),
            // It is left out.
            ("--results=/dev/fd/62", Some("t run b.csv")),
            ("--token-file=/dev/stdin", Some("t run b.csv --token-file /dev/stdin")),
        ] {
            assert_eq!(next(&["t", "run", "a", flag], on("b.csv")).rejects.as_deref(), rejects);
        }
    }
}
