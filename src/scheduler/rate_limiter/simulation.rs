//! A run against a simulated network and a strict server, beside another client of the account, in
//! simulated time. The rate limiter and the pauses after a 429 are the real ones.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::{Duration, Permit, Rate, RateLimiter};
use crate::api::{Attempt, Reply};
use crate::scheduler::circuit_breaker::{CircuitBreaker, SendPermission};

/// Requests in flight at most.
const CONCURRENCY: usize = 8;
/// Seconds that a timer is late, uniformly random.
const LATE: (f64, f64) = (0.001, 0.002);

#[derive(Debug, Clone, Copy)]
pub(super) struct Simulation {
    pub rate: f64,
    /// Milliseconds that each way takes, uniformly random.
    pub way: (f64, f64),
    /// Milliseconds that the server takes over a reply.
    pub work: f64,
    pub rows: usize,
    /// The part of our requests that is rejected at random, although there is room.
    pub stray: f64,
    pub other: Option<OtherClient>,
}

/// Another client of the account, with the same network delays.
#[derive(Debug, Clone, Copy)]
pub(super) struct OtherClient {
    /// Seconds.
    pub every: f64,
    pub habit: Habit,
    /// From when to when it is active, in seconds of our run.
    pub active: (f64, f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Habit {
    /// A request, its reply, a pause.
    Pauses,
    /// A request at fixed times, whatever the last reply was.
    Clock,
}

/// The results of a run; instants are seconds of the run.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub seconds: f64,
    /// When our requests were accepted, and those of the other client.
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
    pub rejected_ours: usize,
    pub rejected_theirs: usize,
    /// The most requests that were counted in one window.
    pub worst_window: usize,
}

impl Figures {
    /// Our rows a second.
    pub fn own(&self) -> f64 {
        (self.ours.len() as f64 - 1.0) / self.seconds
    }

    /// Accepted requests a second, both clients together.
    pub fn sum(&self) -> f64 {
        self.own() + self.theirs.len() as f64 / self.seconds
    }

    /// The share of 429s in all requests of both clients.
    pub fn rejected(&self) -> f64 {
        let rejected = self.rejected_ours + self.rejected_theirs;
        rejected as f64 / (rejected + self.ours.len() + self.theirs.len()) as f64
    }

