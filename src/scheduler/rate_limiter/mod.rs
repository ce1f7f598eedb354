//! When the next request may leave. Not what a 429 means for the run; that is
//! [`super::circuit_breaker`].
//!
//! The account's limit is `count` requests in any `window` (3 in 1 s), counted where the server
//! stands. Its clock and the network's delays are unknown. Known is that a request arrived between
//! its send and its reply. So request *n* + `count` may leave once request *n* has certainly been
//! there for a whole window. The reply came at the latest moment at which request *n* can have
//! arrived, and the shortest round trip includes a way that the coming request needs as well:
//!
//! ```text
//! may leave(n + count) = reply(n) − shortest round trip + window
//! ```
//!
//! While the reply is missing (a slow API must not lower the pace), the bound is the send time plus
//! the largest excess over the shortest round trip seen lately.
//!
//! Below that stands a hard ceiling, governor's GCRA: a minimum distance between two sends, so that
//! no burst leaves after a pause. Above it stands [`adaptive_share`]: after 429s fewer than `count`
//! slots are used, so that another client of the account has room.
//!
//! Turned down: a fixed spacing. At 334 ms a few milliseconds of jitter cause 13–20 % rejections; at
//! 360 ms 7 % of the night is wasted. And a slow-down in per cents: beside a client that takes one
//! request a second it needed nine 429s to make room, and one every forty seconds afterwards.

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

use adaptive_share::AdaptiveShare;

use crate::api::Reply;

/// The requested pace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Requests a second, above 0.
    PerSecond(f64),
    /// No limit of our own; pauses after a 429 stay.
    Unlimited,
}

impl Default for Rate {
    fn default() -> Self {
        Self::DEFAULT
    }
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
/// which a changed route is accepted.
const ROUND_TRIPS_KEPT: usize = 512;
/// The latest round trips, which say how late an unanswered request may have been counted.
const LATEST_ROUND_TRIPS: usize = 128;
/// Round trips needed before the shortest is trusted.
const ROUND_TRIPS_NEEDED: usize = 16;
/// Excess assumed while nothing is known about the network.
const FIRST_EXCESS: Duration = Duration::from_millis(150);
/// The part of the even distance that must lie between two sends.
const MIN_SPACING: f64 = 0.4;
/// The same while another client may be there: evenly spaced requests leave gaps for its own.
const EVEN_SPACING: f64 = 0.97;
/// Added to each bound, since clocks and schedulers have a granularity.
const CLOCK_GRANULARITY: Duration = Duration::from_millis(1);

/// A request that was allowed to leave; [`RateLimiter::on_reply`] takes it back.
#[derive(Debug)]
#[must_use = "the rate limiter must be told the reply to the request"]
pub struct Permit {
    id: u64,
    sent: Instant,
    /// Whether the previous request left so shortly before that this one can be one too many.
    follows_closely: bool,
}

/// Decides when requests may leave. It never waits itself.
#[derive(Debug)]
pub struct RateLimiter {
    limit: Option<SlidingLimit>,
}

impl RateLimiter {
    /// A limiter for `rate`. `now` is the origin of its clock.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { limit: rate.per_second().map(|rate| SlidingLimit::new(rate, now)) }
    }

    /// Takes a permit at `now`.
    ///
    /// # Errors
    /// The instant at which it is worth asking again.
    pub fn take(&mut self, now: Instant) -> Result<Permit, Instant> {
        match &mut self.limit {
            Some(limit) => limit.take(now),
            None => Ok(Permit { id: 0, sent: now, follows_closely: true }),
        }
    }

    /// Takes the reply to a request into account; `ended` is when it became known.
    pub fn on_reply(&mut self, permit: Permit, ended: Instant, reply: Reply) {
        if let Some(limit) = &mut self.limit {
            limit.on_reply(permit, ended, reply);
        }
    }

    /// The pace now aimed at, in requests a second.
    #[cfg(test)]
    fn target(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.share.slots() as f64 / limit.window.as_secs_f64())
    }
}

/// The state behind a limited rate.
#[derive(Debug)]
struct SlidingLimit {
    count: usize,
    window: Duration,
    ceiling: governor::RateLimiter<NotKeyed, InMemoryState, ManualClock, NoOpMiddleware<Duration>>,
    clock: ManualClock,
    origin: Instant,
    share: AdaptiveShare,
    /// When the last 429 came. The 429s of one burst are one event, and replies to requests that
    /// left before it say nothing about the pace after it.
    limited_at: Option<Instant>,
    /// The last `count` requests.
    recent: VecDeque<SentRequest>,
    next_id: u64,
    round_trips: VecDeque<Duration>,
    /// The shortest of them, once there are enough.
    shortest: Option<Duration>,
}

