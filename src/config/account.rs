//! The account: the address of its API and its token.

use std::path::Path;

use super::error::SettingsError;
use crate::api::{BaseUrl, DEFAULT_BASE_URL, Token};
use crate::locale::foreign_text::visible_path;
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
            let text = std::fs::read_to_string(path).map_err(|error| SettingsError::TokenFile {
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
