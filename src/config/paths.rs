//! Where files lie that were not named: the ledger, and the outputs of an input.

use std::path::{Path, PathBuf};

use super::error::SettingsError;
use crate::output::Destination;

/// The ledger's file: as given, else in the user's state directory.
///
/// # Errors
/// [`SettingsError::NoStateHome`] where there is no such directory.
pub fn ledger_path(given: Option<&Path>) -> Result<PathBuf, SettingsError> {
    if let Some(path) = given {
        return Ok(real_path(path));
    }
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/state")))
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

/// Where an output goes: as named, else beside the input, or into the working directory for standard
/// input. A rehearsal has other names, so that it is never taken for a real run.
pub(super) fn output(named: Option<&Path>, input: &Path, sandbox: bool, what: &str) -> Destination {
    if let Some(path) = named {
        return Destination::from_arg(path);
    }
    let (folder, stem) = if input.as_os_str() == "-" || is_special(input) {
        (PathBuf::new(), "entrada".to_owned())
    } else {
        let name = input.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| "entrada".to_owned());
        let name = strip_suffix_ignoring_case(&name, ".gz").unwrap_or(&name);
        let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let folder = input.parent().map(Path::to_owned).unwrap_or_default();
        (folder, stem.unwrap_or_else(|| name.to_owned()))
    };
    let rehearsal = if sandbox { ".simulado" } else { "" };
    Destination::Path(folder.join(format!("{stem}{rehearsal}.{what}.csv")))
}

/// `/dev/stdin`, `/dev/fd/63`, `/proc/self/fd/0`: files cannot be put beside these.
pub(super) fn is_special(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

fn strip_suffix_ignoring_case<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(suffix.len())?;
    let tail = name.get(at..)?;
    tail.eq_ignore_ascii_case(suffix).then(|| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_named_after_the_input() {
        let name =
            |input: &str, sandbox| output(None, Path::new(input), sandbox, "resultado").label();
        assert_eq!(name("a/clientes.csv", false), "a/clientes.resultado.csv");
        assert_eq!(name("clientes.CSV.GZ", false), "clientes.resultado.csv");
        assert_eq!(name("clientes", true), "clientes.simulado.resultado.csv");
        assert_eq!(name("-", false), "entrada.resultado.csv");
        assert_eq!(name("/dev/stdin", false), "entrada.resultado.csv");
    }
}
