//! One attempt as data. What it means for the row is decided elsewhere (the pool's retry rules).

use std::time::{Duration, Instant};

/// What one request came to. The question that separates the variants is: can the update have been
/// executed?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// `erro: false`. Executed.
    Accepted,
    /// `erro: true`, or a 4xx that has no variant of its own. Not executed, and final.
    Refused,
    /// 401 or 403: the token, or a wall in front of the API. Not executed.
    Denied,
    /// 3xx: the address is wrong or a portal is in between. Not executed, never followed.
    Redirected,
    /// 429: over the account's limit. Not executed.
    Limited {
        /// What the server asks for, already capped.
        retry_after: Option<Duration>,
    },
    /// Nobody knows whether it was executed: timeout, cut connection, 408, 5xx, unreadable 2xx.
    Ambiguous,
    /// The request never left: DNS, refused, handshake broken off. Not executed.
    NotSent(Cause),
}

impl Reply {
    /// Whether the server answered in words that can be understood, so that it is there and works.
    pub const fn is_readable(self) -> bool {
        !matches!(self, Self::Ambiguous | Self::NotSent(_))
    }
}

/// Why a request never left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The network or the server is away; it may come back.
    Unreachable,
    /// The proxy that the environment names is away, or will not lead to the server.
    Proxy,
    /// The server's certificate is not to be trusted; waiting will not help.
    BadCertificate,
}

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What it came to.
    pub reply: Reply,
    /// The response's status, if there was one.
    pub status: Option<u16>,
    /// The API's own words, or ours where it had none. Cleaned of the token; not yet of control
    /// characters.
    pub mensagem: String,
    /// When the request was handed to the client.
    pub sent: Instant,
    /// When the response's head had arrived, or when the attempt was given up.
    pub answered: Instant,
}
