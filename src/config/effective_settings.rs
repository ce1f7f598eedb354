//! What was set, as the summary and the report show it: under the flags' names, in the flags' own
//! spelling. The token and where it lies are not among it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::settings::{CONCURRENCY, GIVE_UP_AFTER, LedgerChoice, Mode, TIMEOUT};
use crate::cli::{MaxErrors, RunArgs};
use crate::mapping::Key;
use crate::output::{Destination, ResultsDialect};
use crate::scheduler::Rate;

/// The settings of a run; `null`, `false` and empty lists are what was not set.
pub fn settings(
    args: &RunArgs,
    mode: &Mode,
    ledger: &LedgerChoice,
    [results, rejects]: [&Destination; 2],
) -> Map<String, Value> {
    let base_url = match mode {
        Mode::Sandbox => Value::Null,
        Mode::Check { base_url, .. } | Mode::Real { base_url, .. } => base_url.as_str().into(),
    };
    let ledger = match ledger {
        LedgerChoice::At { path, .. } => path.display().to_string().into(),
        LedgerChoice::None | LedgerChoice::Declined { .. } => Value::Null,
    };
    let map: Map<String, Value> =
        args.map.iter().map(|(from, to)| (from.clone(), to.clone().into())).collect();
    let set: Vec<String> = args.set.iter().map(|(to, value)| format!("{to}={value}")).collect();
    let value = json!({
        "sandbox": args.sandbox,
        "base-url": base_url,
        "account": args.account,
        "rate": rate(args.rate.unwrap_or(Rate::DEFAULT)),
        "concurrency": args.concurrency.unwrap_or(CONCURRENCY),
        "timeout": duration(args.timeout.unwrap_or(TIMEOUT)),
        "limit": args.limit,
        "max-errors": args.max_errors.map(max_errors),
        "max-duration": args.max_duration.map(duration),
        "give-up-after": duration(args.give_up_after.unwrap_or(GIVE_UP_AFTER)),
        "no-breaker": args.no_breaker,
        "ledger": ledger,
        "no-ledger": args.no_ledger,
        "full": args.full,
        "max-age": args.max_age.map(duration),
        "key": args.key.map(Key::as_str),
        "id-type": args.id_type.map(|id_type| id_type.as_str()),
        "map": map,
        "set": set,
        "ignore": args.ignore,
        "strict": args.strict,
        "send-empty": args.send_empty,
        "clear-marker": args.clear_marker,
        "no-trim": args.no_trim,
        "require": args.require,
        "delimiter": args.delimiter.map(delimiter),
        "encoding": args.encoding.map(|encoding| encoding.to_string()),
        "results": results.label(),
        "results-dialect": match args.results_dialect.unwrap_or_default() {
            ResultsDialect::Standard => "standard",
            ResultsDialect::Excel => "excel",
        },
        "rejects": rejects.label(),
    });
    match value {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

fn rate(rate: Rate) -> Value {
    match rate.per_second() {
        None => "unlimited".into(),
        Some(rate) if rate.fract() == 0.0 => (rate as u64).into(),
        Some(rate) => rate.into(),
    }
}

fn max_errors(most: MaxErrors) -> Value {
    match most {
        MaxErrors::Rows(rows) => rows.into(),
        MaxErrors::Percent(percent) => format!("{percent}%").into(),
    }
}

fn delimiter(byte: u8) -> String {
    match byte {
        b'\t' => "tab".to_owned(),
        byte => char::from(byte).to_string(),
    }
}

/// In the biggest unit that gives a whole number, as the flags take it.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if duration.subsec_nanos() > 0 => format!("{}ms", duration.as_millis()),
        0 => "0s".to_owned(),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse_duration;

    #[test]
    fn durations_are_spelled_as_the_flags_take_them() {
        for (seconds, text) in [(90, "90s"), (300, "5m"), (21_600, "6h"), (2_592_000, "30d")] {
            let value = Duration::from_secs(seconds);
            assert_eq!(duration(value), text);
            assert_eq!(parse_duration(text).unwrap(), value);
        }
    }
}
