//! A simulated TomTicket on 127.0.0.1, to rehearse against without an account, and to test with.
//!
//! It does what the documentation of *Atualizar Cliente* and of the account's limit says. Where the
//! documentation leaves a choice it takes the stricter one. It shares no rule with the rest of this
//! crate, so that it can catch the crate's mistakes. It does not read this program's configuration
//! and prints nothing.
//!
//! One request goes through `server` (connection) → `service` (HTTP) → `request` (path and form) →
//! `update_rules` (is the update allowed) → `account` (`fault_injector`: what goes wrong; `limit`: is
//! it counted; `customers`: executed).

mod account;
mod config;
mod customer_list;
mod customers;
mod fault_injector;
mod limit;
mod request;
mod server;
mod service;
mod update_rules;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use account::SimulatedAccount;
pub use config::{DelayRange, FailureShare, Failures, SandboxConfig, only_token};
pub use customer_list::customers_from_csv;
use service::Shared;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A running simulator. [`stop`](Self::stop) ends its tasks and waits for that; dropping it ends
/// them too.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    stop: CancellationToken,
    server: AbortOnDropHandle<()>,
}

impl Sandbox {
    /// Binds the port and begins to serve on the present Tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(mut config: SandboxConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        let token = config.token.take();
        let shared = Arc::new(Shared::new(SimulatedAccount::new(config), token));
        let stop = CancellationToken::new();
        let server = server::serve(listener, shared, stop.clone());
        let server = AbortOnDropHandle::new(tokio::spawn(server));
        Ok(Self { address, stop, server })
    }

    /// Where it listens, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends all connections, answered or not, and returns when its last task has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        // An error means that the task has panicked, and so has ended.
        let _ = self.server.await;
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
