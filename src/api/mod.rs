//! How TomTicket spells an update and a reply, and the HTTP client that carries them.
//!
//! What a row means is in [`crate::model`]. `v1` is how this version of the API writes it; another
//! version is another file beside it. Retries and pace are the scheduler's. This is the only room
//! where the token becomes part of a URL, and where text from the network is cleaned of it.

mod attempt;
mod base_url;
mod client;
mod details;
mod held;
mod proxy;
mod redact;
mod response;
mod retry_after;
mod token;
mod transport_error;
mod v1;
mod v2;

/// How updates are spelled on the wire (`--api`). What is read is always spelled as in version 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiVersion {
    #[default]
    V1,
    V2,
}

impl ApiVersion {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

pub use attempt::{Attempt, Cause, ReadAttempt, Reply};
pub use base_url::{BaseUrl, BaseUrlError, DEFAULT_BASE_URL};
pub use client::{Client, ClientError};
pub use details::{DetailsField, DetailsReply, HeldDetails};
#[cfg(test)]
pub use held::HeldField;
pub use held::{HeldCustomer, HeldPage, NextPage};
pub use token::{Token, TokenError};
pub use v2::ReadRequest;
