//! The simulated TomTicket met from outside: bytes on a socket, and this program's own client.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of a test that cannot go on has failed the test"
)]

mod client;
mod failures;
mod limit;
mod raw;
mod rules;
mod stop;
