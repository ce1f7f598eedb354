//! The random delays and failures of a request, drawn together when it arrives.
//!
//! Each request takes the same number of draws whatever becomes of it. So the n-th request after the
//! start meets the same faults whenever the seed is the same, and a failure can be replayed.

use std::time::Duration;

use super::config::{DelayRange, FailureKind, Failures};

/// The faults of one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RequestFaults {
    /// The delay before the request is counted.
    pub jitter: Duration,
    /// The delay before the response.
    pub latency: Duration,
    /// The failure, if one was drawn.
    pub failure: Option<InjectedFailure>,
}

/// An injected failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InjectedFailure {
    /// What the client meets.
    pub kind: FailureKind,
    /// Whether the update is executed all the same; never so for 429.
    pub executed: bool,
}

/// Draws faults by a seed.
#[derive(Debug)]
pub(super) struct FaultInjector {
    rng: fastrand::Rng,
    jitter: DelayRange,
    latency: DelayRange,
    failures: Failures,
}

impl FaultInjector {
    pub(super) fn new(
        seed: u64,
        jitter: DelayRange,
        latency: DelayRange,
        failures: Failures,
    ) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), jitter, latency, failures }
    }

    /// The faults of the next request.
    pub(super) fn draw(&mut self) -> RequestFaults {
        let failure = self.failures.at(self.rng.f64() * 100.0);
        let executed = self.rng.bool();
        let jitter = self.jitter.at(self.rng.f64());
        let latency = self.latency.at(self.rng.f64());
        let failure = failure.map(|kind| InjectedFailure {
            kind,
            executed: executed && kind != FailureKind::Limited,
        });
        RequestFaults { jitter, latency, failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, n: usize) -> Vec<RequestFaults> {
        let shares = ["429=10", "500=10", "hang=20"].map(|share| share.parse().unwrap());
        let failures = Failures::new(shares.to_vec()).unwrap();
        let range = "10ms..30ms".parse().unwrap();
        let mut injector = FaultInjector::new(seed, range, range, failures);
        (0..n).map(|_| injector.draw()).collect()
    }

    #[test]
    fn a_seed_replays_and_another_does_not() {
        assert_eq!(draws(7, 500), draws(7, 500));
        assert_ne!(draws(7, 500), draws(8, 500));
    }

    #[test]
    fn the_draws_follow_the_shares_and_the_ranges() {
        let faults = draws(1, 10_000);
        let of = |kind| faults.iter().filter_map(|f| f.failure).filter(|f| f.kind == kind).count();
        assert!((850..1150).contains(&of(FailureKind::Limited)));
        assert!((850..1150).contains(&of(FailureKind::Status500)));
        assert!((1850..2150).contains(&of(FailureKind::Hang)));
        let executed = faults.iter().filter_map(|f| f.failure).filter(|f| f.executed);
        let executed: Vec<_> = executed.map(|f| f.kind).collect();
        assert!(!executed.contains(&FailureKind::Limited));
        assert!((1350..1650).contains(&executed.len()), "half of the others");
        let range = Duration::from_millis(10)..=Duration::from_millis(30);
        assert!(faults.iter().all(|f| range.contains(&f.jitter) && range.contains(&f.latency)));
    }
}
