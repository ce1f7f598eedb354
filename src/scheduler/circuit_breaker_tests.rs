//! What a run decides after which replies, one watcher at a time.

use super::SendPermission::{Allowed, PausedUntil, ProbeAt};
use super::*;

const GIVE_UP: Duration = Duration::from_secs(300);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn attempt(reply: Reply) -> Attempt {
    let now = std::time::Instant::now();
    Attempt { reply, status: Some(200), mensagem: "m".into(), answered: now }
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(GIVE_UP, true, None)
}

const LIMITED: Reply = Reply::Limited { retry_after: None };
const AWAY: Reply = Reply::NotSent(Cause::Unreachable);

#[test]
fn pauses_grow_once_per_pause_and_start_anew_after_a_success() {
    let start = Instant::now();
    let mut breaker = breaker();
    assert_eq!(breaker.on_reply(&attempt(LIMITED), start, start), None);
    assert_eq!(breaker.send_permission(start), PausedUntil(start + seconds(1)));
    // A second 429 of the same burst changes nothing.
    breaker.on_reply(&attempt(LIMITED), start, start);
    assert_eq!(breaker.send_permission(start), PausedUntil(start + seconds(1)));
    let later = start + seconds(1);
    assert_eq!(breaker.send_permission(later), Allowed);
    breaker.on_reply(&attempt(LIMITED), later, later);
    assert_eq!(breaker.send_permission(later), PausedUntil(later + seconds(2)));
    let fine = later + seconds(2);
    breaker.on_reply(&attempt(Reply::Accepted), fine, fine);
    breaker.on_reply(&attempt(LIMITED), fine, fine);
    assert_eq!(breaker.send_permission(fine), PausedUntil(fine + seconds(1)));
}

#[test]
fn retry_after_is_obeyed() {
    let start = Instant::now();
    let mut breaker = breaker();
    let asked = Some(seconds(7));
    breaker.on_reply(&attempt(Reply::Limited { retry_after: asked }), start, start);
    assert_eq!(breaker.send_permission(start), PausedUntil(start + seconds(7)));
}

#[test]
fn a_429_without_a_usable_retry_after_pauses_longer_each_time() {
    let start = Instant::now();
    for asked in [Duration::ZERO, Duration::from_millis(999)] {
        let mut breaker = breaker();
        let mut now = start;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            let limited = Reply::Limited { retry_after: Some(asked) };
            assert_eq!(breaker.on_reply(&attempt(limited), now, now), None);
            let until = now + seconds(pause);
            assert_eq!(breaker.send_permission(now), PausedUntil(until));
            now = until;
        }
    }
}

#[test]
fn no_pause_outlasts_giving_up() {
    let start = Instant::now();
    let mut breaker = CircuitBreaker::new(seconds(2), true, None);
    let asked = Reply::Limited { retry_after: Some(seconds(300)) };
    assert_eq!(breaker.on_reply(&attempt(asked), start, start), None);
    let end = start + seconds(6);
    assert_eq!(breaker.send_permission(start), PausedUntil(end));
    assert!(matches!(
        breaker.on_reply(&attempt(asked), end, end),
        Some(reason @ StopReason::Temporary(_)) if reason.to_string().starts_with("há 6 s ")
    ));
}

#[test]
fn a_429_between_unreadable_replies_changes_nothing() {
    let start = Instant::now();
    let mut breaker = breaker();
    for _ in 1..AMBIGUOUS_IN_A_ROW {
        breaker.on_reply(&attempt(Reply::Ambiguous), start, start);
        breaker.on_reply(&attempt(LIMITED), start, start);
    }
    let later = start + seconds(1);
    assert_eq!(breaker.send_permission(later), Allowed);
    breaker.on_reply(&attempt(Reply::Ambiguous), later, later);
    assert!(matches!(breaker.send_permission(later), ProbeAt(_)));
    assert_eq!(breaker.gives_up_at(), Some(later + GIVE_UP));
    // While it is probed: a pause, which does not count as silence, and then one row again.
    breaker.on_reply(&attempt(LIMITED), later, later);
    let after = later + seconds(2);
    assert_eq!(breaker.send_permission(later), PausedUntil(after));
    assert!(matches!(breaker.send_permission(after), ProbeAt(_)));
    assert_eq!(breaker.gives_up_at(), Some(after + GIVE_UP));
    breaker.on_reply(&attempt(Reply::Accepted), after, after);
    assert_eq!(breaker.send_permission(after), Allowed);
}

#[test]
fn the_text_of_a_stop_names_the_status_once_and_the_proxy() {
    let now = Instant::now();
    let denied = |mensagem: &str| Attempt {
        status: Some(401),
        mensagem: mensagem.into(),
        ..attempt(Reply::Denied)
    };
    for (mensagem, expected) in [
        ("HTTP 401: acesso negado", "(HTTP 401: acesso negado)"),
        ("Token inválido.", "(HTTP 401: Token inválido)"),
    ] {
        let stop = breaker().on_reply(&denied(mensagem), now, now).unwrap();
        assert!(stop.to_string().contains(expected), "{stop}");
    }
    for (cause, expected) in [
        (Cause::Unreachable, "o TomTicket está fora do ar ou inacessível há 1,5 s; última"),
        (Cause::Proxy, "há 1,5 s não há caminho até o TomTicket: m"),
    ] {
        let mut breaker = CircuitBreaker::new(Duration::from_millis(1500), true, None);
        breaker.on_reply(&attempt(Reply::NotSent(cause)), now, now);
        let stop = breaker.gave_up(now + Duration::from_millis(1500)).unwrap();
        assert!(stop.to_string().starts_with(expected), "{stop}");
    }
}

