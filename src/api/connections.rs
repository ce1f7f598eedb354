//! The connections to the server: one request at a time on each, kept open between requests.
//!
//! A library's pool for many hosts would do the same; one host needs no more than a stack, which is a
//! good deal cheaper. What a request says and what its reply means is not
//! known here.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use tokio_util::task::AbortOnDropHandle;

use super::allowance::{Allowance, Metered};
use super::connect::{ConnectError, Connector};

/// How long to wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept. A server that closes idle connections must not win the
/// race against the next request: a POST that was already written is not sent again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Why there is no response. The question is whether the request can have left.
#[derive(Debug)]
pub(super) enum Failure {
    /// There was no connection for it.
    NotSent(ConnectError),
    /// The connection broke while it was on its way.
    Broken(hyper::Error),
}

impl Failure {
    pub fn as_error(&self) -> &(dyn Error + 'static) {
        match self {
            Self::NotSent(error) => &**error,
            Self::Broken(error) => error,
        }
    }
}

/// One connection; dropping it closes it, whatever is on its way there.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// What the server may still send for the request that is on its way.
    allowance: Allowance,
    /// Reads and writes for the sender.
    _driver: AbortOnDropHandle<()>,
}

/// All connections that are open and not in use.
pub(super) struct Connections {
    connector: Connector,
    connect_timeout: Duration,
    /// The one that was used last is on top, with when that was. As many as requests were in flight
    /// at most.
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("connector", &self.connector).finish_non_exhaustive()
    }
}

impl Connections {
    /// No connection yet. None may take as long to make as `request_timeout`, so that a connection
    /// that could not be made is told from a reply that did not come.
    pub fn new(connector: Connector, request_timeout: Duration) -> Self {
        let connect_timeout = CONNECT_TIMEOUT.min(request_timeout.mul_f64(0.9));
        Self { connector, connect_timeout, idle: Mutex::default() }
    }

    /// The proxy that stands between, without its password.
    pub fn proxy(&self) -> Option<&str> {
        self.connector.proxy()
    }

    /// Sends a request on a free connection, or on a new one where there is none, and waits for the
    /// response's head. The connection is to be given back by [`keep`](Self::keep) once the body was
    /// read to its end.
    pub async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), Failure> {
        while let Some(mut kept) = self.kept() {
            // The server may have closed it meanwhile.
            if kept.sender.ready().await.is_err() {
                continue;
            }
            kept.allowance.renew();
            match kept.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, kept)),
                Err(mut error) => match error.take_message() {
                    // Handed back, so not one byte of it was written.
                    Some(unsent) => request = unsent,
                    None => return Err(Failure::Broken(error.into_error())),
                },
            }
        }
        // In a box, because it is large, seldom, and would be copied with every request.
        let mut new = Box::pin(self.connect()).await.map_err(Failure::NotSent)?;
        match new.sender.send_request(request).await {
            Ok(response) => Ok((response, new)),
            Err(error) => Err(Failure::Broken(error)),
        }
    }

    /// Takes a connection back for the next request.
    pub fn keep(&self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.idle().push((connection, Instant::now()));
        }
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle();
        let (kept, since) = idle.pop()?;
        if since.elapsed() < IDLE_TIMEOUT {
            return Some(kept);
        }
        // Those below were used even longer ago.
        idle.clear();
        None
    }

    /// A panic elsewhere leaves a stack that is whole.
    fn idle(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<Connection, ConnectError> {
        let stream = self.connector.connect(self.connect_timeout).await?;
        let allowance = Allowance::new();
        let stream = Metered::new(stream, allowance.clone());
        let (sender, driver) = Builder::new().handshake(stream).await?;
        let driver = tokio::spawn(async move {
            // What goes wrong there is told to the request that waits.
            let _ = driver.await;
        });
        Ok(Connection { sender, allowance, _driver: AbortOnDropHandle::new(driver) })
    }
}
