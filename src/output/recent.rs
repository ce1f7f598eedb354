//! The pace of the last requests, over a window that fits slow and fast runs alike: at least 30
//! requests and at least ten seconds, as far as there are so many.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Requests of the window, at least.
const REQUESTS: u64 = 30;
/// Its length, at least.
const LENGTH: Duration = Duration::from_secs(10);
/// Requests that come within such a time are counted together, so that memory is bounded.
const TOGETHER: Duration = Duration::from_millis(250);
/// So many say something about a pace.
const ENOUGH: u64 = 3;

/// The window.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// When the first of some requests ended, and how many they are.
    stretches: VecDeque<(Instant, u64)>,
    total: u64,
    last: Option<Instant>,
}

impl Recent {
    /// A request ended.
    pub(super) fn add(&mut self, at: Instant) {
        self.total += 1;
        self.last = Some(at);
        match self.stretches.back_mut() {
            Some((first, count)) if at.saturating_duration_since(*first) < TOGETHER => *count += 1,
            _ => self.stretches.push_back((at, 1)),
        }
        while let (Some((_, oldest)), Some((next, _))) =
            (self.stretches.front(), self.stretches.get(1))
            && self.total - oldest >= REQUESTS
            && at.saturating_duration_since(*next) >= LENGTH
        {
            self.total -= oldest;
            self.stretches.pop_front();
        }
    }

    /// Requests a second, if there are enough to say.
    pub(super) fn pace(&self, now: Instant) -> Option<f64> {
        let ((first, _), last) = (self.stretches.front()?, self.last?);
        if self.total < ENOUGH {
            return None;
        }
        // Between n requests lie n − 1 intervals.
        let intervals = (self.total - 1) as f64;
        let busy = last.saturating_duration_since(*first);
        let quiet = now.saturating_duration_since(last);
        // The time since the last one counts when it is longer than the usual wait for the next.
        let usual = busy.div_f64(intervals) + TOGETHER;
        let span = if quiet > usual { busy + quiet } else { busy };
        (span > Duration::from_millis(200)).then(|| intervals / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_the_requests_whatever_it_is() {
        for per_second in [0.2, 3.0, 20.0, 500.0, 20_000.0] {
            let start = Instant::now();
            let mut recent = Recent::default();
            let requests = (per_second * 30.0_f64).max(60.0) as u32;
            let at = |n: u32| start + Duration::from_secs_f64(f64::from(n) / per_second);
            (0..requests).for_each(|n| recent.add(at(n)));
            // Shown a moment after the last.
            let now = at(requests - 1) + Duration::from_millis(90);
            let pace = recent.pace(now).unwrap();
            assert!((pace / per_second - 1.0).abs() < 0.03, "{pace} of {per_second}");
            assert!(recent.stretches.len() < 100, "{}", recent.stretches.len());
        }
    }

    #[test]
    fn silence_and_too_few_requests_show() {
        let start = Instant::now();
        let mut recent = Recent::default();
        assert_eq!(recent.pace(start), None);
        (0..60).for_each(|n| recent.add(start + Duration::from_millis(n * 333)));
        let pace = recent.pace(start + Duration::from_secs(40)).unwrap();
        assert!(pace < 1.5, "{pace}");
    }
}
