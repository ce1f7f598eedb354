//! Reads `Retry-After`, which is in seconds or a date. How a pause is kept is decided in
//! [`crate::scheduler`].

use std::time::{Duration, SystemTime};

/// The longest pause that a server can ask for; a longer one is cut to this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// The pause that a header asks for, at most [`RETRY_AFTER_MAX`]; `None` where it cannot be read. A
/// date in the past is a pause of zero.
pub(super) fn parse(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds are a huge number.
        let seconds = text.parse::<u64>().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn garbage_is_nothing() {
        for bad in ["", "-1", "1.5", "soon", "Tue, 99 Nov 2026 12:00:00 GMT", "1e3"] {
            assert_eq!(parse(bad.as_bytes(), SystemTime::UNIX_EPOCH), None, "{bad}");
        }
    }

    proptest! {
        /// f60
        #[test]
        fn any_retry_after_is_a_pause_with_a_bound_or_nothing(
            bytes in prop_oneof![
                vec(any::<u8>(), 0..40),
                "[0-9]{1,40}".prop_map(String::into_bytes),
                "(Mon|Tue|Wed), [0-9]{1,2} (Jan|Feb|Foo) [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|UTC)"
                    .prop_map(String::into_bytes),
            ],
            now in 0u64..=4_102_444_800,
            ahead in -100_000i64..100_000,
        ) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
            let pause = parse(&bytes, now);
            prop_assert!(pause.is_none_or(|pause| pause <= RETRY_AFTER_MAX));
            if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
                let seconds = String::from_utf8_lossy(&bytes).parse().unwrap_or(u64::MAX);
                prop_assert_eq!(pause, Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX)));
            }
            let step = Duration::from_secs(ahead.unsigned_abs());
            let then = if ahead < 0 { now.checked_sub(step) } else { now.checked_add(step) };
            if let Some(then) = then.filter(|then| *then >= SystemTime::UNIX_EPOCH) {
                let date = httpdate::fmt_http_date(then);
                let expected = if ahead < 0 { Duration::ZERO } else { step.min(RETRY_AFTER_MAX) };
                prop_assert_eq!(parse(date.as_bytes(), now), Some(expected));
            }
        }
    }
}
