//! Why a run ends before its last row, and the handle by which any part asks for it. The exit code
//! of a reason is decided in [`crate::exit_code`], its text where it arises.
//!
//! A stop is a value that is passed in, not a global: the scheduler listens, every other part asks.

use std::fmt;
use std::time::Duration;

use tokio::sync::watch;

use crate::locale::format::within;

/// Why a run ended early. Displays as a text for the user. From the least to the most urgent: the
/// reasons of one variant share their exit code, and a more urgent one replaces another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Run again later: the API was out of reach for too long, or `--max-duration` is over.
    Temporary(String),
    /// The user or the system asked for it.
    Signal(Signal),
    /// The account or the server refuses everything, or too many rows failed.
    Refused(String),
    /// Something on this machine failed: disk, input, ledger. Sending stops at once.
    Local(String),
}

/// The signals that end a run in good order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal was closed.
    Hup,
    /// SIGINT: Ctrl-C.
    Int,
    /// SIGTERM.
    Term,
}

impl Signal {
    /// The name that users know.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hup if cfg!(windows) => "fechamento da janela",
            Self::Int if cfg!(windows) => "Ctrl-C",
            Self::Term if cfg!(windows) => "encerramento da sessão do Windows",
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT (Ctrl-C)",
            Self::Term => "SIGTERM",
        }
    }
}

/// The message of rows that a stop for this reason leaves unsent.
pub fn unsent_message(reason: &str) -> String {
    format!("Não enviado: {}.", within(reason))
}

impl StopReason {
    const fn urgency(&self) -> u8 {
        match self {
            Self::Temporary(_) => 0,
            Self::Signal(_) => 1,
            Self::Refused(_) => 2,
            Self::Local(_) => 3,
        }
    }

    /// How long requests in flight may be waited for, `most` unless the system is in a hurry: Windows
    /// ends a process 5 s after its window was closed, and the outputs are still to be written.
    pub fn patience(&self, most: Duration) -> Duration {
        match self {
            Self::Signal(Signal::Hup | Signal::Term) if cfg!(windows) => {
                most.min(Duration::from_secs(3))
            }
            _ => most,
        }
    }

    /// Whether this reason replaces `other`.
    pub const fn outranks(&self, other: &Self) -> bool {
        self.urgency() > other.urgency()
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temporary(text) | Self::Refused(text) | Self::Local(text) => f.write_str(text),
            Self::Signal(signal) => write!(f, "interrompido por {}", signal.as_str()),
        }
    }
}

/// Asks a run to stop. Clones ask the same run.
#[derive(Debug, Clone)]
pub struct StopHandle(watch::Sender<Option<StopReason>>);

/// Is told when a run is to stop.
#[derive(Debug, Clone)]
pub struct StopListener(watch::Receiver<Option<StopReason>>);

/// A new pair, without a reason yet.
pub fn channel() -> (StopHandle, StopListener) {
    let (sender, receiver) = watch::channel(None);
    (StopHandle(sender), StopListener(receiver))
}

impl StopHandle {
    /// Asks for the stop. The first reason stays until a more urgent one comes.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_if_modified(|current| {
            let replaces = current.as_ref().is_none_or(|known| reason.outranks(known));
            if replaces {
                *current = Some(reason);
            }
            replaces
        });
    }
}

impl StopListener {
    /// The reason to stop, if any.
    pub fn reason(&self) -> Option<StopReason> {
        self.0.borrow().clone()
    }

    /// Waits until a (further) reason is given. Never returns once all handles are dropped.
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
    fn the_first_reason_stays_until_a_more_urgent_one_comes() {
        let (handle, listener) = channel();
        assert_eq!(listener.reason(), None);
        handle.stop(StopReason::Temporary("429".into()));
        handle.stop(StopReason::Signal(Signal::Int));
        handle.stop(StopReason::Temporary("prazo".into()));
        assert_eq!(listener.reason(), Some(StopReason::Signal(Signal::Int)));
        handle.stop(StopReason::Refused("401".into()));
        handle.stop(StopReason::Local("disco".into()));
        handle.stop(StopReason::Local("outra".into()));
        assert_eq!(listener.reason(), Some(StopReason::Local("disco".into())));
    }
}
