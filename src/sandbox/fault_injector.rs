//! Every chance that a request runs, drawn at once when it arrives.
//!
//! Each request takes the same number of draws whatever becomes of it, so that the n-th request
//! after the start meets the same fate whenever the seed is the same: a failure can be replayed.

use std::time::Duration;

use super::config::{DelayRange, FailureKind, Failures};

/// What chance has in store for one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fate {
    /// To be waited for before the request is counted.
    pub jitter: Duration,
    /// To be waited for before the answer.
    pub latency: Duration,
    /// What goes wrong, if anything does.
    pub failure: Option<Failure>,
}

/// An injected failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    /// What the client meets.
    pub kind: FailureKind,
    /// Whether the update was executed all the same; never so for 429.
    pub executed: bool,
}

/// The source of chance.
#[derive(Debug)]
pub(super) struct Dice {
    rng: fastrand::Rng,
    jitter: DelayRange,
    latency: DelayRange,
    failures: Failures,
}

impl Dice {
    pub(super) fn new(
        seed: u64,
        jitter: DelayRange,
        latency: DelayRange,
        failures: Failures,
    ) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), jitter, latency, failures }
    }

    /// The fate of the next request.
    pub(super) fn throw(&mut self) -> Fate {
        let failure = self.failures.at(self.rng.f64() * 100.0);
        let executed = self.rng.bool();
        let jitter = self.jitter.at(self.rng.f64());
        let latency = self.latency.at(self.rng.f64());
        let failure = failure
            .map(|kind| Failure { kind, executed: executed && kind != FailureKind::Limited });
        Fate { jitter, latency, failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(seed: u64) -> Dice {
        let failures =
            Failures::new(["429=10", "500=10", "hang=20"].map(|share| share.parse().unwrap()));
        let range = "10ms..30ms".parse().unwrap();
        Dice::new(seed, range, range, failures.unwrap())
    }

    fn throws(seed: u64, n: usize) -> Vec<Fate> {
        let mut dice = dice(seed);
        (0..n).map(|_| dice.throw()).collect()
    }

    #[test]
    fn a_seed_replays_and_another_does_not() {
        assert_eq!(throws(7, 500), throws(7, 500));
        assert_ne!(throws(7, 500), throws(8, 500));
    }

    #[test]
    fn the_draws_follow_the_shares_and_the_ranges() {
        let fates = throws(1, 10_000);
        let of =
            |kind| fates.iter().filter_map(|fate| fate.failure).filter(|f| f.kind == kind).count();
        assert!((850..1150).contains(&of(FailureKind::Limited)));
        assert!((850..1150).contains(&of(FailureKind::Status500)));
        assert!((1850..2150).contains(&of(FailureKind::Hang)));
        let range = Duration::from_millis(10)..=Duration::from_millis(30);
        assert!(fates.iter().all(|f| range.contains(&f.jitter) && range.contains(&f.latency)));
    }

    #[test]
    fn half_of_the_failures_are_executed_but_no_429() {
        let failures: Vec<_> = throws(1, 10_000).into_iter().filter_map(|f| f.failure).collect();
        assert!(failures.iter().all(|f| !(f.executed && f.kind == FailureKind::Limited)));
        let others: Vec<_> = failures.iter().filter(|f| f.kind != FailureKind::Limited).collect();
        let executed = others.iter().filter(|f| f.executed).count();
        assert!((0.45..0.55).contains(&(executed as f64 / others.len() as f64)));
    }
}
