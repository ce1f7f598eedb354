//! A scripted TomTicket on a free loopback port: it keeps the bytes of every request and answers as
//! the test says. It knows no limits and no customers; the product's own simulator does.
//!
//! Plain threads and sockets, one thread per connection, so that it can be as rude as a real
//! network: the HTTP libraries that the product uses would not let it.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::canary::CANARY;
use super::gate::Gate;
use super::reply::{Answer, Reply};
use super::request::{Request, head_is_complete};
use super::tls::Certificate;

/// Identifier, type and form of one request.
pub type Sent = (String, String, Vec<(String, String)>);

type Script = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// The server; it ends, and lets go of everybody who waits for it, when dropped.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    secure: bool,
    accepting: Option<JoinHandle<()>>,
}

/// What the threads of one server share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
    connections: AtomicUsize,
    /// Connections that are to be dropped before a byte is read.
    turn_away: AtomicUsize,
    /// Bytes of answers that the kernel took.
    written: AtomicU64,
    token: Mutex<String>,
}

struct State {
    requests: Vec<Request>,
    /// How often each customer was asked for.
    seen: HashMap<String, usize>,
    queues: HashMap<String, VecDeque<Reply>>,
    script: Arc<Script>,
    hold: Option<Gate>,
    in_flight: usize,
    max_in_flight: usize,
    /// Sockets of open connections, so that the end of the server can wake their threads.
    sockets: HashMap<usize, TcpStream>,
    /// What the server could not read as HTTP.
    garbage: Vec<String>,
}

