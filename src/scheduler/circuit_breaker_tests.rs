//! What a run decides after which replies, one watcher at a time.

use super::*;

const GIVE_UP: Duration = Duration::from_secs(300);

fn attempt(reply: Reply) -> Attempt {
    let now = std::time::Instant::now();
    Attempt { reply, status: Some(200), mensagem: "m".into(), sent: now, answered: now }
}

fn health() -> Health {
    Health::new(GIVE_UP, true, None)
}

const LIMITED: Reply = Reply::Limited { retry_after: None };
const AWAY: Reply = Reply::NotSent(Cause::Unreachable);

#[test]
fn pauses_grow_once_per_pause_and_start_anew_after_a_success() {
    let start = Instant::now();
    let mut health = health();
    assert_eq!(health.replied(&attempt(LIMITED), start, start), None);
    assert_eq!(health.gate(start), SendPermission::PausedUntil(start + Duration::from_secs(1)));
    // A second 429 of the same burst changes nothing.
    health.replied(&attempt(LIMITED), start, start);
    assert_eq!(health.gate(start), SendPermission::PausedUntil(start + Duration::from_secs(1)));
    let later = start + Duration::from_secs(1);
    assert_eq!(health.gate(later), SendPermission::Open);
    health.replied(&attempt(LIMITED), later, later);
    assert_eq!(health.gate(later), SendPermission::PausedUntil(later + Duration::from_secs(2)));
    let fine = later + Duration::from_secs(2);
    health.replied(&attempt(Reply::Accepted), fine, fine);
    health.replied(&attempt(LIMITED), fine, fine);
    assert_eq!(health.gate(fine), SendPermission::PausedUntil(fine + Duration::from_secs(1)));
}

#[test]
fn retry_after_is_obeyed() {
    let start = Instant::now();
    let mut health = health();
    let asked = Some(Duration::from_secs(7));
    health.replied(&attempt(Reply::Limited { retry_after: asked }), start, start);
    assert_eq!(health.gate(start), SendPermission::PausedUntil(start + Duration::from_secs(7)));
}

#[test]
fn a_429_that_asks_for_nothing_pauses_all_the_same_and_ever_longer() {
    let start = Instant::now();
    for asked in [Duration::ZERO, Duration::from_millis(999)] {
        let mut health = health();
        let mut now = start;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let limited = Reply::Limited { retry_after: Some(asked) };
            assert_eq!(health.replied(&attempt(limited), now, now), None);
            let until = now + Duration::from_secs(seconds);
            assert_eq!(health.gate(now), SendPermission::PausedUntil(until));
            now = until;
        }
    }
}

#[test]
fn no_pause_is_longer_than_patience() {
    let start = Instant::now();
    let mut health = Health::new(Duration::from_secs(2), true, None);
    let asked = Reply::Limited { retry_after: Some(Duration::from_secs(300)) };
    assert_eq!(health.replied(&attempt(asked), start, start), None);
    let end = start + Duration::from_secs(6);
    assert_eq!(health.gate(start), SendPermission::PausedUntil(end));
    assert!(matches!(
        health.replied(&attempt(asked), end, end),
        Some(StopReason::Unavailable(why)) if why.starts_with("há 6 s ")
    ));
}

#[test]
fn between_unreadable_replies_a_429_changes_nothing() {
    let start = Instant::now();
    let mut health = health();
    for _ in 1..AMBIGUOUS_IN_A_ROW {
        health.replied(&attempt(Reply::Ambiguous), start, start);
        health.replied(&attempt(LIMITED), start, start);
    }
    let later = start + Duration::from_secs(1);
    assert_eq!(health.gate(later), SendPermission::Open);
    health.replied(&attempt(Reply::Ambiguous), later, later);
    assert!(matches!(health.gate(later), SendPermission::ProbeAt(_)));
    assert_eq!(health.gives_up_at(), Some(later + GIVE_UP));
    // While it is probed: a pause, which does not count as silence, and then one row again.
    health.replied(&attempt(LIMITED), later, later);
    let after = later + Duration::from_secs(2);
    assert_eq!(health.gate(later), SendPermission::PausedUntil(after));
    assert!(matches!(health.gate(after), SendPermission::ProbeAt(_)));
    assert_eq!(health.gives_up_at(), Some(after + GIVE_UP));
    health.replied(&attempt(Reply::Accepted), after, after);
    assert_eq!(health.gate(after), SendPermission::Open);
}

#[test]
fn the_words_of_a_stop_say_things_once_and_name_who_is_in_the_way() {
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
        let stop = health().replied(&denied(mensagem), now, now).unwrap();
        assert!(stop.to_string().contains(expected), "{stop}");
    }
    for (cause, expected) in [
        (Cause::Unreachable, "o TomTicket está fora do ar ou inacessível há 1,5 s; última"),
        (Cause::Proxy, "há 1,5 s não há caminho até o TomTicket: m"),
    ] {
        let mut health = Health::new(Duration::from_millis(1500), true, None);
        health.replied(&attempt(Reply::NotSent(cause)), now, now);
        let stop = health.gave_up(now + Duration::from_millis(1500)).unwrap();
        assert!(stop.to_string().starts_with(expected), "{stop}");
    }
}

