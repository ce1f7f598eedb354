//! What the end-to-end tests stand on: a scripted TomTicket ([`Server`]), the real binary in a
//! private folder ([`Run`]), and what it left behind, checked ([`Finished`]).
//!
//! Everything here is written against the standard library and apart from the product's own code:
//! a mistake in the product must not find its twin in the test. No test waits a fixed time to be in
//! step with something else; it waits for a request ([`Server::wait_for_requests`]), a [`Gate`] or
//! the process itself.

pub mod canary;
pub mod connection;
pub mod english;
pub mod finished;
pub mod gate;
pub mod multipart;
pub mod needs;
pub mod nights;
pub mod reply;
pub mod request;
pub mod run;
pub mod running;
pub mod script;
pub mod server;
pub mod short;
pub mod small_disk;
pub mod table;
pub mod text;
pub mod tls;
pub mod unheard;

pub use canary::CANARY;
pub use finished::{Finished, ResultRow};
pub use gate::Gate;
pub use nights::{Night, Nights};
pub use reply::Reply;
pub use request::Request;
pub use run::Run;
pub use running::Running;
pub use server::Server;
pub use tls::Certificate;
pub use unheard::Unheard;

use std::time::Duration;

/// The longest that any test waits for something that must happen. Generous, because the machine
/// may be busy; reaching it is a failure, never a step of a test.
pub const PATIENCE: Duration = Duration::from_secs(120);
