//! Numbers, durations and counted words in Brazilian Portuguese. Not whole messages.

use std::time::Duration;

/// `1.234.567`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(".")
}

/// `2,97`.
pub fn decimal(x: f64) -> String {
    format!("{x:.2}").replace('.', ",")
}

/// `9 h 16 min`, `4 min 10 s`, `5 min`, `12 s`, `0,3 s`: two units at most.
pub fn duration_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
    match (hours, minutes) {
        (0, 0) if seconds < 10 && duration.subsec_nanos() > 0 => {
            format!("{} s", format!("{:.1}", duration.as_secs_f64()).replace('.', ","))
        }
        (0, 0) => format!("{seconds} s"),
        (0, _) if seconds.is_multiple_of(60) => format!("{minutes} min"),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        (_, _) => format!("{} h {minutes} min", number(hours)),
    }
}

/// The local time of a second since 1970: `02:10`, and `02:10 de 26/11/2026` on another day.
pub fn local_time(second: u32) -> String {
    let zone = jiff::tz::TimeZone::system();
    let at = zone.to_datetime(jiff::Timestamp::from_second(second.into()).unwrap_or_default());
    let is_today = at.date() == zone.to_datetime(jiff::Timestamp::now()).date();
    at.strftime(if is_today { "%H:%M" } else { "%H:%M de %d/%m/%Y" }).to_string()
}

/// `1 linha`, `2 linhas`: the count with the word in the right number.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// A text of the API or the system for the middle of a sentence: without its final punctuation.
pub fn within(text: &str) -> &str {
    let words = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '…'));
    if words.is_empty() { text } else { words }
}

/// The text with a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1.234.567");
        assert_eq!(decimal(2.966), "2,97");
        for (ms, words) in [
            (300, "0,3 s"),
            (1_500, "1,5 s"),
            (2_000, "2 s"),
            (12_000, "12 s"),
            (250_000, "4 min 10 s"),
            (300_000, "5 min"),
            (33_360_000, "9 h 16 min"),
        ] {
            assert_eq!(duration_words(Duration::from_millis(ms)), words);
        }
        for (said, words) in
            [("Erro.", "Erro"), ("É a v. 1.2… ", "É a v. 1.2"), ("Não!", "Não!"), ("...", "...")]
        {
            assert_eq!(within(said), words);
        }
        assert_eq!(counted(1, "linha", "linhas"), "1 linha");
        assert_eq!(counted(2000, "linha", "linhas"), "2.000 linhas");
    }
}