impl Server {
    /// A server that answers everything with success until told otherwise.
    pub fn start() -> Self {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), None)
    }

    /// The same behind TLS.
    pub fn start_tls(certificate: &Certificate) -> Self {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(), Some(certificate))
    }

    /// A server on a listener that the test has bound, for a port that was closed at first.
    pub fn listen(listener: TcpListener, certificate: Option<&Certificate>) -> Self {
        let address = listener.local_addr().unwrap();
        let script: Script = Box::new(|_, _| Reply::ok());
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                requests: Vec::new(),
                seen: HashMap::new(),
                queues: HashMap::new(),
                script: Arc::new(script),
                hold: None,
                in_flight: 0,
                max_in_flight: 0,
                sockets: HashMap::new(),
                garbage: Vec::new(),
            }),
            changed: Condvar::new(),
            stop: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            turn_away: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            token: Mutex::new(CANARY.to_owned()),
        });
        let tls = certificate.map(Certificate::server_config);
        let secure = tls.is_some();
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&shared, &listener, tls.as_ref())
        });
        Self { shared, address, secure, accepting: Some(accepting) }
    }

    /// What goes to `--base-url`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.address)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The token that requests are expected to carry, where it is not [`CANARY`].
    pub fn expect_token(&self, token: &str) {
        token.clone_into(&mut self.shared.token.lock().unwrap());
    }

    /// Queues one reply for a customer; queued replies go before the script.
    pub fn reply(&self, identificador: &str, reply: Reply) {
        let mut state = self.shared.state.lock().unwrap();
        state.queues.entry(identificador.to_owned()).or_default().push_back(reply);
    }

    /// Queues several.
    pub fn replies(&self, identificador: &str, replies: impl IntoIterator<Item = Reply>) {
        for reply in replies {
            self.reply(identificador, reply);
        }
    }

    /// What answers a request for which nothing is queued. The number says the how-manieth request
    /// for this customer it is, from 1.
    pub fn script(&self, script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) {
        self.shared.state.lock().unwrap().script = Arc::new(Box::new(script));
    }

    /// From now on every reply waits until the gate is opened.
    pub fn hold(&self) -> Gate {
        let gate = Gate::new();
        self.shared.state.lock().unwrap().hold = Some(gate.clone());
        gate
    }

    /// Drops the next `count` connections before reading a byte of them.
    pub fn turn_away(&self, count: usize) {
        self.shared.turn_away.store(count, Ordering::SeqCst);
    }

    /// Waits until at least `count` requests have been read whole.
    pub fn wait_for_requests(&self, count: usize) {
        let end = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        while state.requests.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{count} requests never came: {}", state.requests.len());
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// All requests by arrival. Panics where one of them is not as the documentation wants it.
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

    /// All requests by arrival, whatever they look like.
    pub fn raw_requests(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().requests.clone()
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.shared.state.lock().unwrap().requests.len()
    }

    /// The requests for one customer by arrival.
    pub fn requests_for(&self, identificador: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.identificador() == identificador);
        requests
    }

    /// What was asked for, in order of the identifiers, whatever the order of arrival: identifier,
    /// type, form.
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

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The most requests that were waiting for an answer at one time.
    pub fn max_in_flight(&self) -> usize {
        self.shared.state.lock().unwrap().max_in_flight
    }

    /// How many requests wait for an answer now.
    pub fn in_flight(&self) -> usize {
        self.shared.state.lock().unwrap().in_flight
    }

    /// How many bytes of answers the kernel took: what the client read is no more than that.
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

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits, but not beyond the end of the server.
    fn pause(&self, how_long: Duration) {
        let end = Instant::now() + how_long;
        let mut state = self.state.lock().unwrap();
        while !self.stopped() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state =
                self.changed.wait_timeout(state, left.min(Duration::from_millis(50))).unwrap().0;
        }
    }

    /// The reset that the queue holds for a request of which only the head is known.
    fn reset_on_head(&self, request: &mut Request) -> bool {
        let mut state = self.state.lock().unwrap();
        let Some(queue) = state.queues.get_mut(request.identificador()) else {
            return false;
        };
        if !matches!(queue.front(), Some(Reply { answer: Answer::ResetBeforeBody, .. })) {
            return false;
        }
        queue.pop_front();
        state.log(request);
        self.changed.notify_all();
        true
    }

    /// Keeps the request and says what to do with it.
    fn admit(&self, request: &mut Request) -> (Reply, Option<Gate>) {
        let mut state = self.state.lock().unwrap();
        let times = state.log(request);
        state.in_flight += 1;
        state.max_in_flight = state.max_in_flight.max(state.in_flight);
        let queued = state.queues.get_mut(request.identificador()).and_then(VecDeque::pop_front);
        let hold = state.hold.clone();
        let script = Arc::clone(&state.script);
        self.changed.notify_all();
        drop(state);
        (queued.unwrap_or_else(|| script(request, times)), hold)
    }

    /// Notes that the answer to request `n` begins, or that there will be none.
    fn settle(&self, n: usize, answered: bool) {
        let mut state = self.state.lock().unwrap();
        state.in_flight -= 1;
        if answered {
            state.requests[n].answered = Some(Instant::now());
        }
        self.changed.notify_all();
    }

    fn write(&self, wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
        wire.write_all(bytes)?;
        wire.flush()?;
        self.written.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(())
    }
}

impl State {
    /// Keeps the request; returns the how-manieth it is for its customer.
    fn log(&mut self, request: &mut Request) -> usize {
        request.n = self.requests.len();
        self.requests.push(request.clone());
        let seen = self.seen.entry(request.identificador().to_owned()).or_default();
        *seen += 1;
        *seen
    }
}