#[derive(Debug)]
struct SentRequest {
    id: u64,
    sent: Instant,
    answered: Option<Instant>,
}

impl SlidingLimit {
    fn new(rate: f64, now: Instant) -> Self {
        // As many whole requests as fit into a second, and the window that gives them the rate;
        // below one a second, one in a longer window. A rate near 0 would overflow the window.
        let rate = rate.max(1e-6);
        let count = rate.floor().max(1.0);
        let window = Duration::from_secs_f64(count / rate);
        let spacing = window.mul_f64(MIN_SPACING / count).max(Duration::from_nanos(1));
        let clock = ManualClock::default();
        let quota = Quota::with_period(spacing)
            .unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN))
            .allow_burst(NonZeroU32::MIN);
        Self {
            count: count as usize,
            window,
            ceiling: governor::RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            origin: now,
            share: AdaptiveShare::of(count as usize),
            limited_at: None,
            recent: VecDeque::new(),
            next_id: 0,
            round_trips: VecDeque::new(),
            shortest: None,
        }
    }

    fn take(&mut self, now: Instant) -> Result<Permit, Instant> {
        let slots = self.share.slots();
        if let Some(before) = self.recent.len().checked_sub(slots)
            && let Some(oldest) = self.recent.get(before)
        {
            let free_at = self.latest_arrival(oldest) + self.window;
            if free_at > now {
                return Err(free_at);
            }
        }
        let even = self.window.div_f64(slots as f64);
        let last = self.recent.back().map(|last| last.sent);
        if self.share.leaves_gaps()
            && let Some(next) = last.map(|last| last + even.mul_f64(EVEN_SPACING))
            && next > now
        {
            return Err(next);
        }
        self.clock.set(now.duration_since(self.origin));
        if let Err(early) = self.ceiling.check() {
            return Err(self.origin + early.earliest_possible().max(now - self.origin));
        }
        let id = self.next_id;
        self.next_id += 1;
        if self.recent.len() >= self.count {
            self.recent.pop_front();
        }
        self.recent.push_back(SentRequest { id, sent: now, answered: None });
        let follows_closely = last.is_some_and(|last| now < last + even * 2);
        Ok(Permit { id, sent: now, follows_closely })
    }

    /// The latest instant, on the scale of sends, at which `request` can have been counted.
    fn latest_arrival(&self, request: &SentRequest) -> Instant {
        let excess = match (request.answered, self.shortest) {
            (Some(answered), Some(shortest)) => (answered - request.sent).saturating_sub(shortest),
            (Some(answered), None) => (answered - request.sent).min(FIRST_EXCESS),
            (None, Some(shortest)) => self.usual_longest().saturating_sub(shortest),
            (None, None) => FIRST_EXCESS,
        };
        request.sent + excess + CLOCK_GRANULARITY
    }

    /// The round trip that only one in fifty of the latest exceeded.
    fn usual_longest(&self) -> Duration {
        let mut latest: Vec<_> =
            self.round_trips.iter().rev().take(LATEST_ROUND_TRIPS).copied().collect();
        latest.sort_unstable();
        latest.get(latest.len() * 49 / 50).or(latest.last()).copied().unwrap_or_default()
    }

    fn on_reply(&mut self, permit: Permit, ended: Instant, reply: Reply) {
        let index = self.recent.iter().position(|request| request.id == permit.id);
        if let Reply::NotSent(_) = reply {
            if let Some(index) = index {
                self.recent.remove(index);
            }
            return;
        }
        if let Some(index) = index {
            self.recent[index].answered = Some(ended);
        }
        // The server may have counted a request without an answer at any time; nothing is learnt.
        if reply == Reply::Ambiguous {
            return;
        }
        if self.round_trips.len() >= ROUND_TRIPS_KEPT {
            self.round_trips.pop_front();
        }
        self.round_trips.push_back(ended - permit.sent);
        if self.round_trips.len() >= ROUND_TRIPS_NEEDED {
            self.shortest = self.round_trips.iter().min().copied();
        }
        if self.limited_at.is_some_and(|at| permit.sent < at) {
            return;
        }
        if let Reply::Limited { .. } = reply {
            // A request that left alone, as after a pause, was not one too many.
            if permit.follows_closely {
                self.share.on_rejection();
            }
            self.limited_at = Some(ended);
        } else {
            self.share.on_clean_reply();
        }
    }
}

/// A clock for governor that shows the time it was set to, so that the limiter sees one time only.
#[derive(Debug, Clone, Default)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
