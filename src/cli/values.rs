//! Parsers of option values. Each error is a Portuguese sentence without the option's name, which
//! [`super::explain`] adds.

use std::time::Duration;

use crate::api::ApiVersion;
use crate::output::{LogFormat, ResultsDialect};
use crate::scheduler::Rate;

/// The largest `--concurrency`.
const MAX_CONCURRENCY: usize = 512;
/// The largest `--verify`: accepted rows wait in the window of 1 024 rows until they have been read.
const MAX_VERIFY: usize = 1000;
/// The longest duration that is accepted: ten years.
const MAX_DURATION: Duration = Duration::from_secs(10 * 366 * 86_400);

/// `--max-errors` and `--ok-with`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// This many rows.
    Rows(u64),
    /// This part of all rows, in per cent.
    Percent(f64),
}

impl MaxErrors {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let bad = || "use um número de linhas (100) ou uma porcentagem (5%)".to_owned();
        match text.trim().strip_suffix('%') {
            None => text.trim().parse().map(Self::Rows).map_err(|_| bad()),
            Some(percent) => percent
                .trim()
                .replace(',', ".")
                .parse::<f64>()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent)
                .ok_or_else(bad),
        }
    }

    /// The rows with errors that are tolerated in a file of `rows`.
    pub fn resolve(self, rows: u64) -> u64 {
        match self {
            Self::Rows(most) => most,
            Self::Percent(percent) => (rows as f64 * percent / 100.0).floor() as u64,
        }
    }
}

/// Reads `90s`, `15m`, `6h`, `30d`, `500ms`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" | "s" => Some(Duration::from_secs(1)),
        "ms" => Some(Duration::from_millis(1)),
        "m" | "min" => Some(Duration::from_secs(60)),
        "h" => Some(Duration::from_secs(3600)),
        "d" => Some(Duration::from_secs(86_400)),
        _ => None,
    };
    // In whole numbers, so that a duration is exactly what was written.
    unit.zip(number.parse::<u32>().ok())
        .and_then(|(unit, number)| unit.checked_mul(number))
        .filter(|total| *total <= MAX_DURATION)
        .ok_or_else(|| "escreva uma duração como 90s, 15m, 6h ou 30d".to_owned())
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("a duração precisa ser maior que zero".to_owned()),
        duration => Ok(duration),
    }
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    if text.eq_ignore_ascii_case("unlimited") {
        return Ok(Rate::Unlimited);
    }
    text.replace(',', ".")
        .parse::<f64>()
        .ok()
        .filter(|rate| (0.001..=100_000.0).contains(rate))
        .map(Rate::PerSecond)
        .ok_or_else(|| {
            "use requisições por segundo, de 0,001 a 100000 (3 é o limite da conta), ou unlimited"
                .to_owned()
        })
}

pub(super) fn concurrency(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=MAX_CONCURRENCY).contains(n))
        .ok_or_else(|| format!("use um número de 1 a {MAX_CONCURRENCY}"))
}

pub(super) fn verified_rows(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| *n <= MAX_VERIFY)
        .ok_or_else(|| format!("use um número de 0 a {MAX_VERIFY}"))
}

/// How often `-v` counts as given: once for `true`, else the number.
pub fn verbosity(text: &str) -> Result<u8, String> {
    match text {
        "true" => Ok(1),
        "false" => Ok(0),
        _ => text.parse().map_err(|_| "use um número (1 é -v, 2 é -vv)".to_owned()),
    }
}

pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "use um número inteiro".to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "use um número de 0 a 65535".to_owned())
}

pub(super) fn api_version(text: &str) -> Result<ApiVersion, String> {
    one_of([("v1", ApiVersion::V1), ("v2", ApiVersion::V2)], text)
}

pub(super) fn results_dialect(text: &str) -> Result<ResultsDialect, String> {
    one_of([("standard", ResultsDialect::Standard), ("excel", ResultsDialect::Excel)], text)
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    one_of([("text", LogFormat::Text), ("json", LogFormat::Json)], text)
}

fn one_of<T>(choices: [(&str, T); 2], text: &str) -> Result<T, String> {
    let [(one, _), (other, _)] = &choices;
    let words = format!("use {one} ou {other}");
    choices.into_iter().find(|(name, _)| *name == text).map(|(_, value)| value).ok_or(words)
}

pub(super) fn shell(text: &str) -> Result<clap_complete::Shell, String> {
    text.parse().map_err(|_| "use bash, zsh, fish, elvish ou powershell".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is refused, and with which words, is tested in tests/e2e/messages.rs.
    #[test]
    fn values_in_every_notation() {
        // A float would be a nanosecond short.
        let exact = Duration::from_millis(4_194_458_435);
        assert_eq!(parse_duration("4194458435ms"), Ok(exact));
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(2_592_000)));
        assert_eq!(rate("2,5"), Ok(Rate::PerSecond(2.5)));
        assert_eq!(rate("Unlimited"), Ok(Rate::Unlimited));
        assert_eq!(MaxErrors::parse("10"), Ok(MaxErrors::Rows(10)));
        assert_eq!(MaxErrors::parse("2,5%").map(|m| m.resolve(1000)), Ok(25));
        for (text, times) in [("0", 0), ("2", 2), ("true", 1), ("false", 0), ("12", 12)] {
            assert_eq!(verbosity(text), Ok(times));
        }
    }
}
