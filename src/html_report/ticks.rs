//! Where the labels of an axis stand: at numbers and times that a person would choose.

use jiff::Timestamp;

use super::format::Clock;

/// Seconds between labels of a time axis.
const STEPS: [i64; 18] = [
    10, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 28_800,
    43_200, 86_400,
];

/// A label: its value on the axis, and its text.
pub type Tick = (f64, String);

/// At most `most` labels between two times in seconds, at round times of `clock`.
pub fn times(from: i64, to: i64, most: usize, clock: &Clock) -> Vec<Tick> {
    let most = i64::try_from(most.max(2)).unwrap_or(i64::MAX);
    let span = (to - from).max(1);
    let step = STEPS
        .into_iter()
        .find(|step| span / step < most)
        .unwrap_or_else(|| (span / most / 86_400 + 1) * 86_400);
    let offset = clock.offset(from);
    let first = (from + offset).div_euclid(step) + i64::from((from + offset).rem_euclid(step) != 0);
    let day = |second: i64| (second + offset).div_euclid(86_400);
    // The date stands where it changes.
    let mut told = if day(from) == day(to) { Some(day(from)) } else { None };
    (first..)
        .map(|index| index * step - offset)
        .take_while(|second| *second <= to)
        .map(|second| {
            let is_new_day = told.replace(day(second)) != Some(day(second));
            let pattern = match (step, is_new_day) {
                (86_400.., _) => "%d/%m",
                (..60, true) => "%d/%m %H:%M:%S",
                (..60, false) => "%H:%M:%S",
                (_, true) => "%d/%m %H:%M",
                (_, false) => "%H:%M",
            };
            let at = Timestamp::from_second(second).unwrap_or_default();
            (second as f64, clock.format(at, pattern))
        })
        .collect()
}

/// About `most` values from 0 to at least `max`, all whole numbers; the last is the top of the axis.
pub fn amounts(max: f64, most: u32) -> Vec<f64> {
    let rough = (max / f64::from(most.max(1))).max(1.0);
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|step| *step >= rough && step.fract() == 0.0)
        .unwrap_or(10.0 * decade);
    let count = (max / step).ceil().clamp(1.0, 100.0) as u32;
    (0..=count).map(|index| f64::from(index) * step).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn times_are_round_where_the_reader_is() {
        let clock = Clock(TimeZone::get("America/Sao_Paulo").unwrap());
        let start = "2026-11-24T04:05:06Z".parse::<Timestamp>().unwrap().as_second();
        let labels = |span: i64, most| -> Vec<String> {
            times(start, start + span, most, &clock).into_iter().map(|t| t.1).collect()
        };
        assert_eq!(labels(3_600, 5), ["01:15", "01:30", "01:45", "02:00"]);
        assert_eq!(labels(40, 5), ["01:05:10", "01:05:20", "01:05:30", "01:05:40"]);
        assert_eq!(labels(86_400 * 20, 5), ["28/11", "03/12", "08/12", "13/12"]);
        assert_eq!(labels(86_400, 3), ["24/11 12:00", "25/11 00:00"]);
        assert_eq!(labels(86_400, 4), ["24/11 08:00", "16:00", "25/11 00:00"]);
    }

    #[test]
    fn the_last_amount_is_the_top() {
        assert_eq!(amounts(180.0, 5), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert_eq!(amounts(0.0, 5), [0.0, 1.0]);
        assert_eq!(amounts(3.0, 5), [0.0, 1.0, 2.0, 3.0]);
        assert!(amounts(1e18, 5).len() <= 7);
    }
}
