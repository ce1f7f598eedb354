//! The state of a scripted server: received requests, queued replies, the script. Sockets belong to
//! [`super::connection`].

use std::collections::{HashMap, VecDeque};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::canary::CANARY;
use super::latch::Latch;
use super::reply::{Answer, Reply};
use super::request::Request;

/// The index of requests that only read a customer.
const READING: usize = usize::MAX;

/// Chooses the reply to a request. The number counts the requests for its customer, from 1.
pub type Script = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// The data that the threads of one server share.
pub struct Shared {
    /// The part that changes with every request.
    pub state: Mutex<State>,
    /// Notified when the state changes.
    pub changed: Condvar,
    /// Whether the server is stopping.
    pub stop: AtomicBool,
    /// Connections accepted so far.
    pub connections: AtomicUsize,
    /// How many of the next connections are dropped before a byte is read.
    pub drop_connections: AtomicUsize,
    /// Bytes of answers that were written to sockets.
    pub written: AtomicU64,
    /// The token that requests are expected to carry.
    pub token: Mutex<String>,
}

/// The part of [`Shared`] that changes with every request.
pub struct State {
    /// All requests by arrival.
    pub requests: Vec<Request>,
    /// Readings of single customers by arrival; they are in none of the other counts.
    pub reads: Vec<Request>,
    /// Chooses the reply to such a reading.
    pub read_script: Arc<Script>,
    /// Number of requests by customer.
    pub seen: HashMap<String, usize>,
    /// Queued replies by customer; they take precedence over the script.
    pub queues: HashMap<String, VecDeque<Reply>>,
    /// Chooses the reply where none is queued.
    pub script: Arc<Script>,
    /// Every reply waits until this latch is released.
    pub hold: Option<Latch>,
    /// Requests without an answer yet.
    pub in_flight: usize,
    /// The maximum of `in_flight` so far.
    pub max_in_flight: usize,
    /// Sockets of open connections; closing them wakes their threads when the server stops.
    pub sockets: HashMap<usize, TcpStream>,
    /// Errors of requests that are not valid HTTP.
    pub garbage: Vec<String>,
}

impl Default for Shared {
    /// No requests yet; every update is answered with success, and every reading of a customer with
    /// 403.
    fn default() -> Self {
        let script: Script = Box::new(|_, _| Reply::ok());
        let read_script: Script = Box::new(|_, _| Reply::json(403, r#"{"error":true}"#));
        Self {
            state: Mutex::new(State {
                requests: Vec::new(),
                reads: Vec::new(),
                read_script: Arc::new(read_script),
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
    /// Whether the server is stopping.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Waits; returns early if the server stops.
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

    /// Takes `ResetBeforeBody` from the front of the customer's queue. Returns whether it was there.
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

    /// Stores the request; returns its reply and the latch for all replies.
    pub fn admit(&self, request: &mut Request) -> (Reply, Option<Latch>) {
        let mut state = self.state.lock().unwrap();
        if request.is_reading() {
            request.n = READING;
            state.reads.push(request.clone());
            let customer = request.query("customer_id");
            let same = |read: &&Request| read.query("customer_id") == customer;
            let times = state.reads.iter().filter(same).count();
            let script = Arc::clone(&state.read_script);
            self.changed.notify_all();
            drop(state);
            return (script(request, times), None);
        }
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

    /// Records that the answer to request `n` begins, or that there is none.
    pub fn settle(&self, n: usize, answered: bool) {
        if n == READING {
            return;
        }
        let mut state = self.state.lock().unwrap();
        state.in_flight -= 1;
        if answered {
            state.requests[n].answered = Some(Instant::now());
        }
        self.changed.notify_all();
    }
}

impl State {
    /// Stores the request; returns how many there are for its customer.
    pub fn log(&mut self, request: &mut Request) -> usize {
        request.n = self.requests.len();
        self.requests.push(request.clone());
        let seen = self.seen.entry(request.identificador().to_owned()).or_default();
        *seen += 1;
        *seen
    }
}
