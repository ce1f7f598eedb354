//! The only place that wires the stages together: preflight, then reader → mapper → pool → reporter,
//! then the summary and the exit code.

mod error;
mod feed;
mod ledger;
mod outputs;

use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::api::{BaseUrl, Client, ClientOptions, Token};
use crate::cli::MaxErrors;
use crate::config::{LedgerChoice, Mode, Settings};
use crate::exit_code;
use crate::input::{InputError, InputFile, Rows, rows};
use crate::ledger::Claimed;
use crate::mapping::Plan;
use crate::output::{Destination, OutputError, Reporter, Summary, SummaryContext, Tally, Terminal};
use crate::panic_hook;
use crate::preflight::Preflight;
use crate::sandbox::{Sandbox, SandboxConfig};
use crate::scheduler::events::Event;
use crate::scheduler::ledger::{Ledger, NoLedger};
use crate::scheduler::{Channels, SchedulerOptions, run as run_scheduler};
use crate::signals;
use crate::stop::{StopHandle, StopListener, StopReason, channel};

pub use self::error::RunError;
use self::outputs::Outputs;

/// Batches of events between pool and reporter.
const EVENT_BATCHES: usize = 16;
/// Steps of tasks after which a busy thread looks at timers and sockets; tokio's own choice is 61. A
/// server that sends much at once must not delay the timeouts and the pace of everybody else.
const TASKS_BETWEEN_TIMERS: u32 = 4;
/// How long requests in flight are waited for when a run is stopped.
const DRAIN: Duration = Duration::from_secs(10);

/// Where asynchronous work runs.
///
/// The pool and its requests share one thread: they wake one another for every reply, which costs a
/// system call where another thread must be woken, and a turn of the dispatcher takes in whatever
/// has arrived since the last. What must go on while that thread blocks has another.
struct Runtimes {
    /// The pool, its requests and their connections; driven by whoever waits for them.
    line: Runtime,
    /// Signals and the rehearsal's simulator.
    beside: Runtime,
}

impl Runtimes {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            line: Builder::new_current_thread()
                .event_interval(TASKS_BETWEEN_TIMERS)
                .enable_all()
                .build()?,
            beside: Builder::new_multi_thread().worker_threads(1).enable_all().build()?,
        })
    }
}

/// Runs `run` or `check` to its end and gives the exit code.
///
/// # Errors
/// When the run does not begin; nothing was sent then.
pub fn execute(settings: Settings, terminal: &Terminal) -> Result<u8, RunError> {
    let started = Instant::now();
    let source = InputFile::open(&settings.input)?;
    let sending = !matches!(settings.mode, Mode::Check { .. });
    if sending {
        // Before anything is opened for writing, the ledger too.
        outputs::check(&settings, &source)?;
    }
    // Before anything else that takes time: the account's lock.
    let _lock = ledger::lock_without(&settings)?;
    let (memory, mut lookup) = ledger::open_for(&settings)?;
    let preflight = Preflight::of(&source, &settings.read, &settings.mapping, lookup.as_mut())?;
    if !settings.quiet {
        terminal.print(&preflight.remarks(source.label()));
    }
    let in_flight = lookup.as_ref().and_then(|lookup| preflight.in_flight_text(lookup));
    // While it is open, a run's log cannot be folded into the ledger.
    drop(lookup);
    if let Some(text) = in_flight {
        terminal.print(&format!("aviso: {text}\n"));
    }
    let base_and_token = match &settings.mode {
        Mode::Check { .. } => return Ok(check(&settings, &preflight, terminal)),
        Mode::Sandbox => None,
        Mode::Real { base_url, token } => Some((base_url.clone(), token.clone())),
    };
    let runtimes = Runtimes::new().map_err(RunError::Start)?;
    let (sandbox, (base_url, token)) = match base_and_token {
        Some(account) => (None, account),
        None => {
            let config = SandboxConfig { rate: settings.rate, ..SandboxConfig::default() };
            let starting = runtimes.beside.block_on(Sandbox::start(config));
            let sandbox = starting.map_err(RunError::Sandbox)?;
            let account = (BaseUrl::parse(&sandbox.base_url())?, Token::new("ensaio")?);
            (Some(sandbox), account)
        }
    };
    let account = (base_url, token);
    let code = send(&settings, &source, preflight, memory, account, terminal, &runtimes, started);
    if let Some(sandbox) = sandbox {
        runtimes.beside.block_on(sandbox.stop());
    }
    code
}

