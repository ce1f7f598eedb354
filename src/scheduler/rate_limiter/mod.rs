//! When the next request may leave.
//!
//! The account's limit is `count` requests in any `window` (3 in 1 s), counted where the server
//! stands, and neither its clock nor the network's delays are known here. What is known for certain:
//! a request arrived between its send and its reply. So request *n* + `count` may leave as soon as
//! request *n* has surely been there for a whole window. The reply came at the latest moment at
//! which request *n* can have arrived; of the time that the shortest round trip takes, the way there
//! is also spent by the request to come, so that part cancels out:
//!
//! ```text
//! may leave(n + count) = reply(n) − shortest round trip + window
//! ```
//!
//! When the reply is not there yet (a slow API must not lower the pace), the bound is the send time
//! plus the largest excess over the shortest round trip seen lately.
//!
//! Under that stands a hard ceiling from the governor crate: a minimum distance between two sends,
//! so that after a pause or a stall no burst leaves. On top stands the slow-down, which shares the
//! account with other programs that use it: after 429s only so many of the `count` places are used
//! (`share` says how many). Of a whole number of places the bound above holds as it stands, with
//! that number for `count`; a fraction stretches the window.
//!
//! Turned down: a fixed spacing. At 334 ms a few milliseconds of jitter draw 13–20 % rejections; at
//! 360 ms 7 % of the night is wasted. And a slow-down in per cents: each 429 stretched the window by
//! a twentieth, and clean replies took that back little by little. Beside a client that takes one
//! request a second nine 429s were needed until there was room for it, and one every forty seconds
//! afterwards, each with a pause of a second.

mod adaptive_share;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::Quota;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use tokio::time::Instant;

use adaptive_share::Share;

/// The pace asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Requests a second, above 0.
    PerSecond(f64),
    /// No limit of our own; pauses after a 429 stay.
    Unlimited,
}

impl Rate {
    /// The account limit that TomTicket documents.
    pub const DEFAULT: Self = Self::PerSecond(3.0);

    /// Requests a second, if there is a limit.
    pub const fn per_second(self) -> Option<f64> {
        match self {
            Self::PerSecond(rate) => Some(rate),
            Self::Unlimited => None,
        }
    }
}

/// Round trips remembered for the shortest one: about three minutes at the account's limit, after
/// which a changed route is believed.
const SAMPLES: usize = 512;
/// Round trips, of the latest, that say how late an unanswered request may have been counted.
const LATEST: usize = 128;
/// Round trips below which the shortest is not trusted yet.
const ENOUGH: usize = 16;
/// Excess assumed while nothing is known about the network.
const FIRST_EXCESS: Duration = Duration::from_millis(150);
/// The part of the even distance that must lie between two sends.
const MIN_SPACING: f64 = 0.4;
/// The same while not all places are used: then somebody else uses the account too, and even
/// requests leave gaps for theirs.
const EVEN_SPACING: f64 = 0.97;
/// Added to each bound: clocks and schedulers have a grain.
const GRAIN: Duration = Duration::from_millis(1);

/// A request that was allowed to leave, until [`RateLimiter::answered`] takes it back.
#[derive(Debug)]
#[must_use = "the pace must hear what became of the request"]
pub struct Permit {
    id: u64,
    at: Instant,
    /// Whether the one before left so shortly before that there might have been too many.
    close: bool,
}

/// What became of a request, as far as the pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The server answered, with anything but 429.
    Answered,
    /// 429.
    Limited,
    /// It surely never reached the server.
    NeverLeft,
    /// No answer; it may have been counted at any time up to now.
    Unknown,
}

/// The controller. It is asked and told; it never waits itself.
#[derive(Debug)]
pub struct RateLimiter {
    limit: Option<Limit>,
}

impl RateLimiter {
    /// A controller for `rate`. `now` is the origin of its clock.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { limit: rate.per_second().map(|rate| Limit::new(rate, now)) }
    }

    /// Asks for a permit at `now`.
    ///
    /// # Errors
    /// The instant at which it is worth asking again.
    pub fn take(&mut self, now: Instant) -> Result<Permit, Instant> {
        match &mut self.limit {
            Some(limit) => limit.take(now),
            None => Ok(Permit { id: 0, at: now, close: true }),
        }
    }

    /// Tells what became of a request, at `answered`.
    pub fn answered(&mut self, permit: Permit, answered: Instant, fate: Fate) {
        if let Some(limit) = &mut self.limit {
            limit.answered(permit, answered, fate);
        }
    }

    /// The pace now aimed at, in requests a second.
    pub fn target(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.share.places() / limit.window.as_secs_f64())
    }
}