/// A connection, with or without TLS.
enum Wire {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener, tls: Option<&Arc<rustls::ServerConfig>>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        if shared.stopped() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let id = shared.connections.fetch_add(1, Ordering::SeqCst);
        let turned_away = shared
            .turn_away
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if turned_away {
            continue;
        }
        let _ = stream.set_nodelay(true);
        if let Ok(copy) = stream.try_clone() {
            shared.state.lock().unwrap().sockets.insert(id, copy);
        }
        let mut wire = match tls {
            None => Wire::Plain(stream),
            Some(config) => {
                let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                Wire::Tls(Box::new(rustls::StreamOwned::new(connection, stream)))
            }
        };
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            if let Err(why) = serve(&shared, &mut wire, id)
                && why.kind() == io::ErrorKind::InvalidData
            {
                shared.state.lock().unwrap().garbage.push(why.to_string());
            }
            // The copy goes first: the connection ends (with a reset, where something is left
            // unread) only with its last handle.
            shared.state.lock().unwrap().sockets.remove(&id);
            drop(wire);
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Reads and answers requests until the connection is over.
fn serve(shared: &Shared, wire: &mut Wire, connection: usize) -> io::Result<()> {
    let garbage = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    loop {
        let mut byte = [0];
        if wire.read(&mut byte)? == 0 {
            return Ok(());
        }
        let arrived = Instant::now();
        let mut head = vec![byte[0]];
        // Byte by byte: what follows the head must stay in the kernel, for a reset needs it there.
        while !head_is_complete(&head) {
            wire.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let mut request = Request::parse(head, connection, arrived).map_err(garbage)?;
        let length: usize = match request.header("content-length") {
            Some(length) => length.parse().map_err(|_| garbage(format!("length {length:?}")))?,
            None if request.method == "GET" => 0,
            None => return Err(garbage("no Content-Length".to_owned())),
        };
        if shared.reset_on_head(&mut request) {
            wait_for_unread(wire, length);
            return Ok(());
        }
        request.body = vec![0; length];
        // The last byte is looked at and left in the kernel until it is known that the connection
        // is not to be reset: closing a socket with something unread is what makes a reset.
        let peeked = read_all_but_last(wire, &mut request.body)?;
        let (reply, hold) = shared.admit(&mut request);
        let reset = matches!(reply.answer, Answer::Reset | Answer::ResetBeforeBody);
        if peeked && !reset {
            wire.read_exact(&mut byte)?;
        }
        for gate in hold.iter().chain(&reply.gate) {
            gate.pass(|| shared.stopped());
        }
        shared.pause(reply.delay);
        let go_on = answer(shared, wire, request.n, reply)?;
        if !go_on || shared.stopped() {
            return Ok(());
        }
    }
}

/// Waits until a byte of the body is there, so that closing resets the connection.
fn wait_for_unread(wire: &Wire, length: usize) {
    if let Wire::Plain(stream) = wire
        && length > 0
    {
        let _ = stream.peek(&mut [0]);
    }
}

/// Fills `body`; on a plain connection the last byte is only peeked at, and `true` returned.
fn read_all_but_last(wire: &mut Wire, body: &mut [u8]) -> io::Result<bool> {
    let Some((last, rest)) = body.split_last_mut() else {
        return Ok(false);
    };
    wire.read_exact(rest)?;
    match wire {
        Wire::Plain(stream) => {
            let mut byte = [0];
            if stream.peek(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *last = byte[0];
            Ok(true)
        }
        Wire::Tls(_) => {
            wire.read_exact(std::slice::from_mut(last))?;
            Ok(false)
        }
    }
}

/// Carries out one reply; says whether the connection can be used again.
fn answer(shared: &Shared, wire: &mut Wire, n: usize, reply: Reply) -> io::Result<bool> {
    let speaks = !matches!(
        reply.answer,
        Answer::Hang | Answer::Close | Answer::Reset | Answer::ResetBeforeBody
    );
    if matches!(reply.answer, Answer::Hang) {
        // Whoever hangs is in flight until the client gives up: then there is something to read
        // (its end), or this server ends.
        let waited = wire.read(&mut [0]);
        shared.settle(n, false);
        return waited.map(|_| false);
    }
    shared.settle(n, speaks);
    if reply.interim {
        shared.write(wire, b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    match reply.answer {
        Answer::Response { status, headers, body, framing } => {
            let (bytes, reusable) = Reply::encode(status, &headers, &body, framing);
            shared.write(wire, &bytes)?;
            Ok(reusable && !reply.close)
        }
        Answer::Bytes(bytes) => shared.write(wire, &bytes).map(|()| false),
        Answer::Drip(bytes, every) => {
            for byte in bytes {
                shared.pause(every);
                shared.write(wire, &[byte])?;
            }
            Ok(false)
        }
        Answer::Endless(head, chunk) => {
            shared.write(wire, &head)?;
            while !shared.stopped() {
                shared.write(wire, &chunk)?;
            }
            Ok(false)
        }
        Answer::Hang | Answer::Close | Answer::Reset | Answer::ResetBeforeBody => Ok(false),
    }
}