fn check(settings: &Settings, preflight: &Preflight, terminal: &Terminal) -> u8 {
    if !settings.without_effect.is_empty() {
        terminal.print(&format!(
            "aviso: nada é enviado, então não há resultados a gravar; sem efeito aqui: {}\n",
            settings.without_effect.join(", ")
        ));
    }
    let unknown = match (&settings.ledger, &settings.mode) {
        (LedgerChoice::At { .. }, _) => {
            "sem token ou --account, não dá para saber o que o registro já conhece"
        }
        (LedgerChoice::Declined { .. }, _) => "--no-ledger: tudo é enviado",
        (LedgerChoice::None, _) => "endereço local, sem registro: tudo é enviado",
    };
    let text = preflight.plan_text(settings.rate.per_second(), settings.limit, unknown);
    if !settings.quiet || preflight.invalid > 0 {
        terminal.print(&text);
    }
    if preflight.invalid == 0 { exit_code::OK } else { exit_code::ROWS_TO_FIX }
}

/// Everything after preflight.
#[expect(clippy::too_many_arguments, reason = "the wiring of a run, called once")]
fn send(
    settings: &Settings,
    source: &InputFile,
    preflight: Preflight,
    claimed: Option<Claimed>,
    (base_url, token): (BaseUrl, Token),
    terminal: &Terminal,
    runtimes: &Runtimes,
    started: Instant,
) -> Result<u8, RunError> {
    let options = ClientOptions { timeout: settings.timeout };
    let client = Client::new(&base_url, token, options)?;
    let reading = rows(source, &preflight.inspection)?;
    let Outputs { reporter, summary_json, report } = Outputs::open(settings, &preflight, terminal)?;
    let memory = match (claimed, &settings.ledger) {
        (Some(claimed), LedgerChoice::At { policy, .. }) => Some((claimed.begin(*policy)?, policy)),
        _ => None,
    };
    let (stop, listener) = channel();
    let max_errors = errors_allowed(settings, &preflight, terminal);
    if let Some(most) = max_errors.filter(|most| preflight.invalid > *most) {
        let (invalid, rows) = (preflight.invalid, preflight.rows);
        stop.stop(StopReason::InvalidRows { invalid, rows, allowed: most });
    }
    let options = SchedulerOptions {
        rate: settings.rate,
        concurrency: settings.concurrency,
        limit: settings.limit,
        max_errors,
        breaker: settings.breaker,
        give_up_after: settings.give_up_after,
        drain: DRAIN,
        probe: preflight.believed,
    };
    let rows = preflight.rows;
    let line = Line { client, options, reading, plan: preflight.plan, reporter };
    let deadline = settings.max_duration.map(|most| started + most);
    let local = |why: String| Some(StopReason::Local(why.into()));
    // Until the last file is written: a second signal must end the process whatever it waits for.
    let signals = runtimes.beside.spawn(signals::stop_on_signal(stop.clone()));
    let mut done = match memory {
        None => runtimes.line.block_on(line.run(NoLedger, &stop, listener, deadline)).0,
        Some((mut ledger, policy)) => {
            if policy.max_age.is_none() {
                ledger.skip_checks_before(preflight.leading);
            }
            let (mut done, ledger) =
                runtimes.line.block_on(line.run(ledger, &stop, listener, deadline));
            match runtimes.line.block_on(ledger.close()) {
                Err(error) if !matches!(done.stop, Some(StopReason::Local(_))) => {
                    done.stop = local(error.to_string());
                }
                // A ledger that failed has stopped the run, and said why.
                Ok(()) | Err(_) => {}
            }
            done
        }
    };
    if let Some(error) = done.output.take() {
        done.stop = local(unwritable(&error));
    }
    let broke_off = matches!(done.stop, Some(StopReason::Local(_)));
    // The rows may have been read long before the last of them was sent.
    if !broke_off && source.has_changed() {
        done.stop = local(InputError::Changed { label: source.label().into() }.to_string());
    } else if !broke_off && let Err(error) = done.reporter.finish() {
        done.stop = local(unwritable(&error));
    }
    let stats = done.reporter.stats.take();
    let mut again = settings.again.clone();
    if let Some(encoding) = done.reporter.rejects.encoding_to_give() {
        again = again.in_encoding(encoding);
    }
    let context = SummaryContext {
        entrada: settings.input_label.clone(),
        linhas: rows,
        resultados: done.reporter.results_path(),
        rejeitados: done.reporter.rejects_path(),
        stop: done.stop,
        sandbox: matches!(settings.mode, Mode::Sandbox),
        notes: match ledger::left_out(settings) {
            true => vec![
                "o registro desta conta não sabe desta execução (--no-ledger); na próxima com registro, use --full se algum valor voltou atrás"
                    .to_owned(),
            ],
            false => Vec::new(),
        },
        relatorio: settings.report.as_ref().map(Destination::label),
        configuracao: settings.shown.clone(),
        suggested: again,
        continues: matches!(&settings.ledger, LedgerChoice::At { policy, .. } if !policy.full),
    };
    let mut summary = Summary::new(&done.tally, context);
    outputs::write_report(report, stats, &mut summary);
    outputs::write_summary(summary_json, &mut summary);
    if !settings.quiet || summary.run().codigo_saida != exit_code::OK {
        terminal.print(&summary.to_text());
    }
    signals.abort();
    Ok(summary.run().codigo_saida)
}

