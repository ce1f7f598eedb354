//! The account's limit: at most so many counted requests in any window of time, wherever the window
//! begins. A sliding window is the stricter of the two readings that the documentation allows.
//!
//! Pure: instants are handed in. A rejected request does not count.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::scheduler::Rate;

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
    /// window to them: 2.5 is 2 requests in any 0.8 s, 0.5 is 1 in any 2 s.
    pub(super) fn new(rate: Rate) -> Self {
        let (count, span) = rate.per_second().map_or((1.0, Duration::ZERO), |rate| {
            let count = rate.floor().max(1.0);
            (count, Duration::try_from_secs_f64(count / rate).unwrap_or(Duration::MAX))
        });
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