#[test]
fn nothing_but_429_ends_the_run_after_three_times_the_patience() {
    let start = Instant::now();
    let mut health = health();
    assert_eq!(health.replied(&attempt(LIMITED), start, start), None);
    let late = start + GIVE_UP * 3;
    assert!(matches!(
        health.replied(&attempt(LIMITED), late, late),
        Some(StopReason::Unavailable(_))
    ));
    health.replied(&attempt(Reply::Refused), late, late);
    assert_eq!(health.replied(&attempt(LIMITED), late, late), None);
}

#[test]
fn an_unreachable_server_is_probed_until_patience_ends() {
    let start = Instant::now();
    let mut health = health();
    assert_eq!(health.replied(&attempt(AWAY), start, start), None);
    assert_eq!(health.gate(start), SendPermission::ProbeAt(start + Duration::from_millis(500)));
    let second = start + Duration::from_millis(500);
    health.replied(&attempt(AWAY), second, second);
    assert_eq!(health.gate(second), SendPermission::ProbeAt(second + Duration::from_secs(1)));
    // A request of before comes back late: nothing changes.
    health.replied(&attempt(AWAY), start, second);
    assert_eq!(health.gate(second), SendPermission::ProbeAt(second + Duration::from_secs(1)));
    assert_eq!(health.gave_up(start + GIVE_UP - Duration::from_millis(1)), None);
    assert!(health.gave_up(start + GIVE_UP).is_some());
    assert_eq!(health.gives_up_at(), Some(start + GIVE_UP));
    health.replied(&attempt(Reply::Refused), second, second);
    assert_eq!(health.gate(second), SendPermission::Open);
    assert_eq!(health.gives_up_at(), None);
}

#[test]
fn ten_ambiguous_replies_in_a_row_start_probing() {
    let now = Instant::now();
    let mut health = health();
    for _ in 1..AMBIGUOUS_IN_A_ROW {
        health.replied(&attempt(Reply::Ambiguous), now, now);
        assert_eq!(health.gate(now), SendPermission::Open);
    }
    health.replied(&attempt(Reply::Ambiguous), now, now);
    assert!(matches!(health.gate(now), SendPermission::ProbeAt(_)));
}

#[test]
fn denials_stop_at_once_before_any_success_and_after_five_later() {
    let now = Instant::now();
    assert!(health().replied(&attempt(Reply::Denied), now, now).is_some());
    assert!(health().replied(&attempt(Reply::Redirected), now, now).is_some());
    let mut health = health();
    health.replied(&attempt(Reply::Accepted), now, now);
    for _ in 1..DENIED_IN_A_ROW {
        assert_eq!(health.replied(&attempt(Reply::Denied), now, now), None);
    }
    health.replied(&attempt(Reply::Refused), now, now);
    for _ in 1..DENIED_IN_A_ROW {
        assert_eq!(health.replied(&attempt(Reply::Denied), now, now), None);
    }
    assert!(health.replied(&attempt(Reply::Denied), now, now).is_some());
}

#[test]
fn a_bad_certificate_stops_at_once() {
    let now = Instant::now();
    let reply = Reply::NotSent(Cause::BadCertificate);
    assert!(matches!(
        health().replied(&attempt(reply), now, now),
        Some(StopReason::BadCertificate(_))
    ));
}

#[test]
fn the_breaker_needs_twenty_alike_and_nothing_else() {
    let mut health = health();
    for sent in 0..u64::from(BREAKER_ROWS) {
        assert!(health.admits_new_rows(sent));
        assert_eq!(health.tripped(), None);
        health.settled(Situacao::Recusado, "não", true);
    }
    assert_eq!(health.tripped(), Some("não"));
    assert!(!health.admits_new_rows(20));
    health.probed();
    assert!(health.admits_new_rows(20));

    for (situacao, mensagem) in [(Situacao::Recusado, "outra"), (Situacao::Atualizado, "ok")] {
        let mut health = Health::new(GIVE_UP, true, None);
        health.settled(Situacao::Recusado, "não", true);
        health.settled(situacao, mensagem, true);
        for _ in 0..40 {
            health.settled(Situacao::Recusado, "não", true);
        }
        assert_eq!(health.tripped(), None);
        assert!(health.admits_new_rows(1000));
    }
    let mut off = Health::new(GIVE_UP, false, None);
    for _ in 0..40 {
        off.settled(Situacao::Recusado, "não", true);
    }
    assert!(off.admits_new_rows(1000));
}

#[test]
fn more_errors_than_allowed_stop_the_run() {
    let mut health = Health::new(GIVE_UP, true, Some(1));
    assert_eq!(health.settled(Situacao::Invalido, "x", false), None);
    assert_eq!(health.settled(Situacao::NaoEnviado, "x", false), None);
    assert!(matches!(health.settled(Situacao::Falhou, "x", true), Some(StopReason::MaxErrors(_))));
}
