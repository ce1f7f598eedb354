//! Requests a second over the last ones, for the progress display. The window holds at least 30
//! requests and at least ten seconds, so that it fits slow and fast runs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The window keeps at least this many requests.
const MIN_REQUESTS: u64 = 30;
/// The window keeps at least this much time.
const MIN_LENGTH: Duration = Duration::from_secs(10);
/// Requests within this time share a bucket, which bounds the memory.
const BUCKET: Duration = Duration::from_millis(250);
/// Fewer requests give no rate.
const MIN_FOR_RATE: u64 = 3;

/// Counts requests in a sliding window.
#[derive(Debug, Default)]
pub(super) struct RequestRate {
    /// For each bucket, when its first request ended and how many it holds.
    buckets: VecDeque<(Instant, u64)>,
    total: u64,
    last: Option<Instant>,
}

impl RequestRate {
    /// Counts a request that ended at `at`.
    pub(super) fn add(&mut self, at: Instant) {
        self.total += 1;
        self.last = Some(at);
        match self.buckets.back_mut() {
            Some((first, count)) if at.saturating_duration_since(*first) < BUCKET => *count += 1,
            _ => self.buckets.push_back((at, 1)),
        }
        while let (Some((_, oldest)), Some((next, _))) = (self.buckets.front(), self.buckets.get(1))
            && self.total - oldest >= MIN_REQUESTS
            && at.saturating_duration_since(*next) >= MIN_LENGTH
        {
            self.total -= oldest;
            self.buckets.pop_front();
        }
    }

    /// Requests a second, if there are enough of them.
    pub(super) fn per_second(&self, now: Instant) -> Option<f64> {
        let ((first, _), last) = (self.buckets.front()?, self.last?);
        if self.total < MIN_FOR_RATE {
            return None;
        }
        // Between n requests lie n − 1 intervals.
        let intervals = (self.total - 1) as f64;
        let busy = last.saturating_duration_since(*first);
        let silence = now.saturating_duration_since(last);
        // Silence counts only when it is longer than the usual interval.
        let usual = busy.div_f64(intervals) + BUCKET;
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
            assert!(rate.buckets.len() < 100, "{}", rate.buckets.len());
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
