//! A small file that appears whole under its name, and whose name is a link to nowhere. Outputs of a
//! run, which grow while it goes on, are in [`super::atomic_file`].

use std::io::{self, Write};
use std::path::Path;

use super::error::OutputError;
use super::ownership::{self, ModeLimit};
use crate::locale::foreign_text::visible_path;
use crate::locale::os_error::describe_os_error;

/// Writes a file beside its place and gives it its name. A file or a link that has the name is
/// replaced with `replace`, and else an error.
pub fn write_new_file(
    path: &Path,
    text: &str,
    limit: ModeLimit,
    replace: bool,
) -> Result<(), OutputError> {
    let write = || {
        let mut file = limit.create_in(ownership::folder(path))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        match replace {
            true => file.persist(path)?,
            false => file.persist_noclobber(path)?,
        };
        Ok(())
    };
    write().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => OutputError::Refused(format!(
            "não foi possível gravar {}: {}. Confira se a pasta existe e se você pode gravar nela",
            visible_path(path),
            describe_os_error(&error)
        )),
    })
}

/// Refuses a name that a file or a link has.
pub fn is_free(path: &Path) -> Result<(), OutputError> {
    match path.symlink_metadata() {
        Ok(_) => Err(exists(path)),
        Err(_) => Ok(()),
    }
}

fn exists(path: &Path) -> OutputError {
    OutputError::Refused(format!(
        "{} já existe. Para trocá-lo por uma proposta nova: --force",
        visible_path(path)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_on_request_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let write = |text, replace| write_new_file(&path, text, ModeLimit::PRIVATE, replace);
        write("1", false).unwrap();
        assert!(is_free(&path).is_err());
        assert!(write("2", false).unwrap_err().to_string().contains("já existe"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1");
        write("2", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2");
        // Nothing else is left in the folder.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_not_followed() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let [path, target] = ["a.toml", "alvo"].map(|name| folder.path().join(name));
        symlink(&target, &path).unwrap();
        assert!(is_free(&path).is_err());
        assert!(write_new_file(&path, "1", ModeLimit::PRIVATE, false).is_err());
        write_new_file(&path, "1", ModeLimit::PRIVATE, true).unwrap();
        assert!(!target.exists() && path.symlink_metadata().unwrap().is_file());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let missing = folder.path().join("sem/a.toml");
        let error = write_new_file(&missing, "1", ModeLimit::PRIVATE, false).unwrap_err();
        assert!(error.to_string().contains("Confira se a pasta existe"), "{error}");
    }
}
