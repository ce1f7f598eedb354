//! What a run decides after which replies, one watcher at a time.

use super::*;

const GIVE_UP: Duration = Duration::from_secs(300);
const LIMITED: Reply = Reply::Limited { retry_after: None };
const AWAY: Reply = Reply::NotSent(Cause::Unreachable);

/// A breaker and its clock: instants are milliseconds after the start.
struct Clocked {
    breaker: CircuitBreaker,
    start: Instant,
}

impl Clocked {
    fn new(give_up_after: Duration) -> Self {
        let breaker = CircuitBreaker::new(give_up_after, true, None);
        Self { breaker, start: Instant::now() }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// The text of the stop after a request of this instant that is answered at once.
    fn reply(&mut self, ms: u64, reply: Reply, mensagem: &str) -> Option<String> {
        let at = self.at(ms);
        let (status, mensagem, answered) = (Some(401), mensagem.to_owned(), at.into_std());
        let attempt = Attempt { reply, status, mensagem, answered };
        self.breaker.on_reply(&attempt, at, at).map(|reason| reason.to_string())
    }

    /// A reply that does not stop the run; gives the permission after it.
    fn goes_on(&mut self, ms: u64, reply: Reply) -> String {
        assert_eq!(self.reply(ms, reply, "m"), None, "{reply:?} at {ms}");
        self.permission(ms)
    }

    fn permission(&self, ms: u64) -> String {
        let since_start = |at: Instant| (at - self.start).as_millis();
        match self.breaker.send_permission(self.at(ms)) {
            SendPermission::Allowed => "allowed".to_owned(),
            SendPermission::PausedUntil(until) => format!("paused until {}", since_start(until)),
            SendPermission::ProbeAt(at) => format!("probe at {}", since_start(at)),
        }
    }

    fn gives_up_at(&self) -> Option<u128> {
        self.breaker.gives_up_at().map(|at| (at - self.start).as_millis())
    }
}

#[test]
fn pauses_grow_once_per_pause_and_start_anew_after_a_success() {
    let mut clocked = Clocked::new(GIVE_UP);
    assert_eq!(clocked.goes_on(0, LIMITED), "paused until 1000");
    // A second 429 of the same burst changes nothing.
    assert_eq!(clocked.goes_on(0, LIMITED), "paused until 1000");
    assert_eq!(clocked.permission(1000), "allowed");
    assert_eq!(clocked.goes_on(1000, LIMITED), "paused until 3000");
    assert_eq!(clocked.goes_on(3000, Reply::Accepted), "allowed");
    assert_eq!(clocked.goes_on(3000, LIMITED), "paused until 4000");
    // What the server asks for is obeyed.
    let asked = Some(Duration::from_secs(7));
    assert_eq!(clocked.goes_on(4000, Reply::Limited { retry_after: asked }), "paused until 11000");
}

#[test]
fn a_429_without_a_usable_retry_after_pauses_longer_each_time() {
    for asked in [0, 999].map(Duration::from_millis) {
        let mut clocked = Clocked::new(GIVE_UP);
        let mut now = 0;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            let paused = clocked.goes_on(now, Reply::Limited { retry_after: Some(asked) });
            now += pause * 1000;
            assert_eq!(paused, format!("paused until {now}"));
        }
    }
}

#[test]
fn nothing_but_429_ends_the_run_after_three_times_the_give_up_time() {
    let mut clocked = Clocked::new(Duration::from_secs(2));
    let asked = Reply::Limited { retry_after: Some(Duration::from_secs(300)) };
    // No pause outlasts giving up.
    assert_eq!(clocked.goes_on(0, asked), "paused until 6000");
    assert!(clocked.reply(6000, asked, "m").unwrap().starts_with("há 6 s "));
    clocked.goes_on(6000, Reply::Refused);
    clocked.goes_on(6000, LIMITED);
}

#[test]
fn a_429_between_unreadable_replies_changes_nothing() {
    let mut clocked = Clocked::new(GIVE_UP);
    for _ in 1..AMBIGUOUS_IN_A_ROW {
        clocked.goes_on(0, Reply::Ambiguous);
        clocked.goes_on(0, LIMITED);
    }
    assert_eq!(clocked.permission(1000), "allowed");
    assert_eq!(clocked.goes_on(1000, Reply::Ambiguous), "probe at 1500");
    assert_eq!(clocked.gives_up_at(), Some(301_000));
    // While it is probed: a pause, which does not count as silence, and then one row again.
    assert_eq!(clocked.goes_on(1000, LIMITED), "paused until 3000");
    assert_eq!(clocked.permission(3000), "probe at 1500");
    assert_eq!(clocked.gives_up_at(), Some(303_000));
    assert_eq!(clocked.goes_on(3000, Reply::Accepted), "allowed");
}