/// `--max-errors` in rows of this input. A part of all rows says nothing about a file in which only
/// the rows stand that failed before.
fn errors_allowed(settings: &Settings, preflight: &Preflight, terminal: &Terminal) -> Option<u64> {
    match settings.max_errors? {
        MaxErrors::Percent(_) if preflight.plan.is_of_rejects() => {
            if !settings.quiet {
                terminal.print(
                    "aviso: a entrada é um arquivo de rejeitados, e a porcentagem de --max-errors não vale para ela; um número de linhas vale\n",
                );
            }
            None
        }
        most => Some(most.resolve(preflight.rows)),
    }
}

/// The stages of a run, ready to be connected.
struct Line {
    client: Client,
    options: SchedulerOptions,
    reading: Rows,
    plan: Plan,
    reporter: Reporter,
}

/// What is left when the line stands still.
struct Done {
    reporter: Reporter,
    tally: Tally,
    /// An output that could not be written.
    output: Option<OutputError>,
    stop: Option<StopReason>,
}

impl Line {
    async fn run<M: Ledger>(
        self,
        memory: M,
        stop: &StopHandle,
        listener: StopListener,
        deadline: Option<Instant>,
    ) -> (Done, M) {
        let (feed_in, feed_out) = mpsc::channel(feed::FEED_BATCHES);
        let (events_in, events_out) = mpsc::channel(EVENT_BATCHES);
        let reader = thread::spawn({
            let (reading, plan) = (self.reading, self.plan);
            move || feed::read(reading, &plan, &feed_in)
        });
        let reporting = report(self.reporter, events_out, stop.clone());
        let clock = tokio::spawn(stop_at(deadline, stop.clone()));
        let channels = Channels { input: feed_out, events: events_in, stop: listener };
        let (reason, memory) = run_scheduler(self.client, memory, self.options, channels).await;
        clock.abort();
        // The pool has let go of the feed, so the reader ends at its next batch. Had it died, its
        // rows would be missing without a word.
        let reason = match tokio::task::spawn_blocking(move || reader.join()).await {
            Ok(Ok(())) => reason,
            Ok(Err(_)) | Err(_) => Some(StopReason::Local(
                "a leitura da entrada parou por uma falha interna; avise os autores do programa"
                    .into(),
            )),
        };
        match reporting.await {
            Ok((reporter, tally, output)) => {
                (Done { reporter, tally, output, stop: reason }, memory)
            }
            Err(died) => std::panic::resume_unwind(died.into_panic()),
        }
    }
}

type Reported = (Reporter, Tally, Option<OutputError>);

/// The reporter on a thread where it may block. An output that fails stops the sending at once.
fn report(
    mut reporter: Reporter,
    events: mpsc::Receiver<Vec<Event>>,
    stop: StopHandle,
) -> JoinHandle<Reported> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        panic_hook::inject_panic_if_requested(panic_hook::PanicPoint::Report, &"reporter");
        let (tally, result) = reporter.consume(&runtime, events, |error| {
            stop.stop(StopReason::Local(unwritable(error).into()));
        });
        (reporter, tally, result.err())
    })
}

/// Why a run ends whose results or rejects cannot be written.
fn unwritable(error: &OutputError) -> String {
    format!("{error}; o que já foi gravado não está completo")
}

/// `--max-duration`, counted from the start of the program.
async fn stop_at(deadline: Option<Instant>, stop: StopHandle) {
    let Some(deadline) = deadline else { return };
    tokio::time::sleep_until(deadline.into()).await;
    stop.stop(StopReason::MaxDuration);
}
