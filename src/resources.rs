//! What this machine must have before something begins: a clock, threads, open files. A lack that is
//! noticed only on the way would be a panic, or look like a server that is away.

use std::io;
use std::sync::mpsc;
use std::thread;

use jiff::Timestamp;

use crate::exit_code;
use crate::locale::os_error::describe_os_error;

/// Threads that a run has at a time, besides one worker a processor: reader, writer, ledger,
/// simulator, progress, name lookups.
const THREADS: usize = 8;
/// Files that a run has open besides its connections.
#[cfg(unix)]
const FILES: u64 = 32;

/// What is missing, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    #[error(
        "o relógio desta máquina marca {}, e nada pode ser datado antes de 1970. Acerte a data e a hora, e rode de novo",
        .0.strftime("%d/%m/%Y")
    )]
    Clock(Timestamp),
    #[error(
        "o sistema não deixa o programa abrir as threads de que precisa ({}). Feche outros programas ou aumente o limite (ulimit -u; no systemd, TasksMax; num contêiner, pids)",
        describe_os_error(.0)
    )]
    Threads(io::Error),
    #[error(
        "{at_a_time} requisições ao mesmo tempo (--concurrency) precisam de {needed} arquivos abertos, e o limite aqui é {limit}. Aumente o limite (ulimit -n){}",
        if *.fitting > 0 { format!(", ou use --concurrency {fitting}") } else { String::new() }
    )]
    Files { at_a_time: u64, needed: u64, limit: u64, fitting: u64 },
    #[error("não foi possível iniciar o programa: {}", describe_os_error(.0))]
    Runtime(#[from] io::Error),
}

impl ResourceError {
    pub const EXIT_CODE: u8 = exit_code::LOCAL;
}

/// Checks what everything needs that serves or sends.
pub fn check() -> Result<(), ResourceError> {
    let now = Timestamp::now();
    if now < Timestamp::UNIX_EPOCH {
        return Err(ResourceError::Clock(now));
    }
    start_threads().map_err(ResourceError::Threads)
}

/// Starts as many threads as are needed, and ends them: tokio panics where it cannot start one.
fn start_threads() -> io::Result<()> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut running = Vec::new();
    for _ in 0..THREADS + processors {
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::Builder::new().spawn(move || ended.recv())?;
        running.push((end, thread));
    }
    for (end, thread) in running {
        drop(end);
        // It ends with the error of a closed channel.
        let _ = thread.join();
    }
    Ok(())
}

/// Sees to it that a run may open its files and connections: `at_a_time` requests, each with
/// `files_each`.
#[cfg(unix)]
pub fn allow_files(at_a_time: u64, files_each: u64) -> Result<(), ResourceError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = FILES + at_a_time * files_each;
    if current.is_none_or(|limit| limit >= needed) {
        return Ok(());
    }
    // The soft limit is for programs that use `select`, which tokio does not.
    let raised = Rlimit { current: Some(needed), maximum };
    if maximum.is_none_or(|limit| limit >= needed) && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    let limit = maximum.or(current).unwrap_or(0);
    let fitting = limit.saturating_sub(FILES) / files_each;
    Err(ResourceError::Files { at_a_time, needed, limit, fitting })
}

#[cfg(not(unix))]
pub fn allow_files(_at_a_time: u64, _files_each: u64) -> Result<(), ResourceError> {
    Ok(())
}
