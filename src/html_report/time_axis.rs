//! The time axis that all charts over time share: from the start of the run to its last result. So a
//! minute stands at the same place in each of them.

use jiff::Timestamp;

use super::format::Clock;
use super::stats::ResultStats;
use super::ticks::{self, Tick};
use crate::output::RunSummary;

/// The most labels. The style sheet hides every second one on narrow screens.
pub const MAX_TICKS: usize = 8;
/// The most intervals.
const MAX_INTERVALS: i64 = 150;
const DAY: i64 = 86_400;
/// Seconds of an interval: widths that people expect. Beyond a day, any number of days.
const WIDTHS: [i64; 14] =
    [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, DAY];

/// Seconds of the Unix epoch.
pub struct TimeAxis<'a> {
    start: i64,
    end: i64,
    clock: &'a Clock,
}

/// Intervals of one width from the start of the axis on, without gaps.
#[derive(Debug, PartialEq, Eq)]
pub struct Intervals {
    pub start: i64,
    pub width: i64,
    pub count: usize,
}

impl Intervals {
    /// The place of the interval that holds `second`; the nearest one for others.
    pub fn place(&self, second: i64) -> usize {
        let index = second.saturating_sub(self.start).div_euclid(self.width);
        usize::try_from(index.max(0)).unwrap_or(usize::MAX).min(self.count.saturating_sub(1))
    }

    fn second(&self, index: usize) -> i64 {
        self.start + self.width * i64::try_from(index).unwrap_or(0)
    }
}

impl<'a> TimeAxis<'a> {
    /// `None` when there are no rows.
    pub fn of(stats: &ResultStats, summary: Option<&RunSummary>, clock: &'a Clock) -> Option<Self> {
        let (first, last) = stats.span?;
        let begun: Option<Timestamp> = summary.and_then(|run| run.inicio.as_deref()?.parse().ok());
        let start = begun.map_or(first, |begun| begun.min(first)).as_second();
        // At least one interval, so that the axis has a label.
        Some(Self { start, end: (last.as_second() + 1).max(start + WIDTHS[0]), clock })
    }

    pub fn start(&self) -> i64 {
        self.start
    }

    /// The narrowest intervals of at least `least` seconds that are few enough.
    pub fn intervals(&self, least: i64) -> Intervals {
        let span = self.end - self.start;
        let fits = |width: &i64| *width >= least && span <= width * MAX_INTERVALS;
        let days = span / (DAY * MAX_INTERVALS) + 1;
        let width = WIDTHS.into_iter().find(fits).unwrap_or(days * DAY);
        let count = usize::try_from((span - 1) / width + 1).unwrap_or(1);
        Intervals { start: self.start, width, count }
    }

    pub fn range(&self) -> std::ops::Range<f64> {
        self.start as f64..self.end as f64
    }

    pub fn ticks(&self) -> Vec<Tick> {
        ticks::times(self.start, self.end, MAX_TICKS, self.clock)
    }

    /// A bar for each interval: start, end and height. The last one ends with the axis.
    pub fn bars(&self, intervals: &Intervals, heights: &[f64]) -> Vec<(f64, f64, f64)> {
        let second = |index| intervals.second(index).min(self.end) as f64;
        heights
            .iter()
            .enumerate()
            .map(|(index, height)| (second(index), second(index + 1), *height))
            .collect()
    }

    fn text(&self, second: i64) -> String {
        self.clock.moment(Timestamp::from_second(second).unwrap_or_default())
    }

    /// `de … a …`.
    pub fn in_words(&self) -> String {
        format!("de {} a {}", self.text(self.start), self.text(self.end))
    }

    /// The rows of a table: where each interval begins, and its cells.
    pub fn rows(
        &self,
        intervals: &Intervals,
        cells: impl Fn(usize) -> Vec<String>,
    ) -> Vec<Vec<String>> {
        let row = |index| [vec![self.text(intervals.second(index))], cells(index)].concat();
        (0..intervals.count).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn intervals_are_as_narrow_as_fits_and_begin_with_the_run() {
        let clock = Clock(TimeZone::UTC);
        for (span, least, width, count) in [
            (1, 10, 10, 1),
            (11, 10, 10, 2),
            (1_500, 10, 10, 150),
            (1_501, 10, 30, 51),
            (90, 60, 60, 2),
            (150 * DAY, 10, DAY, 150),
            (150 * DAY + 1, 10, 2 * DAY, 76),
            (631_000_000_000, 10, 48_689 * DAY, 150),
        ] {
            let axis = TimeAxis { start: 77, end: 77 + span, clock: &clock };
            assert_eq!(axis.intervals(least), Intervals { start: 77, width, count }, "{span}");
        }
    }

    #[test]
    fn a_second_is_in_the_interval_that_holds_it() {
        let intervals = Intervals { start: 77, width: 10, count: 3 };
        for (second, place) in [(77, 0), (86, 0), (87, 1), (0, 0), (i64::MAX, 2), (i64::MIN, 0)] {
            assert_eq!(intervals.place(second), place, "{second}");
        }
    }

    #[test]
    fn the_last_bar_ends_with_the_axis() {
        let clock = Clock(TimeZone::UTC);
        let axis = TimeAxis { start: 0, end: 90, clock: &clock };
        let bars = axis.bars(&axis.intervals(60), &[2.0, 1.0]);
        assert_eq!(bars, [(0.0, 60.0, 2.0), (60.0, 90.0, 1.0)]);
    }
}
