//! A scripted TomTicket on a free loopback port: it stores every request and answers as the test
//! says. It has no rate limit and no customers; the product's own simulator has.
//!
//! It uses plain sockets, with one thread per connection, because an HTTP library would not send
//! broken responses.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use super::PATIENCE;
use super::connection::accept;
use super::latch::Latch;
use super::reply::Reply;
use super::request::Request;
use super::script::{Script, Shared};
use super::tls::Certificate;

/// Identifier, type and form of one request.
pub type Sent = (String, String, Vec<(String, String)>);

/// The server; dropping it ends all its connections.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    secure: bool,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that answers everything with success by default.
    pub fn start() -> Self {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), None)
    }

    /// As [`start`](Self::start), with TLS.
    pub fn start_tls(certificate: &Certificate) -> Self {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), Some(certificate))
    }

    /// Starts a server on a listener that the test has bound.
    pub fn listen(listener: TcpListener, certificate: Option<&Certificate>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let tls = certificate.map(Certificate::server_config);
        let secure = tls.is_some();
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&shared, &listener, tls.as_ref())
        });
        Self { shared, address, secure, accepting: Some(accepting) }
    }

    /// The value for `--base-url`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets the token that requests must contain; [`CANARY`] by default.
    pub fn expect_token(&self, token: &str) {
        token.clone_into(&mut self.shared.token.lock().unwrap());
    }

    /// Queues one reply for a customer; queued replies take precedence over the script.
    pub fn reply(&self, identificador: &str, reply: Reply) {
        let mut state = self.shared.state.lock().unwrap();
        state.queues.entry(identificador.to_owned()).or_default().push_back(reply);
    }

    /// Queues several replies for a customer.
    pub fn replies(&self, identificador: &str, replies: impl IntoIterator<Item = Reply>) {
        for reply in replies {
            self.reply(identificador, reply);
        }
    }

    /// Sets what answers a request for which nothing is queued. The number counts the requests for
    /// this customer, from 1.
    pub fn script(&self, script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) {
        self.shared.state.lock().unwrap().script = Arc::new(Box::new(script) as Script);
    }

    /// Sets what answers readings of single customers; the number counts those of this customer.
    pub fn reads(&self, script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) {
        self.shared.state.lock().unwrap().read_script = Arc::new(Box::new(script) as Script);
    }

    /// The customers that were read, by arrival.
    pub fn read_customers(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        state.reads.iter().map(|read| read.query("customer_id")).collect()
    }

    /// From now on every reply to an update waits until the latch is released.
    pub fn hold_replies(&self) -> Latch {
        let latch = Latch::new();
        self.shared.state.lock().unwrap().hold = Some(latch.clone());
        latch
    }

    /// Drops the next `count` connections before reading a byte of them.
    pub fn drop_connections(&self, count: usize) {
        self.shared.drop_connections.store(count, Ordering::SeqCst);
    }

    /// Waits until at least `count` whole requests have been read.
    pub fn wait_for_requests(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        while state.requests.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{count} requests never came: {}", state.requests.len());
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits until no connection is open. The client must not keep connections
    /// (`Connection: close`).
    pub fn wait_until_disconnected(&self) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        while !state.sockets.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} connections stay open", state.sockets.len());
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// All requests by arrival. Panics if one of them contradicts the documentation.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.raw_requests();
        let token = self.shared.token.lock().unwrap().clone();
        for request in &requests {
            let problems = request.problems(&token);
            assert!(problems.is_empty(), "{}: {problems:?}", request.describe());
        }
        let garbage = self.shared.state.lock().unwrap().garbage.clone();
        assert!(garbage.is_empty(), "not HTTP: {garbage:?}");
        requests
    }

    /// All requests by arrival, unchecked.
    pub fn raw_requests(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// The number of requests.
    pub fn count(&self) -> usize {
        self.shared.state.lock().unwrap().requests.len()
    }

    /// The requests for one customer by arrival.
    pub fn requests_for(&self, identificador: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.identificador() == identificador);
        requests
    }

    /// Identifier, type and form of all requests, sorted by identifier.
    pub fn sent(&self) -> Vec<Sent> {
        let mut sent: Vec<_> = self
            .requests()
            .iter()
            .map(|request| {
                (request.identificador().to_owned(), request.tipo().to_owned(), request.form())
            })
            .collect();
        sent.sort();
        sent
    }

    /// The number of accepted connections.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The largest number of requests that waited for an answer at one time.
    pub fn max_in_flight(&self) -> usize {
        self.shared.state.lock().unwrap().max_in_flight
    }

    /// The number of requests that wait for an answer now.
    pub fn in_flight(&self) -> usize {
        self.shared.state.lock().unwrap().in_flight
    }

    /// The number of bytes written to sockets: an upper bound of the bytes the client read.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let report = {
            let state = self.shared.state.lock().unwrap_or_else(|broken| broken.into_inner());
            for socket in state.sockets.values() {
                let _ = socket.shutdown(Shutdown::Both);
            }
            let lines: Vec<_> = state.requests.iter().take(60).map(Request::describe).collect();
            format!("{} requests:\n{}", state.requests.len(), lines.join("\n"))
        };
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        if std::thread::panicking() {
            eprintln!("--- server on port {}: {report}", self.address.port());
        }
    }
}
