//! A simulated TomTicket on 127.0.0.1, to rehearse against without an account, and to test with.
//!
//! It does what the documentation of *Atualizar Cliente*, of v2.0 and of the account's limit says, and
//! what was recorded of v2.0. Where that leaves a choice it takes the stricter one. It shares no rule
//! with the rest of this crate, so that it can catch the crate's mistakes. It does not read this
//! program's configuration and prints nothing.
//!
//! One request goes through `server` (connection) → `service` (HTTP) → `request` (path and form) →
//! `update_rules` (is the update allowed) → `account` (`fault_injector`: what goes wrong; `limit`: is
//! it counted; `customers`: executed). A read leaves that path before `update_rules`; `replica` knows
//! what it may show, `reading` how that is spelled.

mod account;
mod config;
mod customer_list;
mod customers;
mod fault_injector;
mod limit;
mod list_order;
mod reading;
mod replica;
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
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::runtime::Handle;
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    /// A connection in the midst of its latency.
    async fn waiting(sandbox: &Sandbox) -> TcpStream {
        let mut stream = TcpStream::connect(sandbox.address).await.unwrap();
        let request =
            b"POST /update_cliente/t/a/I HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(request).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn neither_a_client_that_leaves_nor_its_end_leaves_a_task_behind() {
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let idle = tasks();
        let latency = "1h".parse().unwrap();
        let sandbox =
            Sandbox::start(SandboxConfig { latency, ..SandboxConfig::default() }).await.unwrap();
        let serving = tasks();
        let until = async |reached: &dyn Fn() -> bool| {
            let waiting = async {
                while !reached() {
                    yield_now().await;
                }
            };
            timeout(Duration::from_secs(60), waiting).await.unwrap();
        };
        let left = TcpStream::connect(sandbox.address).await.unwrap();
        until(&|| tasks() > serving).await;
        drop(left);
        until(&|| tasks() == serving).await;

        let mut connections = [waiting(&sandbox).await, waiting(&sandbox).await];
        until(&|| tasks() == serving + connections.len()).await;
        drop(sandbox);
        until(&|| tasks() == idle).await;
        for stream in &mut connections {
            // Closed or reset, without an answer.
            assert!(!matches!(stream.read(&mut [0]).await, Ok(1..)));
        }
    }
}
