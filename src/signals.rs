//! SIGINT, SIGTERM and SIGHUP: the first asks the run to end in good order, a second ends the
//! process at once.

use crate::exit;
use crate::stop::{Signal, StopHandle, StopReason};

/// Waits for signals. The first becomes a [`StopReason::Signal`]; at the second the process exits,
/// and the `.parcial` files stay.
#[cfg(unix)]
pub async fn stop_on_signal(stop: StopHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut hup), Ok(mut int), Ok(mut term)) = (
        signal(SignalKind::hangup()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        tracing::warn!("os sinais não podem ser tratados; Ctrl-C encerra o programa na hora");
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = hup.recv() => Signal::Hup,
            _ = int.recv() => Signal::Int,
            _ = term.recv() => Signal::Term,
        }
    };
    let first = next().await;
    tracing::debug!("{}", first.as_str());
    stop.stop(StopReason::Signal(first));
    let second = next().await;
    std::process::exit(i32::from(exit::of_signal(second)));
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub async fn stop_on_signal(stop: StopHandle) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.stop(StopReason::Signal(Signal::Int));
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(i32::from(exit::of_signal(Signal::Int)));
    }
}