#[test]
fn nothing_but_429_ends_the_run_after_three_times_the_give_up_time() {
    let start = Instant::now();
    let mut breaker = breaker();
    assert_eq!(breaker.on_reply(&attempt(LIMITED), start, start), None);
    let late = start + GIVE_UP * 3;
    assert!(matches!(
        breaker.on_reply(&attempt(LIMITED), late, late),
        Some(StopReason::Temporary(_))
    ));
    breaker.on_reply(&attempt(Reply::Refused), late, late);
    assert_eq!(breaker.on_reply(&attempt(LIMITED), late, late), None);
}

#[test]
fn an_unreachable_server_is_probed_until_the_run_gives_up() {
    let start = Instant::now();
    let mut breaker = breaker();
    assert_eq!(breaker.on_reply(&attempt(AWAY), start, start), None);
    assert_eq!(breaker.send_permission(start), ProbeAt(start + Duration::from_millis(500)));
    let second = start + Duration::from_millis(500);
    breaker.on_reply(&attempt(AWAY), second, second);
    assert_eq!(breaker.send_permission(second), ProbeAt(second + seconds(1)));
    // A request of before comes back late: nothing changes.
    breaker.on_reply(&attempt(AWAY), start, second);
    assert_eq!(breaker.send_permission(second), ProbeAt(second + seconds(1)));
    assert_eq!(breaker.gave_up(start + GIVE_UP - Duration::from_millis(1)), None);
    assert!(breaker.gave_up(start + GIVE_UP).is_some());
    assert_eq!(breaker.gives_up_at(), Some(start + GIVE_UP));
    breaker.on_reply(&attempt(Reply::Refused), second, second);
    assert_eq!(breaker.send_permission(second), Allowed);
    assert_eq!(breaker.gives_up_at(), None);
}

#[test]
fn ten_ambiguous_replies_in_a_row_start_probing() {
    let now = Instant::now();
    let mut breaker = breaker();
    for _ in 1..AMBIGUOUS_IN_A_ROW {
        breaker.on_reply(&attempt(Reply::Ambiguous), now, now);
        assert_eq!(breaker.send_permission(now), Allowed);
    }
    breaker.on_reply(&attempt(Reply::Ambiguous), now, now);
    assert!(matches!(breaker.send_permission(now), ProbeAt(_)));
}

#[test]
fn denials_stop_at_once_before_any_success_and_after_five_later() {
    let now = Instant::now();
    assert!(breaker().on_reply(&attempt(Reply::Denied), now, now).is_some());
    assert!(breaker().on_reply(&attempt(Reply::Redirected), now, now).is_some());
    let mut breaker = breaker();
    breaker.on_reply(&attempt(Reply::Accepted), now, now);
    for _ in 1..DENIED_IN_A_ROW {
        assert_eq!(breaker.on_reply(&attempt(Reply::Denied), now, now), None);
    }
    breaker.on_reply(&attempt(Reply::Refused), now, now);
    for _ in 1..DENIED_IN_A_ROW {
        assert_eq!(breaker.on_reply(&attempt(Reply::Denied), now, now), None);
    }
    assert!(breaker.on_reply(&attempt(Reply::Denied), now, now).is_some());
}

#[test]
fn a_bad_certificate_stops_at_once() {
    let now = Instant::now();
    let reply = Reply::NotSent(Cause::BadCertificate);
    assert!(matches!(breaker().on_reply(&attempt(reply), now, now), Some(StopReason::Refused(_))));
}

#[test]
fn the_breaker_needs_twenty_alike_and_nothing_else() {
    let mut breaker = breaker();
    for sent in 0..u64::from(BREAKER_ROWS) {
        assert!(breaker.admits_new_rows(sent));
        assert_eq!(breaker.tripped(), None);
        breaker.on_verdict(Situacao::Recusado, "não", true);
    }
    assert!(breaker.tripped().unwrap().to_string().contains("(\"não\")"));
    assert!(!breaker.admits_new_rows(20));
    breaker.on_probe_accepted();
    assert!(breaker.admits_new_rows(20));

    for (situacao, mensagem) in [(Situacao::Recusado, "outra"), (Situacao::Atualizado, "ok")] {
        let mut breaker = CircuitBreaker::new(GIVE_UP, true, None);
        breaker.on_verdict(Situacao::Recusado, "não", true);
        breaker.on_verdict(situacao, mensagem, true);
        for _ in 0..40 {
            breaker.on_verdict(Situacao::Recusado, "não", true);
        }
        assert_eq!(breaker.tripped(), None);
        assert!(breaker.admits_new_rows(1000));
    }
    let mut off = CircuitBreaker::new(GIVE_UP, false, None);
    for _ in 0..40 {
        off.on_verdict(Situacao::Recusado, "não", true);
    }
    assert!(off.admits_new_rows(1000));
}

#[test]
fn more_errors_than_allowed_stop_the_run() {
    let mut breaker = CircuitBreaker::new(GIVE_UP, true, Some(1));
    assert_eq!(breaker.on_verdict(Situacao::Invalido, "x", false), None);
    assert_eq!(breaker.on_verdict(Situacao::NaoEnviado, "x", false), None);
    assert!(matches!(
        breaker.on_verdict(Situacao::Falhou, "x", true),
        Some(StopReason::Refused(_))
    ));
}
