//! Why a run ends before its last row, and the handle by which any part asks for it. The exit code
//! of a reason is decided in [`crate::exit_code`].
//!
//! A stop is a value that is passed in, not a global: the scheduler listens, every other part asks.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::locale::format::{duration_words, number, within};

/// Why a run ended early. Displays as a text for the user.
#[derive(Debug, Clone)]
pub enum StopReason {
    /// Something on this machine failed: disk, input, ledger. Sending stops at once.
    Local(LocalFailure),
    /// The server's certificate is not to be trusted.
    BadCertificate {
        /// What the TLS library reported.
        mensagem: String,
    },
    /// 401 or 403 before any success, or several in a row.
    Denied {
        /// The last status.
        status: u16,
        /// What the API wrote.
        mensagem: String,
    },
    /// A redirect before any success, or several in a row.
    Redirected {
        /// The last status.
        status: u16,
    },
    /// The first rows were all refused with one and the same message.
    Breaker {
        /// How many they were.
        rows: u32,
        /// The message.
        mensagem: String,
    },
    /// More rows failed than `--max-errors` allows.
    MaxErrors {
        /// The rows that are allowed to fail.
        allowed: u64,
    },
    /// More rows are invalid than `--max-errors` allows; nothing was sent.
    InvalidRows {
        /// The invalid rows.
        invalid: u64,
        /// All rows.
        rows: u64,
        /// The rows that are allowed to fail.
        allowed: u64,
    },
    /// SIGINT, SIGTERM or SIGHUP.
    Signal(Signal),
    /// The API was out of reach or unreadable for too long.
    Unavailable(Outage),
    /// `--max-duration` is over.
    MaxDuration,
}

/// What failed on this machine. Displays as a text for the user. Made from any error or text.
#[derive(Debug, Clone)]
pub struct LocalFailure(Arc<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for LocalFailure {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

/// How the API was unavailable, and for how long.
#[derive(Debug, Clone)]
pub enum Outage {
    /// It could not be reached, or its replies could not be read.
    Unreachable {
        /// For how long.
        lasted: Duration,
        /// The message of the last attempt.
        last: String,
    },
    /// The proxy could not be reached or did not let requests through.
    Proxy {
        /// For how long.
        lasted: Duration,
        /// The message of the last attempt.
        last: String,
    },
    /// It answered nothing but 429.
    OnlyLimited {
        /// For how long.
        lasted: Duration,
    },
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
            Self::Hup => "SIGHUP",
            Self::Int => "SIGINT (Ctrl-C)",
            Self::Term => "SIGTERM",
        }
    }
}

/// The class of a reason. Reasons of one class share their exit code, and of two reasons the one of
/// the more urgent class replaces the other. From the least to the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Run again later.
    Temporary,
    /// The user or the system asked for it.
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
    /// The class of this reason.
    pub const fn urgency(&self) -> Urgency {
        match self {
            Self::Local(_) => Urgency::Local,
            Self::BadCertificate { .. }
            | Self::Denied { .. }
            | Self::Redirected { .. }
            | Self::Breaker { .. }
            | Self::MaxErrors { .. }
            | Self::InvalidRows { .. } => Urgency::Refused,
            Self::Signal(signal) => Urgency::Signal(*signal),
            Self::Unavailable(_) | Self::MaxDuration => Urgency::Temporary,
        }
    }

    /// Whether this reason replaces `other`.
    pub const fn outranks(&self, other: &Self) -> bool {
        self.urgency().rank() > other.urgency().rank()
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(failure) => failure.fmt(f),
            Self::BadCertificate { mensagem } => f.write_str(mensagem),
            Self::Denied { status, mensagem } => {
                // A message of ours begins with the status already.
                let named = format!("HTTP {status}: ");
                let why = within(mensagem.strip_prefix(&named).unwrap_or(mensagem));
                write!(
                    f,
                    "o TomTicket recusou o acesso ({named}{why}); confira o token e as permissões dele"
                )
            }
            Self::Redirected { status } => write!(
                f,
                "o servidor respondeu com um redirecionamento (HTTP {status}), que nunca é seguido; confira --base-url e se há um portal ou proxy no caminho"
            ),
            Self::Breaker { rows, mensagem } => write!(
                f,
                "as {rows} primeiras linhas enviadas foram todas recusadas com a mesma mensagem (\"{mensagem}\"); confira o token, o tipo do identificador e o mapeamento (--no-breaker desliga esta parada)"
            ),
            Self::MaxErrors { allowed } => {
                write!(f, "mais de {allowed} linhas com erro (limite de --max-errors)")
            }
            Self::InvalidRows { invalid, rows, allowed } => write!(
                f,
                "linhas inválidas: {} de {}, o limite é {}; nada foi enviado; corrija-as ou aumente --max-errors",
                number(*invalid),
                number(*rows),
                number(*allowed)
            ),
            Self::Signal(signal) => write!(f, "interrompido por {}", signal.as_str()),
            Self::Unavailable(outage) => outage.fmt(f),
            Self::MaxDuration => f.write_str("o tempo de --max-duration acabou"),
        }
    }
}

impl fmt::Display for LocalFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { lasted, last } => write!(
                f,
                "o TomTicket está fora do ar ou inacessível há {}; última resposta: {}",
                duration_words(*lasted),
                within(last)
            ),
            Self::Proxy { lasted, last } => {
                let lasted = duration_words(*lasted);
                write!(f, "há {lasted} não há caminho até o TomTicket: {}", within(last))
            }
            Self::OnlyLimited { lasted } => write!(
                f,
                "há {} o TomTicket só responde que o limite de requisições foi atingido (429)",
                duration_words(*lasted)
            ),
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

/// In tests, two reasons are equal if they display the same text.
#[cfg(test)]
impl PartialEq for StopReason {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays_until_a_more_urgent_one_comes() {
        let (handle, listener) = channel();
        assert_eq!(listener.reason(), None);
        let lasted = Duration::from_secs(1);
        handle.stop(StopReason::Unavailable(Outage::OnlyLimited { lasted }));
        handle.stop(StopReason::Signal(Signal::Int));
        handle.stop(StopReason::MaxDuration);
        assert_eq!(listener.reason(), Some(StopReason::Signal(Signal::Int)));
        handle.stop(StopReason::Local("disco".into()));
        handle.stop(StopReason::Local("outra".into()));
        assert_eq!(listener.reason(), Some(StopReason::Local("disco".into())));
    }
}
