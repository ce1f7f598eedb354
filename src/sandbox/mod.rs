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
use std::sync::{Arc, Mutex};

use account::SimulatedAccount;
pub use config::{
    DelayRange, FailureShare, Failures, SandboxConfig, SandboxConfigError, only_token,
};
pub use customer_list::customers_from_csv;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// A running simulator. Dropping it ends its tasks and all connections, answered or not.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    _server: AbortOnDropHandle<()>,
}

impl Sandbox {
    /// Binds the port and begins to serve on the present Tokio runtime.
    pub async fn start(config: SandboxConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        let account = Arc::new(Mutex::new(SimulatedAccount::new(config)));
        let server = tokio::spawn(server::serve(listener, account));
        Ok(Self { address, _server: AbortOnDropHandle::new(server) })
    }

    /// Where it listens, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
