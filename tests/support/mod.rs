//! Support for the end-to-end tests: a scripted TomTicket ([`Server`]), the program's own simulator
//! as a process ([`Simulator`]), the real binary in a private folder ([`Run`]), and checks of what
//! it left behind ([`Finished`]).
//!
//! This code does not use the product's code: a mistake in the product must not hide behind the same
//! mistake in a test. Tests do not sleep to synchronise; they wait for a request
//! ([`Server::wait_for_requests`]), a [`Latch`], an output line or the end of the process.

pub mod canary;
pub mod common_checks;
pub mod connection;
pub mod english;
pub mod finished;
pub mod held_list;
pub mod latch;
pub mod multipart;
pub mod nights;
pub mod prerequisites;
pub mod program;
pub mod reply;
pub mod request;
pub mod reserved_port;
pub mod result_row;
pub mod run;
pub mod running;
pub mod script;
#[cfg(unix)]
pub mod second_user;
pub mod server;
pub mod shortcuts;
pub mod simulator;
pub mod small_disk;
pub mod table;
pub mod text;
pub mod tls;
pub mod workbook;

pub use canary::CANARY;
pub use finished::Finished;
pub use latch::Latch;
pub use nights::{Night, Nights};
pub use reply::Reply;
pub use request::Request;
pub use reserved_port::ReservedPort;
pub use result_row::ResultRow;
pub use run::Run;
pub use running::Running;
pub use server::Server;
pub use simulator::Simulator;
pub use tls::Certificate;
pub use workbook::{Workbook, texts};

use std::time::Duration;

/// The longest wait for something that must happen. It is long because the machine may be busy;
/// reaching it fails the test.
pub const PATIENCE: Duration = Duration::from_secs(120);
