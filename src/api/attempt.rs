//! One attempt as data. What it means for the row is decided in [`crate::scheduler`].

use std::time::{Duration, Instant};

/// The result of one request. The question that separates the variants is: can the update have been
/// executed?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// `erro: false`. Executed.
    Accepted,
    /// `erro: true`, or a 4xx that has no variant of its own. Not executed, and final.
    Refused,
    /// 401 or 403: the token, or a firewall in front of the API. Not executed.
    Denied,
    /// 3xx: the address is wrong, or a portal stands in between. Not executed, never followed.
    Redirected,
    /// 429: over the account's limit. Not executed.
    Limited {
        /// What the server asks for, already capped.
        retry_after: Option<Duration>,
    },
    /// It may have been executed: timeout, cut connection, 408, 5xx, unreadable 2xx.
    Ambiguous,
    /// The request did not leave: DNS, refused, handshake broken off. Not executed.
    NotSent(Cause),
}

impl Reply {
    /// Whether the reply could be understood, which means that the server is there and works.
    pub const fn is_readable(self) -> bool {
        !matches!(self, Self::Ambiguous | Self::NotSent(_))
    }
}

/// Why a request did not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The network or the server is away; it may come back.
    Unreachable,
    /// The proxy that the environment names is away, or refuses to connect to the server.
    Proxy,
    /// The server's certificate cannot be trusted; waiting does not help.
    BadCertificate,
}

/// One request and its result.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its result.
    pub reply: Reply,
    /// The response's status, if there was one.
    pub status: Option<u16>,
    /// The API's own words, or ours where it gave none. Without the token; control characters are
    /// removed later.
    pub mensagem: String,
    /// When the response's head had arrived, or when the attempt was given up.
    pub answered: Instant,
}

/// One reading request and its result.
#[derive(Debug, Clone)]
pub struct ReadAttempt {
    /// Its result; [`Reply::Accepted`] comes with a whole body.
    pub reply: Reply,
    /// The response's status, if there was one.
    pub status: Option<u16>,
    /// The body of a 2xx or a 404; empty otherwise.
    pub body: Vec<u8>,
    /// What happened, in words that never quote a body.
    pub mensagem: String,
    /// When the response's head had arrived, or when the attempt was given up.
    pub answered: Instant,
}
