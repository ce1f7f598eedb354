//! How TomTicket spells an update and a reply, and the HTTP client that carries them.
//!
//! What a row *means* is in [`crate::model`]; how *this* API writes it (URL, parameter names, reply)
//! is here and nowhere else, so that another version of the API is another room beside this one.
//! This is also the only place where a token becomes part of a URL, and where text that came from
//! the network is cleaned before anybody else sees it.

mod allowance;
mod attempt;
mod client;
mod connect;
mod connections;
mod encoded;
mod endpoint;
mod failure;
mod form;
mod proxy;
mod reply;
mod retry_after;
mod scrub;
mod spelling;
mod token;

pub use attempt::{Attempt, Cause, Reply};
pub use client::{Client, ClientError, ClientOptions};
pub use endpoint::{BaseUrl, BaseUrlError, DEFAULT_BASE_URL, Endpoint};
pub use form::Forms;
pub use proxy::ProxyError;
pub use reply::{BODY_MAX, Body, classify};
pub use retry_after::{RETRY_AFTER_MAX, parse as parse_retry_after};
pub use token::{Token, TokenError};
