//! Counts by time, for any length of time in bounded memory. Knows nothing of what is counted.

use std::collections::BTreeMap;

/// Keys kept at a time: five hours by the second, two weeks by the minute.
const MAX_KEPT: usize = 20_160;
/// Seconds of a key, each a multiple of the one before: when there are too many, they are merged into
/// the next width.
const WIDTHS: [i64; 6] = [1, 10, 60, 600, 86_400, 8_640_000];

#[derive(Debug, Default)]
pub struct Timeline {
    level: usize,
    counts: BTreeMap<i64, u64>,
}

impl Timeline {
    pub fn add(&mut self, second: i64) {
        *self.counts.entry(second.div_euclid(WIDTHS[self.level])).or_default() += 1;
        while self.counts.len() > MAX_KEPT && self.level + 1 < WIDTHS.len() {
            let factor = WIDTHS[self.level + 1] / WIDTHS[self.level];
            self.level += 1;
            for (key, n) in std::mem::take(&mut self.counts) {
                *self.counts.entry(key.div_euclid(factor)).or_default() += n;
            }
        }
    }

    /// The counts in `count` intervals, to which `place` assigns each second.
    pub fn counts(&self, count: usize, place: impl Fn(i64) -> usize) -> Vec<u64> {
        let mut counts = vec![0; count];
        for (key, n) in &self.counts {
            if let Some(count) = counts.get_mut(place(key * WIDTHS[self.level])) {
                *count += n;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_month_of_sending_stays_small() {
        let mut timeline = Timeline::default();
        for ten_seconds in 0..6 * 60 * 24 * 30 {
            timeline.add(ten_seconds * 10);
        }
        assert!(timeline.counts.len() <= MAX_KEPT);
        let day = |second: i64| (second / 86_400) as usize;
        assert_eq!(timeline.counts(30, day), [8_640; 30]);
    }

    proptest! {
        #[test]
        fn no_count_is_lost_whatever_the_times(
            seconds in prop::collection::vec(-377_705_023_201i64..=253_402_207_200, 1..80),
        ) {
            let mut timeline = Timeline::default();
            seconds.iter().for_each(|second| timeline.add(*second));
            prop_assert_eq!(timeline.counts(1, |_| 0), [seconds.len() as u64]);
        }
    }
}
