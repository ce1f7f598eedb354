//! What holds for any configuration file and any value of a flag: it is understood, or refused in
//! words.

use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cli::parse_duration;

/// Reads `run clientes.csv` with one more word. Returns the message of an error.
fn error_of(word: OsString) -> Option<String> {
    let argv = ["tomticket-sync", "run", "clientes.csv"].map(OsString::from);
    let argv: Vec<_> = argv.into_iter().chain([word]).collect();
    super::read(&argv).err().map(|error| error.to_string())
}

/// Lines as configuration files have them.
fn config_text() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        8 => select(vec![
            "rate", "limit", "timeout", "concurrency", "max-errors", "max-age", "max-duration",
            "delimiter", "encoding", "key", "id-type", "strict", "no-trim", "ignore", "require",
            "send-empty", "results", "rejects", "results-dialect", "log-format", "quiet", "full",
            "base-url", "account", "ledger", "clear-marker", "give-up-after", "no_breaker", "verify",
            "settle-wait",
        ]).prop_map(ToOwned::to_owned),
        1 => "[a-z-]{1,8}",
        1 => "\"\\PC{0,4}\"",
    ];
    let value = prop_oneof![
        6 => select(vec![
            "true", "false", "1", "-1", "2.5", "\"3\"", "\"90s\"", "\"\"", "[]", "[\"nome\"]", "[1]",
            "{}", "nan", "inf", "0x1F", "1e309", "2026-11-24", "\"I\"", "\";\"", "\"email\"", "'a'",
            "\"5%\"", "99999999999999999999", "\"https://x.y\"", "\"utf-8\"", "\"\"\"a\nb\"\"\"",
        ]).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,6}",
    ];
    let line = prop_oneof![
        8 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => select(vec!["[map]", "[set]", "[x]", "# é", "\"E-mail\" = \"email\"", "a.b = 1", "[[a]]"])
            .prop_map(ToOwned::to_owned),
        1 => "\\PC{0,20}",
        1 => "[a-z=\\[\\]\"\\n .0-9é-]{0,80}",
    ];
    vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

/// A number with a unit, written well or badly.
fn quantity() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ("[0-9]{0,12}", select(vec!["", "s", "ms", "m", "min", "h", "d", " h", "H", "%", "é"]))
            .prop_map(|(number, unit)| format!("{number}{unit}")),
        2 => "[-+]?[0-9]{0,4}[.,]?[0-9]{0,4}(e[-+]?[0-9]{1,4})?%?",
        1 => select(vec!["inf", "-inf", "NaN", "nan", "unlimited", "UNLIMITED", "infinity", "0x1"])
            .prop_map(ToOwned::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    /// f61
    #[test]
    fn any_configuration_file_is_flags_or_an_error_in_words(text in config_text()) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut word = OsString::from("--config=");
        word.push(file.path());
        prop_assert!(error_of(word).is_none_or(|error| !error.trim().is_empty()));
    }

    /// f62
    #[test]
    fn any_value_of_a_flag_is_read_or_refused_in_words(
        flag in select(vec![
            "rate", "timeout", "max-errors", "max-age", "max-duration", "give-up-after", "limit", "settle-wait",
            "concurrency", "delimiter", "encoding", "map", "set", "base-url", "id-type", "key",
        ]),
        text in quantity(),
    ) {
        if let Some(error) = error_of(format!("--{flag}={text}").into()) {
            prop_assert!(error.contains(flag), "{}", error);
        }
    }

    /// f62
    #[test]
    fn a_duration_is_what_its_unit_says_up_to_ten_years(text in quantity(), number in any::<u32>()) {
        let most = Duration::from_secs(10 * 366 * 86_400);
        prop_assert!(parse_duration(&text).map_or(true, |read| read <= most));
        for (unit, ms) in [("ms", 1u64), ("s", 1000), ("", 1000), ("m", 60_000), ("h", 3_600_000)] {
            let exact = Duration::from_millis(u64::from(number) * ms);
            let expected = (exact <= most).then_some(exact);
            prop_assert_eq!(parse_duration(&format!("{number}{unit}")).ok(), expected);
        }
    }
}