#[test]
fn an_unreachable_server_is_probed_until_the_run_gives_up() {
    let mut clocked = Clocked::new(GIVE_UP);
    assert_eq!(clocked.goes_on(0, AWAY), "probe at 500");
    assert_eq!(clocked.goes_on(500, AWAY), "probe at 1500");
    // A request of before comes back late: nothing changes.
    assert_eq!(clocked.goes_on(0, AWAY), "probe at 1500");
    assert_eq!(clocked.breaker.gave_up(clocked.at(299_999)), None);
    assert!(clocked.breaker.gave_up(clocked.at(300_000)).is_some());
    assert_eq!(clocked.gives_up_at(), Some(300_000));
    assert_eq!(clocked.goes_on(500, Reply::Refused), "allowed");
    assert_eq!(clocked.gives_up_at(), None);
}

#[test]
fn denials_stop_at_once_before_any_success_and_after_five_later() {
    assert!(Clocked::new(GIVE_UP).reply(0, Reply::Denied, "m").is_some());
    let mut clocked = Clocked::new(GIVE_UP);
    for good in [Reply::Accepted, Reply::Refused, Reply::Accepted] {
        clocked.goes_on(0, good);
        for _ in 1..DENIED_IN_A_ROW {
            clocked.goes_on(0, Reply::Denied);
        }
    }
    assert!(clocked.reply(0, Reply::Denied, "m").is_some());
}

#[test]
fn the_text_of_a_stop_names_the_status_once_and_the_proxy() {
    let away = "o TomTicket está fora do ar ou inacessível há 1,5 s; última resposta: m";
    for (reply, mensagem, expected) in [
        (Reply::Denied, "HTTP 401: acesso negado", "(HTTP 401: acesso negado)"),
        (Reply::Denied, "Token inválido.", "(HTTP 401: Token inválido)"),
        (Reply::Redirected, "m", "(HTTP 401), que nunca é seguido"),
        (Reply::NotSent(Cause::BadCertificate), "certificado vencido", "certificado vencido"),
        (AWAY, "m", away),
        (Reply::NotSent(Cause::Proxy), "m", "há 1,5 s não há caminho até o TomTicket: m"),
    ] {
        let mut clocked = Clocked::new(Duration::from_millis(1500));
        let stop = clocked
            .reply(0, reply, mensagem)
            .or_else(|| clocked.breaker.gave_up(clocked.at(1500)).map(|reason| reason.to_string()));
        assert!(stop.as_ref().is_some_and(|stop| stop.contains(expected)), "{stop:?}");
    }
}

#[test]
fn more_errors_than_allowed_stop_the_run() {
    let mut breaker = CircuitBreaker::new(GIVE_UP, true, Some(1));
    assert_eq!(breaker.on_verdict(Situacao::Invalido, "x", false), None);
    assert_eq!(breaker.on_verdict(Situacao::NaoEnviado, "x", false), None);
    let stop = breaker.on_verdict(Situacao::Falhou, "x", true).unwrap().to_string();
    assert_eq!(stop, "mais de 1 linha com erro (limite de --max-errors)");
}

/// Readings pause the run like updates, but never end it; only an answer ends the waiting.
#[test]
fn a_reading_pauses_the_run_and_an_answer_to_it_ends_the_waiting() {
    let mut clocked = Clocked::new(Duration::from_secs(2));
    let mut now = 0;
    for pause in [1, 2, 4, 6, 6] {
        let at = clocked.at(now);
        clocked.breaker.on_reading(LIMITED, false, at, at);
        now += pause * 1000;
        assert_eq!(clocked.permission(now - 1), format!("paused until {now}"));
    }
    // The time of the readings does not count against an update.
    assert_eq!(clocked.goes_on(now, LIMITED), format!("paused until {}", now + 6000));
    let mut clocked = Clocked::new(GIVE_UP);
    assert_eq!(clocked.goes_on(0, AWAY), "probe at 500");
    let at = clocked.at(0);
    clocked.breaker.on_reading(Reply::Refused, false, at, at);
    assert_eq!(clocked.permission(0), "probe at 500");
    clocked.breaker.on_reading(Reply::Accepted, true, at, at);
    assert_eq!(clocked.permission(0), "allowed");
}
