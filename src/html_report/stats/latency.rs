//! A histogram of durations in bounded memory, exact to the millisecond below a minute.

use std::collections::BTreeMap;

/// Durations below this many milliseconds are counted exactly; the default timeout of a request.
const EXACT: u64 = 60_000;
/// The most bins, not counting the one of the slow rest.
const MAX_BINS: u64 = 24;

#[derive(Debug, Default)]
pub struct Latencies {
    /// Durations by milliseconds; longer ones than [`EXACT`] count as that.
    counts: BTreeMap<u64, u64>,
    longest: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Bin {
    /// Lower bound in milliseconds, included.
    pub from: u64,
    /// Upper bound in milliseconds, excluded; `None` for the slow rest.
    pub to: Option<u64>,
    pub count: u64,
}

impl Latencies {
    pub fn add(&mut self, ms: u64) {
        *self.counts.entry(ms.min(EXACT)).or_default() += 1;
        self.longest = self.longest.max(ms);
    }

    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The longest duration in milliseconds.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// The duration in milliseconds that `percent` % did not exceed; `None` when there are none.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (self.total() * percent).div_ceil(100);
        let mut seen = 0;
        let (ms, _) = self.counts.iter().find(|(_, count)| {
            seen += *count;
            seen >= rank
        })?;
        Some(if *ms < EXACT { *ms } else { self.longest })
    }

    /// Bins of one round width that hold 99 % of the durations, and one for the rest if any.
    pub fn bins(&self) -> Vec<Bin> {
        let Some(most) = self.percentile(99) else { return Vec::new() };
        let most = most.min(EXACT - 1);
        let round = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_000];
        let width = round.into_iter().find(|width| most / width < MAX_BINS).unwrap_or(2_500);
        let end = (most / width + 1) * width;
        let mut bins: Vec<Bin> = (0..end / width)
            .map(|index| (index * width, (index + 1) * width))
            .map(|(from, to)| (from, to, self.counts.range(from..to)))
            .map(|(from, to, inside)| Bin {
                from,
                to: Some(to),
                count: inside.map(|bin| bin.1).sum(),
            })
            .collect();
        let rest = self.counts.range(end..).map(|(_, count)| count).sum();
        if rest > 0 {
            bins.push(Bin { from: end, to: None, count: rest });
        }
        bins
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_exact_and_bins_round() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(50), None);
        assert!(latencies.bins().is_empty());
        (1..=100).for_each(|ms| latencies.add(ms));
        assert_eq!([50, 95, 99].map(|p| latencies.percentile(p)), [Some(50), Some(95), Some(99)]);
        let bins = latencies.bins();
        assert_eq!(bins[0], Bin { from: 0, to: Some(5), count: 4 });
        assert_eq!(bins.last(), Some(&Bin { from: 100, to: None, count: 1 }));
    }

    proptest! {
        #[test]
        fn every_duration_is_in_one_bin(
            durations in prop::collection::vec(prop_oneof![0u64..3_000, 0u64..100_000, any::<u64>()], 1..60),
        ) {
            let mut latencies = Latencies::default();
            durations.iter().for_each(|ms| latencies.add(*ms));
            let bins = latencies.bins();
            prop_assert!(bins.len() <= MAX_BINS as usize + 1, "{}", bins.len());
            for bin in &bins {
                let inside = |ms: &&u64| **ms >= bin.from && bin.to.is_none_or(|to| **ms < to);
                prop_assert_eq!(bin.count, durations.iter().filter(inside).count() as u64);
            }
        }
    }
}
