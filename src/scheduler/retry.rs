//! What a reply means for its row: repeat, or final. Pure; waiting and sending happen elsewhere.

use std::time::Duration;

use crate::api::Reply;
use crate::model::Situacao;

/// Attempts for a row whose replies stay ambiguous, the first one included.
pub const MAX_ATTEMPTS: u32 = 3;
/// The first bound of the full-jitter backoff; it doubles with each ambiguous attempt.
pub const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// The largest bound of the backoff.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// What to do with a row after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// The verdict.
    Final(Situacao),
    /// Repeat as soon as requests may leave; the request was certainly not executed and does not
    /// count as an attempt.
    Requeue,
    /// Repeat after a random part of this bound (full jitter); the request may have been executed.
    Backoff(Duration),
}

/// Decides after `reply`. `ambiguous` is the number of ambiguous attempts of this row, this one
/// included. `rename` says that the row changes the identifier it is addressed by: if it was
/// executed, a repeat would meet another customer, or none.
pub fn decide(reply: Reply, ambiguous: u32, rename: bool) -> RetryDecision {
    match reply {
        Reply::Accepted => RetryDecision::Final(Situacao::Atualizado),
        Reply::Refused | Reply::Denied | Reply::Redirected => {
            RetryDecision::Final(Situacao::Recusado)
        }
        // After a bad certificate the run stops, and the row counts as not sent.
        Reply::Limited { .. } | Reply::NotSent(_) => RetryDecision::Requeue,
        Reply::Ambiguous if rename => RetryDecision::Final(Situacao::Incerto),
        Reply::Ambiguous if ambiguous >= MAX_ATTEMPTS => RetryDecision::Final(Situacao::Falhou),
        Reply::Ambiguous => RetryDecision::Backoff(backoff_bound(ambiguous)),
    }
}

/// The verdict on a row that is aborted after `ambiguous` attempts without a definite answer.
pub fn decide_aborted(ambiguous: u32, rename: bool) -> Situacao {
    match (ambiguous, rename) {
        (0, _) => Situacao::NaoEnviado,
        (_, true) => Situacao::Incerto,
        (_, false) => Situacao::Falhou,
    }
}

fn backoff_bound(ambiguous: u32) -> Duration {
    let doublings = ambiguous.saturating_sub(1).min(16);
    BACKOFF_BASE.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Cause;

    #[test]
    fn every_reply_has_its_decision() {
        use RetryDecision::{Backoff, Final, Requeue};
        let limited = Reply::Limited { retry_after: None };
        let ms = Duration::from_millis;
        for (reply, ambiguous, rename, expected) in [
            (Reply::Accepted, 0, false, Final(Situacao::Atualizado)),
            (Reply::Accepted, 2, true, Final(Situacao::Atualizado)),
            (Reply::Refused, 0, false, Final(Situacao::Recusado)),
            (Reply::Refused, 2, false, Final(Situacao::Recusado)),
            (Reply::Denied, 0, false, Final(Situacao::Recusado)),
            (Reply::Redirected, 0, false, Final(Situacao::Recusado)),
            (limited, 0, true, Requeue),
            (Reply::NotSent(Cause::Unreachable), 2, false, Requeue),
            (Reply::NotSent(Cause::BadCertificate), 0, false, Requeue),
            (Reply::Ambiguous, 1, false, Backoff(ms(500))),
            (Reply::Ambiguous, 2, false, Backoff(ms(1000))),
            (Reply::Ambiguous, 3, false, Final(Situacao::Falhou)),
            (Reply::Ambiguous, 1, true, Final(Situacao::Incerto)),
        ] {
            assert_eq!(
                decide(reply, ambiguous, rename),
                expected,
                "{reply:?} {ambiguous} {rename}"
            );
        }
    }
}
