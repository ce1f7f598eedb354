//! SIGINT, SIGTERM and SIGHUP, and what Windows has in their place: the first asks the run to end in
//! good order, a second ends the process at once.

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::exit_code;
use crate::stop::{Signal, StopHandle, StopReason};

/// Handles signals from now on, in a task of `runtime`. The first becomes a [`StopReason::Signal`]; at
/// the second the process exits, and the `.parcial` files stay.
///
/// The handlers are installed before this returns: a signal that arrives before the task's first turn
/// would otherwise end the process at once.
#[cfg(unix)]
pub fn stop_on_signal(runtime: &Handle, stop: StopHandle) -> JoinHandle<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let _context = runtime.enter();
    // Read before the handlers below replace the inherited ones.
    let ignored = inherited_ignored();
    let (Ok(mut hup), Ok(mut int), Ok(mut term)) = (
        signal(SignalKind::hangup()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        tracing::warn!("os sinais não podem ser tratados; Ctrl-C encerra o programa na hora");
        return runtime.spawn(async {});
    };
    runtime.spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = hup.recv(), if !ignored.contains(&Signal::Hup) => Signal::Hup,
                _ = int.recv(), if !ignored.contains(&Signal::Int) => Signal::Int,
                _ = term.recv() => Signal::Term,
            }
        };
        let first = next().await;
        tracing::debug!("{}", first.as_str());
        stop.stop(StopReason::Signal(first));
        let second = next().await;
        std::process::exit(i32::from(exit_code::of_signal(second)));
    })
}

/// Signals that the parent process set to be ignored: SIGHUP by `nohup`, SIGINT by a shell's `&`
/// without job control. Known on Linux only; elsewhere no signal counts as ignored.
#[cfg(unix)]
fn inherited_ignored() -> Vec<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    [(Signal::Hup, 1), (Signal::Int, 2)]
        .into_iter()
        .filter(|(_, number)| mask & (1 << (number - 1)) != 0)
        .map(|(signal, _)| signal)
        .collect()
}

/// The same for the events of a console. After all but Ctrl-C and Ctrl-Break, Windows ends the process
/// some seconds later.
#[cfg(windows)]
pub fn stop_on_signal(runtime: &Handle, stop: StopHandle) -> JoinHandle<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
    let _context = runtime.enter();
    let (Ok(mut c), Ok(mut ctrl_break), Ok(mut close), Ok(mut logoff), Ok(mut shutdown)) =
        (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_logoff(), ctrl_shutdown())
    else {
        tracing::warn!("Ctrl-C não pode ser tratado; encerra o programa na hora");
        return runtime.spawn(async {});
    };
    runtime.spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = c.recv() => Signal::Int,
                _ = ctrl_break.recv() => Signal::Int,
                _ = close.recv() => Signal::Hup,
                _ = logoff.recv() => Signal::Term,
                _ = shutdown.recv() => Signal::Term,
            }
        };
        let first = next().await;
        tracing::debug!("{}", first.as_str());
        stop.stop(StopReason::Signal(first));
        let second = next().await;
        std::process::exit(i32::from(exit_code::of_signal(second)));
    })
}
