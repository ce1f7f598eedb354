//! The simulated TomTicket met from outside: bytes on a socket, and this program's own client.

mod client;
mod failures;
mod limit;
mod raw;
mod rules;
mod stop;
mod v2;
