//! Counts by interval of time, for any length of time in bounded memory. Knows nothing of what is
//! counted.

use std::collections::BTreeMap;

/// Intervals kept at a time: five hours by the second, two weeks by the minute.
const MAX_KEPT: usize = 20_160;
/// Seconds of the intervals kept, each a multiple of the one before: when there are too many, they
/// are merged into the next width.
const WIDTHS: [i64; 6] = [1, 10, 60, 600, 86_400, 8_640_000];
/// Seconds of the intervals shown: widths that people expect.
const SHOWN_WIDTHS: [i64; 14] =
    [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

/// Intervals of at least this many seconds begin at round times. Shorter ones begin at the first
/// count, so that a short run does not begin with a half-empty interval.
const ROUND: i64 = 60;

#[derive(Debug, Default)]
pub struct Timeline {
    level: usize,
    counts: BTreeMap<i64, u64>,
}

/// Counts in intervals of one width, without gaps.
#[derive(Debug, PartialEq, Eq)]
pub struct Series {
    /// Where the first interval begins, in seconds of the Unix epoch (or since the start).
    pub start: i64,
    pub width: i64,
    pub counts: Vec<u64>,
}

impl Timeline {
    pub fn add(&mut self, second: i64, n: u64) {
        *self.counts.entry(second.div_euclid(WIDTHS[self.level])).or_default() += n;
        while self.counts.len() > MAX_KEPT && self.level + 1 < WIDTHS.len() {
            let factor = WIDTHS[self.level + 1] / WIDTHS[self.level];
            self.level += 1;
            for (key, n) in std::mem::take(&mut self.counts) {
                *self.counts.entry(key.div_euclid(factor)).or_default() += n;
            }
        }
    }

    /// At most `most` intervals (but at least two) of at least `least` seconds, from the first to the
    /// last count; `None` when nothing was counted.
    pub fn series(&self, most: usize, least: i64) -> Option<Series> {
        let kept = WIDTHS[self.level];
        let first = self.counts.first_key_value()?.0 * kept;
        let last = self.counts.last_key_value()?.0 * kept;
        let shift = |width: i64| if width < ROUND { first.rem_euclid(width) } else { 0 };
        let place = |second: i64, width: i64| (second - shift(width)).div_euclid(width);
        let span = |width: i64| place(last, width) - place(first, width) + 1;
        let most = i64::try_from(most.max(2)).unwrap_or(i64::MAX);
        // Beyond a day, any number of days.
        let width = SHOWN_WIDTHS
            .into_iter()
            .find(|width| *width >= least && width % kept == 0 && span(*width) <= most)
            .unwrap_or_else(|| {
                let day = kept.max(86_400);
                let mut days = ((last - first) / day / most).max(1);
                while span(days * day) > most {
                    days += 1;
                }
                days * day
            });
        let base = place(first, width);
        let length = usize::try_from(span(width)).unwrap_or(1);
        let mut counts = vec![0; length];
        for (key, n) in &self.counts {
            let at = place(key * kept, width) - base;
            if let Some(count) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at)) {
                *count += n;
            }
        }
        Some(Series { start: base * width + shift(width), width, counts })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn intervals_are_as_fine_as_fits_and_have_no_gaps() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.series(100, 10), None);
        for second in [5, 12, 19, 45] {
            timeline.add(second, 1);
        }
        let fine = Series { start: 5, width: 10, counts: vec![2, 1, 0, 0, 1] };
        assert_eq!(timeline.series(100, 10), Some(fine));
        let coarse = Series { start: 0, width: 60, counts: vec![4] };
        assert_eq!(timeline.series(100, 60), Some(coarse));
    }

    #[test]
    fn a_month_of_sending_stays_small() {
        let mut timeline = Timeline::default();
        for minute in 0..60 * 24 * 30 {
            for part in 0..6 {
                timeline.add(minute * 60 + part * 10, 30);
            }
        }
        assert!(timeline.counts.len() <= MAX_KEPT);
        let series = timeline.series(150, 10).unwrap();
        assert!(series.counts.len() <= 150);
        assert_eq!(series.counts.iter().sum::<u64>(), 60 * 24 * 30 * 180);
    }

    proptest! {
        #[test]
        fn no_count_is_lost_whatever_the_times(
            seconds in prop::collection::vec(-377_705_023_201i64..=253_402_207_200, 1..80),
            most in 1usize..200,
        ) {
            let mut timeline = Timeline::default();
            for second in &seconds {
                timeline.add(*second, 1);
            }
            let series = timeline.series(most, 10).unwrap();
            prop_assert_eq!(series.counts.iter().sum::<u64>(), seconds.len() as u64);
            prop_assert!(series.counts.len() <= most.max(2));
        }
    }
}
