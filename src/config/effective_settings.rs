//! The settings as the summary and the report show them: under the options' names, in the options'
//! own notation. The token and its file are not among them.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::settings::{LedgerChoice, Remote, Settings};
use crate::cli::MaxErrors;
use crate::input::HiddenRows;
use crate::mapping::Key;
use crate::output::ResultsDialect;
use crate::scheduler::Rate;

/// The settings of a run; `null`, `false` and empty lists are what was not set.
pub fn effective_settings(settings: &Settings) -> Map<String, Value> {
    let base_url = match &settings.remote {
        Remote::Sandbox => Value::Null,
        Remote::Server { base_url, .. } => base_url.as_str().into(),
    };
    let ledger = match &settings.ledger {
        LedgerChoice::At(path) => path.to_string_lossy().into(),
        LedgerChoice::None | LedgerChoice::Declined => Value::Null,
    };
    let mapping = &settings.mapping;
    let map: Map<String, Value> =
        mapping.map.iter().map(|(from, to)| (from.clone(), to.clone().into())).collect();
    let set: Vec<String> = mapping.set.iter().map(|(to, value)| format!("{to}={value}")).collect();
    let value = json!({
        "sandbox": matches!(settings.remote, Remote::Sandbox),
        "base-url": base_url,
        "account": settings.account,
        "api": settings.api.as_str(),
        "rate": rate(settings.rate),
        "concurrency": settings.concurrency,
        "timeout": duration(settings.timeout),
        "limit": settings.limit,
        "max-errors": settings.max_errors.map(max_errors),
        "ok-with": settings.ok_with.map(max_errors),
        "max-duration": settings.max_duration.map(duration),
        "give-up-after": duration(settings.give_up_after),
        "no-breaker": !settings.breaker,
        "verify": settings.verify,
        "settle-wait": duration(settings.settle_wait),
        "ledger": ledger,
        "no-ledger": settings.no_ledger,
        "full": settings.policy.full,
        "max-age": settings.policy.max_age.map(duration),
        "key": mapping.key.map(Key::as_str),
        "id-type": mapping.id_type.map(|id_type| id_type.as_str()),
        "map": map,
        "set": set,
        "ignore": mapping.ignore,
        "strict": mapping.strict,
        "send-empty": mapping.send_empty,
        "clear-marker": mapping.clear_marker,
        "null": mapping.null,
        "allow": mapping.allow,
        "no-trim": mapping.no_trim,
        "require": mapping.require,
        "delimiter": settings.read.delimiter.map(delimiter),
        "encoding": settings.read.encoding.map(|encoding| encoding.to_string()),
        "skip-lines": settings.read.skip_lines,
        "sheet": settings.read.sheet,
        "hidden": settings.read.hidden.map(HiddenRows::name),
        "results": settings.results.label(),
        "results-dialect": match settings.results_dialect {
            ResultsDialect::Standard => "standard",
            ResultsDialect::Excel => "excel",
        },
        "rejects": settings.rejects.label(),
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

/// In the largest unit that gives a whole number, as the options take it.
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
    fn durations_are_written_as_the_options_take_them() {
        for (seconds, text) in [(90, "90s"), (300, "5m"), (21_600, "6h"), (2_592_000, "30d")] {
            let value = Duration::from_secs(seconds);
            assert_eq!(duration(value), text);
            assert_eq!(parse_duration(text).unwrap(), value);
        }
    }
}
