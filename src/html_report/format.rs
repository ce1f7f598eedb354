//! Numbers, durations and times as Brazilians write them, for the page and its charts. What the
//! terminal shares is in [`crate::locale`].

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::locale::format::number;

/// `1.234,5`: one decimal below a hundred, none above.
pub fn amount(x: f64) -> String {
    let tenths = (x.abs() * 10.0).round() as u64;
    let sign = if x < 0.0 && tenths > 0 { "−" } else { "" };
    match (tenths / 10, tenths % 10) {
        (whole, tenth) if tenth > 0 && whole < 100 => format!("{sign}{},{tenth}", number(whole)),
        _ => format!("{sign}{}", number(x.abs().round() as u64)),
    }
}

/// `0,5 %`, `12 %`: a part of a whole. `0 %` and `100 %` are exact.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if part > 0 && percent < 0.1 {
        return "< 0,1 %".to_owned();
    }
    if part < whole && percent > 99.9 {
        return "> 99,9 %".to_owned();
    }
    format!("{} %", amount(percent))
}

/// `182 ms`, `1,2 s`.
pub fn millis(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{} s", amount(ms as f64 / 1_000.0)) }
}

/// An interval that is a round number of seconds, minutes, hours or days: `10 s`, `5 min`.
pub fn interval(seconds: i64) -> String {
    match seconds {
        s if s % 86_400 == 0 && s > 0 => match s / 86_400 {
            1 => "1 dia".to_owned(),
            days => format!("{days} dias"),
        },
        s if s % 3_600 == 0 && s > 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 && s > 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// Formats times of one time zone.
#[derive(Debug, Clone)]
pub struct Clock(pub TimeZone);

impl Clock {
    pub fn system() -> Self {
        Self(TimeZone::system())
    }

    /// `24/11/2026 04:05:06`.
    pub fn moment(&self, at: Timestamp) -> String {
        self.format(at, "%d/%m/%Y %H:%M:%S")
    }

    /// `last` as the end of a span that begins with `first`: without the date where it is the same.
    pub fn until(&self, first: Timestamp, last: Timestamp) -> String {
        let [from, to] = [first, last].map(|at| self.moment(at));
        let same_day = from.split_once(' ').zip(to.split_once(' '));
        same_day.filter(|(from, to)| from.0 == to.0).map_or(to.clone(), |(_, to)| to.1.to_owned())
    }

    pub fn format(&self, at: Timestamp, pattern: &str) -> String {
        self.0.to_datetime(at).strftime(pattern).to_string()
    }

    /// The offset from UTC in seconds at `second`.
    pub fn offset(&self, second: i64) -> i64 {
        let at = Timestamp::from_second(second).unwrap_or_default();
        i64::from(self.0.to_offset(at).seconds())
    }

    /// `America/Sao_Paulo (UTC−3)`, `UTC`.
    pub fn zone(&self, at: Timestamp) -> String {
        let seconds = self.offset(at.as_second());
        let (hours, minutes) = (seconds.abs() / 3_600, seconds.abs() % 3_600 / 60);
        let sign = if seconds < 0 { '−' } else { '+' };
        let offset = match (hours, minutes) {
            (0, 0) => "UTC".to_owned(),
            (_, 0) => format!("UTC{sign}{hours}"),
            _ => format!("UTC{sign}{hours}:{minutes:02}"),
        };
        match self.0.iana_name().filter(|name| !name.contains("UTC") && *name != "Etc/Unknown") {
            Some(name) => format!("{name}, {offset}"),
            None => offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brazilian() {
        for (x, text) in [
            (0.0, "0"),
            (2.96, "3"),
            (2.94, "2,9"),
            (99.95, "100"),
            (1_234.56, "1.235"),
            (-0.01, "0"),
            (-3.0, "−3"),
        ] {
            assert_eq!(amount(x), text);
        }
        assert_eq!(percent(1, 100_000), "< 0,1 %");
        assert_eq!(percent(99_999, 100_000), "> 99,9 %");
        assert_eq!(percent(1, 3), "33,3 %");
        assert_eq!(percent(0, 0), "–");
        assert_eq!([182, 1_234, 61_000].map(millis), ["182 ms", "1,2 s", "61 s"]);
        assert_eq!([10, 300, 7_200, 172_800].map(interval), ["10 s", "5 min", "2 h", "2 dias"]);
    }

    #[test]
    fn times_name_their_zone() {
        let at: Timestamp = "2026-11-24T04:05:06Z".parse().unwrap();
        let clock = Clock(TimeZone::get("America/Sao_Paulo").unwrap());
        assert_eq!(clock.moment(at), "24/11/2026 01:05:06");
        let later = |hours| at + jiff::SignedDuration::from_hours(hours);
        assert_eq!(clock.until(at, later(22)), "23:05:06");
        assert_eq!(clock.until(at, later(24)), "25/11/2026 01:05:06");
        assert_eq!(clock.zone(at), "America/Sao_Paulo, UTC−3");
        assert_eq!(Clock(TimeZone::UTC).zone(at), "UTC");
        let india = Clock(TimeZone::fixed(jiff::tz::offset(5)));
        assert_eq!(india.zone(at), "UTC+5");
    }
}
