//! Where files lie that were not named: the ledger, and the outputs of an input.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::ZonedDateTime;

use super::error::SettingsError;

/// The ledger's file: as given, else in the user's state directory.
pub fn ledger_path(given: Option<&Path>) -> Result<PathBuf, SettingsError> {
    if let Some(path) = given {
        return Ok(real_path(path));
    }
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| if cfg!(windows) { absolute("LOCALAPPDATA") } else { None })
        .or_else(|| Some(absolute("HOME")?.join(".local").join("state")))
        .ok_or(SettingsError::NoStateHome)?;
    Ok(real_path(&state.join("tomticket-sync").join("ledger.db")))
}

/// Follows links, even to a file that does not exist yet. Lock and key lie beside the ledger: one
/// file under two names would have two of each.
pub(super) fn real_path(path: &Path) -> PathBuf {
    /// As many as Linux follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// What the output is called that is of the input's kind.
pub(super) const REJECTS: &str = "rejeitados";

/// The output that lies beside an input, or in the working directory for standard input. A rehearsal
/// has other names, so that it is never taken for a real run.
pub(super) fn output(input: &Path, sandbox: bool, what: &str) -> PathBuf {
    let rehearsal = if sandbox { ".simulado" } else { "" };
    let ending = if what == REJECTS && is_workbook(input) { "xlsx" } else { "csv" };
    beside(input, &format!("{rehearsal}.{what}.{ending}"))
}

/// Whether an input is named like a workbook.
fn is_workbook(input: &Path) -> bool {
    let name = strip_ending(folder_and_name(input).1, "gz");
    strip_ending(name, "xlsx") != name
}

/// The configuration file that `init` proposes for an input: `clientes.csv` → `clientes.toml`.
pub fn proposed_config(input: &Path) -> PathBuf {
    beside(input, ".toml")
}

/// The input's name without its ending, with this one.
fn beside(input: &Path, ending: &str) -> PathBuf {
    let (folder, name) = folder_and_name(input);
    let name = strip_ending(name, "gz");
    with_ending(folder, Path::new(name).file_stem().unwrap_or(name), ending)
}

/// A name's bytes are kept even where they are no UTF-8: two inputs never share a file.
fn with_ending(folder: &Path, stem: &OsStr, ending: &str) -> PathBuf {
    let mut name = stem.to_owned();
    name.push(ending);
    folder.join(name)
}

/// Puts the start of the run, in local time, where a name says `{inicio}`. Other braces are part of
/// the name.
pub(super) fn with_start(path: &Path, started: &ZonedDateTime) -> PathBuf {
    let started = started.strftime("%Y-%m-%dT%H-%M-%S").to_string();
    let part = |part: &OsStr| match part.to_str() {
        Some(text) => text.replace("{inicio}", &started).into(),
        None => part.to_owned(),
    };
    path.iter().map(part).collect()
}

/// `clientes.resultado.csv` → `clientes.relatorio.html` beside it; in the working directory for
/// standard input and devices.
pub fn report_page(results: &Path) -> PathBuf {
    let (folder, name) = folder_and_name(results);
    let stem = ["gz", "csv", "resultado"].into_iter().fold(name, strip_ending);
    with_ending(folder, stem, ".relatorio.html")
}

fn folder_and_name(input: &Path) -> (&Path, &OsStr) {
    match (input.parent(), input.file_name()) {
        (Some(folder), Some(name)) if can_be_read_again(input) => (folder, name),
        _ => (Path::new(""), OsStr::new("entrada")),
    }
}

/// `/dev/stdin`, `/dev/fd/63`, `/proc/self/fd/0`: files cannot be put beside these.
pub fn is_special(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

/// Whether an input can be named in a later command: neither standard input nor such a special file.
pub fn can_be_read_again(input: &Path) -> bool {
    input.as_os_str() != "-" && !is_special(input)
}

/// The name without an ending in any case, unless nothing would be left.
fn strip_ending<'n>(name: &'n OsStr, ending: &str) -> &'n OsStr {
    let path = Path::new(name);
    match (path.file_stem(), path.extension()) {
        (Some(stem), Some(end)) if end.eq_ignore_ascii_case(ending) => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named_after_the_input() {
        let name = |input: &str, sandbox| output(Path::new(input), sandbox, "resultado");
        let rejects = |input: &str| output(Path::new(input), false, REJECTS);
        for (name, expected) in [
            (name("a/clientes.csv", false), "a/clientes.resultado.csv"),
            (name("clientes.CSV.GZ", false), "clientes.resultado.csv"),
            (name("clientes", true), "clientes.simulado.resultado.csv"),
            (name("a/clientes.xlsx", false), "a/clientes.resultado.csv"),
            (rejects("a/clientes.xlsx"), "a/clientes.rejeitados.xlsx"),
            (rejects("clientes.XLSX.gz"), "clientes.rejeitados.xlsx"),
            (rejects("clientes.csv"), "clientes.rejeitados.csv"),
            (name("-", false), "entrada.resultado.csv"),
            (name("/dev/stdin", false), "entrada.resultado.csv"),
        ] {
            assert_eq!(name, Path::new(expected));
        }
    }

    #[cfg(unix)]
    #[test]
    fn inputs_whose_names_are_no_utf8_share_nothing() {
        use std::os::unix::ffi::OsStrExt;
        let named = |bytes| Path::new(OsStr::from_bytes(bytes));
        for (input, results) in [
            (&b"jos\xe9.csv"[..], &b"jos\xe9.resultado.csv"[..]),
            (b"jos\xe8.CSV.GZ", b"jos\xe8.resultado.csv"),
            (b"a\xff/jos\xe8", b"a\xff/jos\xe8.resultado.csv"),
        ] {
            assert_eq!(output(named(input), false, "resultado"), named(results));
        }
        assert_eq!(
            output(named(b"\xe9.xlsx"), true, REJECTS),
            named(b"\xe9.simulado.rejeitados.xlsx")
        );
        assert_eq!(proposed_config(named(b"\xe9.csv")), named(b"\xe9.toml"));
        assert_eq!(report_page(named(b"\xe9.resultado.csv")), named(b"\xe9.relatorio.html"));
    }

    #[test]
    fn the_start_of_the_run_stands_where_a_name_says_so() {
        let started = "2026-11-27T02:00:00.9-03:00[America/Sao_Paulo]".parse().unwrap();
        for (named, path) in [
            ("r.{inicio}.csv", "r.2026-11-27T02-00-00.csv"),
            ("./{inicio}/{inicio}-{outro}{", "./2026-11-27T02-00-00/2026-11-27T02-00-00-{outro}{"),
            ("/dev/stdout", "/dev/stdout"),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(with_start(Path::new(named), &started), Path::new(path));
        }
    }

    #[test]
    fn the_page_is_named_after_the_run() {
        for (results, page) in [
            ("a/clientes.resultado.csv", "a/clientes.relatorio.html"),
            ("clientes.simulado.resultado.csv", "clientes.simulado.relatorio.html"),
            ("noite.CSV", "noite.relatorio.html"),
            ("noite", "noite.relatorio.html"),
            ("a/ok.csv.gz", "a/ok.relatorio.html"),
            ("clientes.resultado.CSV.gz", "clientes.relatorio.html"),
            ("-", "entrada.relatorio.html"),
            ("/dev/stdin", "entrada.relatorio.html"),
            ("/proc/self/fd/0", "entrada.relatorio.html"),
        ] {
            assert_eq!(report_page(Path::new(results)), Path::new(page));
        }
    }
}
