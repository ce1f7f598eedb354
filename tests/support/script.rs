//! What a scripted server knows and decides: the log of requests, the queues of replies, the gates.
//! It touches no socket; [`super::connection`] does.

use std::collections::{HashMap, VecDeque};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::canary::CANARY;
use super::latch::Latch;
use super::reply::{Answer, Reply};
use super::request::Request;

/// What answers a request; the number is the how-manieth it is for its customer.
pub type Script = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// What the threads of one server share.
pub struct Shared {
    /// What changes with every request.
    pub state: Mutex<State>,
    /// Tells everybody who waits that the state is another.
    pub changed: Condvar,
    /// Whether the server is ending.
    pub stop: AtomicBool,
    /// Connections accepted so far.
    pub connections: AtomicUsize,
    /// Connections that are to be dropped before a byte is read.
    pub drop_connections: AtomicUsize,
    /// Bytes of answers that the kernel took.
    pub written: AtomicU64,
    /// The token that requests are expected to carry.
    pub token: Mutex<String>,
}

/// What changes with every request.
pub struct State {
    /// All requests by arrival.
    pub requests: Vec<Request>,
    /// How often each customer was asked for.
    pub seen: HashMap<String, usize>,
    /// Replies that go before the script, by customer.
    pub queues: HashMap<String, VecDeque<Reply>>,
    /// What answers everything else.
    pub script: Arc<Script>,
    /// A latch that every reply waits behind.
    pub hold: Option<Latch>,
    /// Requests that wait for an answer now.
    pub in_flight: usize,
    /// The most there have been of them.
    pub max_in_flight: usize,
    /// Sockets of open connections, so that the end of the server can wake their threads.
    pub sockets: HashMap<usize, TcpStream>,
    /// What the server could not read as HTTP.
    pub garbage: Vec<String>,
}

impl Default for Shared {
    /// Nothing seen yet; everything is answered with success.
    fn default() -> Self {
        let script: Script = Box::new(|_, _| Reply::ok());
        Self {
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
            drop_connections: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            token: Mutex::new(CANARY.to_owned()),
        }
    }
}

impl Shared {
    /// Whether the server is ending.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits, but not beyond the end of the server.
    pub fn pause(&self, how_long: Duration) {
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
    pub fn reset_on_head(&self, request: &mut Request) -> bool {
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
    pub fn admit(&self, request: &mut Request) -> (Reply, Option<Latch>) {
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
    pub fn settle(&self, n: usize, answered: bool) {
        let mut state = self.state.lock().unwrap();
        state.in_flight -= 1;
        if answered {
            state.requests[n].answered = Some(Instant::now());
        }
        self.changed.notify_all();
    }
}

impl State {
    /// Keeps the request; returns the how-manieth it is for its customer.
    pub fn log(&mut self, request: &mut Request) -> usize {
        request.n = self.requests.len();
        self.requests.push(request.clone());
        let seen = self.seen.entry(request.identificador().to_owned()).or_default();
        *seen += 1;
        *seen
    }
}
