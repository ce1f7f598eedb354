//! The account: the address of its API and its token.

use std::path::Path;

use super::error::SettingsError;
use super::small_file;
use crate::api::{BaseUrl, DEFAULT_BASE_URL, Token};
use crate::locale::foreign_text::{shell_word, visible_path};
use crate::locale::os_error::describe_os_error;

/// The variable that holds the token.
const TOKEN_VARIABLE: &str = "TOMTICKET_TOKEN";

/// The given base URL, or the documented host.
pub fn base_url(given: Option<&BaseUrl>) -> Result<BaseUrl, SettingsError> {
    Ok(given.cloned().map_or_else(|| BaseUrl::parse(DEFAULT_BASE_URL), Ok)?)
}

/// The token, from its file if one is named, else from its variable. Never from an argument: every
/// user of the machine can read those.
pub fn token(file: Option<&Path>) -> Result<Token, SettingsError> {
    let (place, text) = match file {
        Some(path) => {
            let text = small_file::read_named(path).map_err(|error| SettingsError::TokenFile {
                path: visible_path(path),
                why: describe_os_error(&error),
            })?;
            (visible_path(path), text)
        }
        None => {
            let text = std::env::var(TOKEN_VARIABLE).ok().filter(|text| !text.trim().is_empty());
            (TOKEN_VARIABLE.to_owned(), text.ok_or(SettingsError::NoToken)?)
        }
    };
    Token::new(&text).map_err(|why| SettingsError::BadToken { place, why })
}

/// The warning that others than its owner can read the token's file, where they can.
pub fn exposed_token_file(file: Option<&Path>) -> Option<String> {
    let path = file.filter(|path| is_exposed(path))?;
    Some(format!(
        "aviso: outros usuários desta máquina podem ler o arquivo do token {}; proteja-o com: chmod 600 {}\n",
        visible_path(path),
        shell_word(path.as_os_str())
    ))
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_path: &Path) -> bool {
    false
}
