//! The account's limit: at most so many counted requests in any window of time, wherever the window
//! begins. A sliding window is the stricter of the two readings that the documentation allows.
//!
//! Pure: instants are handed in. A rejected request does not count.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::scheduler::Rate;

/// The fastest limit that is not the same as none; it also bounds the memory.
const MAX_PER_SECOND: f64 = 1_000_000.0;
/// The slowest limit: one request a day.
const MIN_PER_SECOND: f64 = 1.0 / 86_400.0;

/// A sliding window over the instants at which requests were counted.
#[derive(Debug)]
pub(super) struct SlidingWindow {
    /// Requests allowed in any `span`, at least 1.
    count: usize,
    /// Zero where there is no limit.
    span: Duration,
    /// The latest counted instants, at most `count`, oldest first.
    counted: VecDeque<Instant>,
}

impl SlidingWindow {
    /// A whole rate of N is N requests in any second. Other rates count whole requests and fit the
    /// window to them: 2.5 is 2 requests in any 0.8 s, 0.5 is 1 in any 2 s. Rates outside 1 a day
    /// to 1 000 000 a second are taken to the nearer end.
    pub(super) fn new(rate: Rate) -> Self {
        let (count, span) = rate.per_second().map_or((1.0, Duration::ZERO), |rate| {
            // Not `clamp`: it would keep not-a-number, `max` does not.
            #[expect(clippy::manual_clamp, reason = "clamp keeps not-a-number")]
            let rate = rate.max(MIN_PER_SECOND).min(MAX_PER_SECOND);
            let count = rate.floor().max(1.0);
            (count, Duration::from_secs_f64(count / rate))
        });
        // Between 1 and `MAX_PER_SECOND`.
        Self { count: count as usize, span, counted: VecDeque::new() }
    }

    /// Counts a request at `now`, unless the window that ends there is full: then `false`, and
    /// nothing changes. An instant before the latest counted one is taken for that one.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let now = self.counted.back().map_or(now, |&latest| now.max(latest));
        if self.counted.len() == self.count {
            let oldest = self.counted.front().copied().unwrap_or(now);
            if now.duration_since(oldest) < self.span {
                return false;
            }
            self.counted.pop_front();
        }
        self.counted.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn fractions_fit_the_window_to_whole_requests() {
        let start = Instant::now();
        let mut half = SlidingWindow::new(Rate::PerSecond(0.5));
        assert!(half.admit(start));
        assert!(!half.admit(start + ms(1999)));
        assert!(half.admit(start + ms(2000)));
        let mut odd = SlidingWindow::new(Rate::PerSecond(2.5));
        assert!((0..2).all(|_| odd.admit(start)));
        assert!(!odd.admit(start + ms(799)));
        assert!(odd.admit(start + ms(800)));
    }

    #[test]
    fn absurd_rates_are_bounded_and_unlimited_is_not() {
        let start = Instant::now();
        let mut unlimited = SlidingWindow::new(Rate::Unlimited);
        assert!((0..10_000).all(|_| unlimited.admit(start)));
        for rate in [0.0, -1.0] {
            let mut slowest = SlidingWindow::new(Rate::PerSecond(rate));
            assert!(slowest.admit(start));
            assert!(!slowest.admit(start + ms(86_399_000)));
        }
        assert!(SlidingWindow::new(Rate::PerSecond(f64::INFINITY)).admit(start));
    }

    proptest! {
        /// Agrees with the definition, over all requests ever made: none is counted too early, and
        /// none is rejected while there is room.
        #[test]
        fn any_window_holds_at_most_the_limit_and_room_is_used(
            rate in 1u32..8,
            gaps in prop::collection::vec(0u64..700, 1..200),
        ) {
            let start = Instant::now();
            let mut limiter = SlidingWindow::new(Rate::PerSecond(f64::from(rate)));
            let (mut at, mut counted) = (0, Vec::new());
            for gap in gaps {
                at += gap;
                let in_window = counted.iter().filter(|&&then| at - then < 1000).count();
                let admitted = limiter.admit(start + ms(at));
                prop_assert_eq!(admitted, in_window < rate as usize, "at {} ms", at);
                if admitted {
                    counted.push(at);
                }
            }
        }
    }
}
