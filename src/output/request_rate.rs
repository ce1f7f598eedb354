//! Requests a second over the last ones, for the progress display. The window fits slow and fast runs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The window keeps at least this many requests.
const MIN_REQUESTS: usize = 30;
/// The window keeps at least this much time, unless it holds `MAX_REQUESTS`.
const MIN_LENGTH: Duration = Duration::from_secs(10);
/// Bounds the memory: 256 KiB.
const MAX_REQUESTS: usize = 16_384;
/// Fewer requests give no rate.
const MIN_FOR_RATE: usize = 3;

/// The ends of the last requests.
#[derive(Debug, Default)]
pub(super) struct RequestRate(VecDeque<Instant>);

impl RequestRate {
    /// Counts a request that ended at `at`.
    pub(super) fn add(&mut self, at: Instant) {
        self.0.push_back(at);
        while self.0.len() > MIN_REQUESTS
            && (self.0.len() > MAX_REQUESTS
                || at.saturating_duration_since(self.0[1]) >= MIN_LENGTH)
        {
            self.0.pop_front();
        }
    }

    /// Requests a second, if there are enough of them.
    pub(super) fn per_second(&self, now: Instant) -> Option<f64> {
        let (first, last) = (*self.0.front()?, *self.0.back()?);
        if self.0.len() < MIN_FOR_RATE {
            return None;
        }
        // Between n requests lie n − 1 intervals.
        let intervals = (self.0.len() - 1) as f64;
        let busy = last.saturating_duration_since(first);
        let silence = now.saturating_duration_since(last);
        // Silence counts only when it is longer than the usual interval.
        let usual = busy.div_f64(intervals) + Duration::from_millis(250);
        let span = if silence > usual { busy + silence } else { busy };
        (span > Duration::from_millis(200)).then(|| intervals / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_right_from_slow_to_fast() {
        for per_second in [0.2, 3.0, 20.0, 500.0, 20_000.0] {
            let start = Instant::now();
            let mut rate = RequestRate::default();
            let requests = (per_second * 30.0_f64).max(60.0) as u32;
            let at = |n: u32| start + Duration::from_secs_f64(f64::from(n) / per_second);
            (0..requests).for_each(|n| rate.add(at(n)));
            let now = at(requests - 1) + Duration::from_millis(90);
            let measured = rate.per_second(now).unwrap();
            assert!((measured / per_second - 1.0).abs() < 0.03, "{measured} of {per_second}");
            assert!(rate.0.len() <= MAX_REQUESTS, "{}", rate.0.len());
        }
    }

    #[test]
    fn silence_lowers_the_rate_and_few_requests_give_none() {
        let start = Instant::now();
        let mut rate = RequestRate::default();
        assert_eq!(rate.per_second(start), None);
        (0..60).for_each(|n| rate.add(start + Duration::from_millis(n * 333)));
        let measured = rate.per_second(start + Duration::from_secs(40)).unwrap();
        assert!(measured < 1.5, "{measured}");
    }
}