    /// Our rows a second between two instants.
    pub fn own_between(&self, from: f64, to: f64) -> f64 {
        self.ours.iter().filter(|at| (from..to).contains(*at)).count() as f64 / (to - from)
    }
}

enum SimulatedEvent {
    /// One of our requests reaches the server.
    Arrival(u64),
    /// Its reply reaches us.
    Response(u64, Reply),
    /// A request of the other client, sent at this instant, reaches the server.
    OtherArrival(f64),
}

/// The account's limit, applied strictly.
struct StrictServer {
    count: usize,
    window: f64,
    counted: VecDeque<f64>,
}

impl StrictServer {
    fn admits(&mut self, now: f64) -> bool {
        while self.counted.front().is_some_and(|at| now - at >= self.window) {
            self.counted.pop_front();
        }
        let admitted = self.counted.len() < self.count;
        if admitted {
            self.counted.push_back(now);
        }
        admitted
    }
}

impl Simulation {
    pub fn run(&self, seed: u64) -> Figures {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut between = move |(low, high): (f64, f64)| low + rng.f64() * (high - low);
        let way = (self.way.0 / 1e3, self.way.1 / 1e3);
        let work = self.work / 1e3;
        let origin = Instant::now();
        let at = |seconds: f64| origin + Duration::from_secs_f64(seconds);
        let seconds = |instant: Instant| (instant - origin).as_secs_f64();

        let mut limiter = RateLimiter::new(Rate::PerSecond(self.rate), origin);
        let mut breaker = CircuitBreaker::new(Duration::from_secs(3600), false, None);
        let count = self.rate.floor().max(1.0);
        let window = count / self.rate;
        let mut server = StrictServer { count: count as usize, window, counted: VecDeque::new() };
        let mut events: Vec<(f64, SimulatedEvent)> = Vec::new();
        if let Some(other) = &self.other {
            let first = other.active.0 + between((0.0, other.every));
            events.push((first + between(way), SimulatedEvent::OtherArrival(first)));
        }
        let mut in_flight: HashMap<u64, (Permit, Instant)> = HashMap::new();
        let (mut rows_left, mut next_id) = (self.rows, 0u64);
        let mut figures = Figures::default();
        let mut now = 0.0f64;
        // When to ask the limiter again, whatever else happens.
        let mut wake = 0.0f64;
        while figures.ours.len() < self.rows || !in_flight.is_empty() {
            let next = (0..events.len()).min_by(|a, b| events[*a].0.total_cmp(&events[*b].0));
            match next {
                Some(next) if events[next].0 <= wake => {
                    let (time, what) = events.swap_remove(next);
                    now = time;
                    match what {
                        SimulatedEvent::OtherArrival(sent) => {
                            match server.admits(now) {
                                _ if now < 0.0 => {}
                                true => figures.theirs.push(now),
                                false => figures.rejected_theirs += 1,
                            }
                            let Some(other) = &self.other else { continue };
                            let again = match other.habit {
                                Habit::Pauses => now + work + between(way) + other.every,
                                Habit::Clock => sent + other.every,
                            };
                            if again < other.active.1 {
                                events.push((
                                    again + between(way),
                                    SimulatedEvent::OtherArrival(again),
                                ));
                            }
                            continue;
                        }
                        SimulatedEvent::Arrival(id) => {
                            let stray = self.stray > 0.0 && between((0.0, 1.0)) < self.stray;
                            let reply = match !stray && server.admits(now) {
                                true => {
                                    figures.ours.push(now);
                                    Reply::Accepted
                                }
                                false => {
                                    figures.rejected_ours += 1;
                                    Reply::Limited { retry_after: None }
                                }
                            };
                            events.push((
                                now + work + between(way),
                                SimulatedEvent::Response(id, reply),
                            ));
                            continue;
                        }
                        SimulatedEvent::Response(id, reply) => {
                            let (permit, sent) = in_flight.remove(&id).unwrap();
                            rows_left += usize::from(reply != Reply::Accepted);
                            limiter.on_reply(permit, at(now), reply);
                            let attempt = Attempt {
                                reply,
                                status: None,
                                mensagem: String::new(),
                                answered: at(now).into_std(),
                            };
                            assert!(breaker.on_reply(&attempt, sent, at(now)).is_none());
                        }
                    }
                }
                _ => now = wake,
            }
            // Send all that may leave now.
            wake = f64::INFINITY;
            while in_flight.len() < CONCURRENCY && rows_left > 0 {
                if let SendPermission::PausedUntil(until) = breaker.send_permission(at(now)) {
                    wake = seconds(until) + between(LATE);
                    break;
                }
                match limiter.take(at(now)) {
                    Ok(permit) => {
                        events.push((now + between(way), SimulatedEvent::Arrival(next_id)));
                        in_flight.insert(next_id, (permit, at(now)));
                        next_id += 1;
                        rows_left -= 1;
                    }
                    Err(later) => {
                        wake = seconds(later) + between(LATE);
                        break;
                    }
                }
            }
        }
        figures.seconds = now;
        let mut counted: Vec<f64> = figures.ours.iter().chain(&figures.theirs).copied().collect();
        counted.sort_unstable_by(f64::total_cmp);
        figures.worst_window = (0..counted.len())
            .map(|i| counted[i..].iter().take_while(|at| **at - counted[i] < window).count())
            .max()
            .unwrap_or_default();
        figures
    }

    /// The mean of `seeds` runs.
    pub fn mean(&self, seeds: u64) -> Mean {
        let runs: Vec<_> = (0..seeds).map(|seed| self.run(seed)).collect();
        let of = |figure: fn(&Figures) -> f64| runs.iter().map(figure).sum::<f64>() / seeds as f64;
        Mean { own: of(Figures::own), sum: of(Figures::sum), rejected: of(Figures::rejected) }
    }
}

/// The mean figures of several runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    pub own: f64,
    pub sum: f64,
    pub rejected: f64,
}