/// The state behind a limited rate.
#[derive(Debug)]
struct Limit {
    count: usize,
    window: Duration,
    ceiling: governor::RateLimiter<NotKeyed, InMemoryState, ToldClock, NoOpMiddleware<Duration>>,
    clock: ToldClock,
    origin: Instant,
    share: Share,
    /// When a 429 came last. One burst of them is one event, and of what left before the pace
    /// changed no reply says anything about how it is now.
    limited_at: Option<Instant>,
    /// The last `count` requests.
    recent: VecDeque<Sent>,
    next_id: u64,
    round_trips: VecDeque<Duration>,
    /// The shortest of them, once there are enough.
    shortest: Option<Duration>,
}

#[derive(Debug)]
struct Sent {
    id: u64,
    at: Instant,
    answered: Option<Instant>,
}

impl Limit {
    fn new(rate: f64, now: Instant) -> Self {
        // As many whole requests as fit into a second, and the window that gives them the rate;
        // below one a second, one in a longer window. A rate near 0 would overflow the window.
        let rate = rate.max(1e-6);
        let count = rate.floor().max(1.0);
        let window = Duration::from_secs_f64(count / rate);
        let spacing = window.mul_f64(MIN_SPACING / count).max(Duration::from_nanos(1));
        let clock = ToldClock::default();
        let quota = Quota::with_period(spacing)
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(NonZeroU32::MIN);
        Self {
            count: count as usize,
            window,
            ceiling: governor::RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            origin: now,
            share: Share::of(count as usize),
            limited_at: None,
            recent: VecDeque::new(),
            next_id: 0,
            round_trips: VecDeque::new(),
            shortest: None,
        }
    }

    fn take(&mut self, now: Instant) -> Result<Permit, Instant> {
        let places = self.share.places();
        // So many requests, in a window that is longer by what is missing to a whole place.
        let whole = (places.ceil() as usize).clamp(1, self.count);
        let window = self.window.mul_f64(whole as f64 / places);
        if let Some(before) = self.recent.len().checked_sub(whole)
            && let Some(oldest) = self.recent.get(before)
        {
            let free_at = self.counted_by(oldest) + window;
            if free_at > now {
                return Err(free_at);
            }
        }
        if self.share.is_part()
            && let Some(last) = self.recent.back()
        {
            let even = window.mul_f64(EVEN_SPACING / whole as f64);
            if last.at + even > now {
                return Err(last.at + even);
            }
        }
        self.clock.tell(now.duration_since(self.origin));
        if let Err(early) = self.ceiling.check() {
            return Err(self.origin + early.earliest_possible().max(now - self.origin));
        }
        let id = self.next_id;
        self.next_id += 1;
        if self.recent.len() >= self.count {
            self.recent.pop_front();
        }
        let twice = window.mul_f64(2.0 / whole as f64);
        let close = self.recent.back().is_some_and(|last| now < last.at + twice);
        self.recent.push_back(Sent { id, at: now, answered: None });
        Ok(Permit { id, at: now, close })
    }

    /// The latest instant, on the scale of sends, at which `sent` can have been counted.
    fn counted_by(&self, sent: &Sent) -> Instant {
        let excess = match (sent.answered, self.shortest) {
            (Some(answered), Some(shortest)) => (answered - sent.at).saturating_sub(shortest),
            (Some(answered), None) => (answered - sent.at).min(FIRST_EXCESS),
            (None, Some(shortest)) => self.usual_longest().saturating_sub(shortest),
            (None, None) => FIRST_EXCESS,
        };
        sent.at + excess + GRAIN
    }

    /// The round trip that only one in fifty of the latest exceeded.
    fn usual_longest(&self) -> Duration {
        let mut latest: Vec<_> = self.round_trips.iter().rev().take(LATEST).copied().collect();
        latest.sort_unstable();
        latest.get(latest.len() * 49 / 50).or(latest.last()).copied().unwrap_or_default()
    }

    fn answered(&mut self, permit: Permit, answered: Instant, fate: Fate) {
        let place = self.recent.iter().position(|sent| sent.id == permit.id);
        match fate {
            Fate::NeverLeft => {
                if let Some(place) = place {
                    self.recent.remove(place);
                }
                return;
            }
            Fate::Unknown => {}
            Fate::Answered | Fate::Limited => {
                if self.round_trips.len() >= SAMPLES {
                    self.round_trips.pop_front();
                }
                self.round_trips.push_back(answered - permit.at);
                if self.round_trips.len() >= ENOUGH {
                    self.shortest = self.round_trips.iter().min().copied();
                }
            }
        }
        if let Some(place) = place {
            self.recent[place].answered = Some(answered);
        }
        if self.limited_at.is_some_and(|at| permit.at < at) {
            return;
        }
        match fate {
            Fate::Limited => {
                // One that left alone, as after a pause, was not too much.
                if permit.close {
                    self.share.refused();
                }
                self.limited_at = Some(answered);
            }
            Fate::Answered => self.share.clean(),
            Fate::Unknown | Fate::NeverLeft => {}
        }
    }
}

/// A clock for governor that shows what it was told, so that the controller sees one time only.
#[derive(Debug, Clone, Default)]
struct ToldClock(Arc<AtomicU64>);

impl ToldClock {
    fn tell(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Clock for ToldClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
