//! Why a run ends before its last row, and the handle by which any part can ask for it.
//!
//! Stopping is a value that is passed in, not a global: the pool listens, everybody else asks.

use std::fmt;

use tokio::sync::watch;

/// Why a run ended early. Which exit code that gives is decided in [`crate::exit_code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Something on this machine failed: disk, input, ledger. Sending stops at once.
    Local(String),
    /// The server's certificate is not to be trusted.
    BadCertificate(String),
    /// 401, 403 or a redirect before any success, or several in a row.
    Denied(String),
    /// The first rows were all refused with one and the same message.
    Breaker(String),
    /// More rows failed than `--max-errors` allows.
    MaxErrors(String),
    /// SIGINT, SIGTERM or SIGHUP.
    Signal(Signal),
    /// The API was out of reach or unreadable for too long.
    Unavailable(String),
    /// `--max-duration` is over.
    MaxDuration(String),
}

/// The signals that end a run in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal went away.
    Hup,
    /// SIGINT: Ctrl-C.
    Int,
    /// SIGTERM.
    Term,
}

impl Signal {
    /// The name as people know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT (Ctrl-C)",
            Self::Term => "SIGTERM",
        }
    }
}

/// What a reason means for whoever started the run. The kinds of one rank share their exit code
/// ([`crate::exit_code::of_run`]), and of two reasons the one of the higher rank stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Run again later.
    Temporary,
    /// Somebody wanted it.
    Signal(Signal),
    /// The account or the server refuses everything.
    Refused,
    /// Something on this machine failed.
    Local,
}

impl Urgency {
    const fn rank(self) -> u8 {
        match self {
            Self::Temporary => 0,
            Self::Signal(_) => 1,
            Self::Refused => 2,
            Self::Local => 3,
        }
    }
}

impl StopReason {
    /// What this reason means.
    pub const fn urgency(&self) -> Urgency {
        match self {
            Self::Local(_) => Urgency::Local,
            Self::BadCertificate(_) | Self::Denied(_) | Self::Breaker(_) | Self::MaxErrors(_) => {
                Urgency::Refused
            }
            Self::Signal(signal) => Urgency::Signal(*signal),
            Self::Unavailable(_) | Self::MaxDuration(_) => Urgency::Temporary,
        }
    }

    /// Whether this reason stands where both hold.
    pub const fn outranks(&self, other: &Self) -> bool {
        self.urgency().rank() > other.urgency().rank()
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(why)
            | Self::BadCertificate(why)
            | Self::Denied(why)
            | Self::Breaker(why)
            | Self::MaxErrors(why)
            | Self::Unavailable(why)
            | Self::MaxDuration(why) => f.write_str(why),
            Self::Signal(signal) => write!(f, "interrompido por {}", signal.as_str()),
        }
    }
}

/// Asks a run to stop. Cloned freely.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Option<StopReason>>);

/// Hears that a run is to stop.
#[derive(Debug, Clone)]
pub struct StopListener(watch::Receiver<Option<StopReason>>);

/// A new pair; nothing has been asked for yet.
pub fn channel() -> (StopHandle, StopListener) {
    let (sender, receiver) = watch::channel(None);
    (StopHandle(sender), StopListener(receiver))
}

impl StopHandle {
    /// Asks for the stop. The first reason stands until a more urgent one comes.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_if_modified(|current| {
            let replaces = current.as_ref().is_none_or(|standing| reason.outranks(standing));
            if replaces {
                *current = Some(reason);
            }
            replaces
        });
    }

    /// The reason that stands, if any.
    pub fn reason(&self) -> Option<StopReason> {
        self.0.borrow().clone()
    }
}

impl StopListener {
    /// The reason that stands, if any.
    pub fn reason(&self) -> Option<StopReason> {
        self.0.borrow().clone()
    }

    /// Waits until a (further) reason is given. Never returns when all handles are gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stands_until_a_more_urgent_one_comes() {
        let (handle, listener) = channel();
        assert_eq!(listener.reason(), None);
        handle.stop(StopReason::Unavailable("x".into()));
        handle.stop(StopReason::Signal(Signal::Int));
        handle.stop(StopReason::MaxDuration("x".into()));
        assert_eq!(listener.reason(), Some(StopReason::Signal(Signal::Int)));
        handle.stop(StopReason::Local("disco".into()));
        handle.stop(StopReason::Local("outra".into()));
        assert_eq!(listener.reason(), Some(StopReason::Local("disco".into())));
    }
}
