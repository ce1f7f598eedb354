//! A simulated TomTicket on 127.0.0.1, to rehearse against without an account, and to test with.
//!
//! It does what the documentation of *Atualizar Cliente* and of the account's limit says, and where
//! the documentation leaves a choice, the stricter thing, so that what passes here has a fair chance
//! there. It shares no rule with the rest of this crate on purpose: both sides would be wrong alike.
//! It does not read this program's configuration and prints nothing.
//!
//! One request goes through `server` (connection) → `service` (HTTP) → `wire` (path and form)
//! → `rules` (is the update allowed) → `state` (`dice`: its luck; `limit`: is it counted;
//! `store`: executed).

mod config;
mod fault_injector;
mod limit;
mod record;
mod rules;
mod seed;
mod server;
mod service;
mod state;
mod store;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use config::{
    ConfigError, DelayRange, FailureKind, FailureShare, Failures, SandboxConfig, only_token,
};
pub use seed::{Customers, SandboxError, SeedCustomer, customers_from_csv};
use service::Shared;
use state::State;
pub use state::{Counters, InjectedFailures};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A running simulator. It owns its tasks: [`stop`](Self::stop) ends them and waits for that,
/// dropping it ends them too.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
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
        let shared = Arc::new(Shared::new(State::new(config), token));
        let stop = CancellationToken::new();
        let server = server::serve(listener, Arc::clone(&shared), stop.clone());
        let server = AbortOnDropHandle::new(tokio::spawn(server));
        Ok(Self { address, shared, stop, server })
    }

    /// Where it listens, without a slash at the end: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has counted so far.
    pub fn counters(&self) -> Counters {
        self.shared.state().counters()
    }

    /// Ends all connections, answered or not, and returns when nothing of it runs any more.
    pub async fn stop(self) {
        self.stop.cancel();
        // It ends with `()` or, if a bug made it panic, has ended already.
        let _ = self.server.await;
    }
}
