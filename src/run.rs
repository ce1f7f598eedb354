//! The only place that wires the stages together: preflight, then reader → mapper → pool → reporter,
//! then the summary and the exit code.

mod outputs;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::api::{BaseUrl, BaseUrlError, Client, ClientError, ClientOptions, Token, TokenError};
use crate::cli::MaxErrors;
use crate::config::{LedgerChoice, Mode, Settings, SettingsError};
use crate::crash;
use crate::events::Event;
use crate::exit;
use crate::ledger::{Account, LedgerError, LedgerHandle, Place, Policy, Reader, open};
use crate::mapper::Plan;
use crate::model::Row;
use crate::pool::memory::{Memory, NoMemory};
use crate::pool::{Feed, PoolEnd, PoolOptions, run as run_pool};
use crate::preflight::{Lookup, Preflight, PreflightError};
use crate::reader::{InputError, Rows, Source, rows};
use crate::reporter::{
    Destination, OutputError, Reporter, Summary, SummaryContext, Tally, Terminal,
};
use crate::sandbox::{Sandbox, SandboxConfig};
use crate::signals;
use crate::stop::{StopHandle, StopListener, StopReason, channel};

use self::outputs::Outputs;

/// Rows that travel from the reader to the pool together.
const BATCH_ROWS: usize = 64;
/// Bytes after which such a batch is full.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches between reader and pool.
const FEED_BATCHES: usize = 2;
/// Batches of events between pool and reporter.
const EVENT_BATCHES: usize = 16;
/// Steps of tasks after which a busy thread looks at timers and sockets; tokio's own choice is 61. A
/// server that sends much at once must not delay the timeouts and the pace of everybody else.
const TASKS_BETWEEN_TIMERS: u32 = 4;
/// How long requests in flight are waited for when a run is stopped.
const DRAIN: Duration = Duration::from_secs(10);

/// Why a run did not begin (or, for [`is_local_failure`](Self::is_local_failure), broke off outside
/// the pool).
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part it names")]
pub enum RunError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("não foi possível iniciar o simulador: {0}")]
    Sandbox(std::io::Error),
    #[error("endereço do simulador: {0}")]
    SandboxUrl(#[from] BaseUrlError),
    #[error("token do simulador: {0}")]
    SandboxToken(#[from] TokenError),
    #[error("não foi possível iniciar o programa: {0}")]
    Start(std::io::Error),
}

impl RunError {
    /// Whether this machine failed rather than the call: exit 5 instead of 2.
    pub fn is_local_failure(&self) -> bool {
        match self {
            Self::Input(error) => error.is_local_failure(),
            Self::Preflight(error) => error.is_local_failure(),
            Self::Ledger(error) => !error.is_refusal(),
            Self::Output(error) => !error.is_before_sending(),
            _ => false,
        }
    }
}

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
    let source = Source::open(&settings.input)?;
    // Before anything else that takes time: the account's lock.
    let (memory, mut lookup) = open_ledger(&settings)?;
    let sending = !matches!(settings.mode, Mode::Check { .. });
    let preflight =
        Preflight::of(&source, &settings.read, &settings.mapping, sending, lookup.as_mut())?;
    if !settings.quiet {
        terminal.print(&preflight.remarks(source.label()));
    }
    let leftovers = lookup.map_or(0, |lookup| lookup.leftovers.len());
    if let Some(text) = preflight.in_flight_text(leftovers) {
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
    match preflight.invalid {
        0 => exit::OK,
        _ => exit::ROWS_TO_FIX,
    }
}

/// Which account of which ledger the settings mean; `None` where the account is not known.
fn place<'s>(settings: &'s Settings, path: &'s Path) -> Option<Place<'s>> {
    let (base_url, token) = match &settings.mode {
        Mode::Sandbox => return None,
        Mode::Check { base_url, token } => (base_url, token.as_ref()),
        Mode::Real { base_url, token } => (base_url, Some(token)),
    };
    let account = match (&settings.account, token) {
        (Some(label), _) => Account::Label(label),
        (None, Some(token)) => Account::Token(token.expose_for_key()),
        (None, None) => return None,
    };
    Some(Place { path, base_url: base_url.as_str(), account })
}

/// Opens the ledger where there is to be one: for writing if the run sends, and for preflight's
/// questions. `check` takes no lock.
fn open_ledger(settings: &Settings) -> Result<(Option<LedgerHandle>, Option<Lookup>), LedgerError> {
    let LedgerChoice::At { path, policy } = &settings.ledger else { return Ok((None, None)) };
    let Some(place) = place(settings, path) else { return Ok((None, None)) };
    if matches!(settings.mode, Mode::Check { .. }) {
        let reader = Reader::open(&place, *policy)?;
        let leftovers = reader.leftovers().to_vec();
        return Ok((None, Some(Lookup { reader, leftovers })));
    }
    let opened = open(&place, *policy)?;
    let reader = Reader::open(&place, *policy)?;
    Ok((Some(opened.handle), Some(Lookup { reader, leftovers: opened.leftovers })))
}

/// Whether a run without a ledger leaves one behind that knows this account and will be wrong.
fn ledger_left_out(settings: &Settings) -> bool {
    let LedgerChoice::Declined { path: Some(path) } = &settings.ledger else { return false };
    place(settings, path)
        .and_then(|place| Reader::open(&place, Policy::default()).ok())
        .is_some_and(|reader| reader.knows_account())
}

/// Everything after preflight.
#[expect(clippy::too_many_arguments, reason = "the wiring of a run, called once")]
fn send(
    settings: &Settings,
    source: &Source,
    preflight: Preflight,
    memory: Option<LedgerHandle>,
    (base_url, token): (BaseUrl, Token),
    terminal: &Terminal,
    runtimes: &Runtimes,
    started: Instant,
) -> Result<u8, RunError> {
    outputs::check(settings, source)?;
    let options = ClientOptions { timeout: settings.timeout };
    let client = Client::new(&base_url, token, options)?;
    let reading = rows(source, &preflight.survey)?;
    let Outputs { reporter, summary_json, report } = Outputs::open(settings, &preflight, terminal)?;
    let (stop, listener) = channel();
    let max_errors = settings.max_errors.map(|most: MaxErrors| most.resolve(preflight.rows));
    if max_errors.is_some_and(|most| preflight.invalid > most) {
        stop.stop(StopReason::MaxErrors(format!(
            "linhas inválidas: {}, mais do que --max-errors permite; nada foi enviado",
            preflight.invalid
        )));
    }
    let options = PoolOptions {
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
    let local = |why: String| Some(StopReason::Local(why));
    // Until the last file is written: a second signal must end the process whatever it waits for.
    let signals = runtimes.beside.spawn(signals::stop_on_signal(stop.clone()));
    let mut done = match memory {
        None => runtimes.line.block_on(line.run(NoMemory, &stop, listener, deadline)).0,
        Some(mut ledger) => {
            if let LedgerChoice::At { policy: Policy { max_age: None, .. }, .. } = settings.ledger {
                ledger.believe_before(preflight.leading);
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
    let findings = done.reporter.findings.take();
    match done.output.take() {
        Some(error) => done.stop = local(error.to_string()),
        None if !matches!(done.stop, Some(StopReason::Local(_))) => {
            if let Err(error) = done.reporter.finish() {
                done.stop = local(error.to_string());
            }
        }
        None => {}
    }
    let context = SummaryContext {
        entrada: settings.input_label.clone(),
        linhas: rows,
        resultados: settings.results.label(),
        rejeitados: settings.rejects.label(),
        stop: done.stop,
        sandbox: matches!(settings.mode, Mode::Sandbox),
        notes: match ledger_left_out(settings) {
            true => vec![
                "o registro desta conta não sabe desta execução (--no-ledger); na próxima com registro, use --full se algum valor voltou atrás"
                    .to_owned(),
            ],
            false => Vec::new(),
        },
        relatorio: settings.report.as_ref().map(Destination::label),
        configuracao: settings.shown.clone(),
        again: settings.again.clone(),
        continues: matches!(&settings.ledger, LedgerChoice::At { policy, .. } if !policy.full),
    };
    let mut summary = Summary::new(&done.tally, context);
    outputs::write_report(report, findings, &mut summary);
    if let Some(mut output) = summary_json {
        output.write(summary.to_json().as_bytes())?;
        output.finish()?;
    }
    if !settings.quiet || summary.exit_code() != exit::OK {
        terminal.print(&summary.to_text());
    }
    signals.abort();
    Ok(summary.exit_code())
}

/// The stages of a run, ready to be connected.
struct Line {
    client: Client,
    options: PoolOptions,
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
    async fn run<M: Memory>(
        self,
        memory: M,
        stop: &StopHandle,
        listener: StopListener,
        deadline: Option<Instant>,
    ) -> (Done, M) {
        let (feed_in, feed_out) = mpsc::channel(FEED_BATCHES);
        let (events_in, events_out) = mpsc::channel(EVENT_BATCHES);
        let reader = thread::spawn({
            let (reading, plan) = (self.reading, self.plan);
            move || feed(reading, &plan, &feed_in)
        });
        let reporting = report(self.reporter, events_out, stop.clone());
        let clock = tokio::spawn(stop_at(deadline, stop.clone()));
        let (PoolEnd { stop: reason }, memory) =
            run_pool(self.client, memory, self.options, feed_out, events_in, listener).await;
        clock.abort();
        // The pool has let go of the feed, so the reader ends at its next batch. Had it died, its
        // rows would be missing without a word.
        let reason = match tokio::task::spawn_blocking(move || reader.join()).await {
            Ok(Ok(())) => reason,
            Ok(Err(_)) | Err(_) => Some(StopReason::Local(
                "a leitura da entrada parou por uma falha interna; avise os autores do programa"
                    .to_owned(),
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
        crash::if_asked(crash::Part::Report, &"reporter");
        let (tally, result) = reporter.consume(&runtime, events);
        if let Err(error) = &result {
            stop.stop(StopReason::Local(error.to_string()));
        }
        (reporter, tally, result.err())
    })
}

/// Reads, maps and hands on, until the input ends or nobody takes the rows any more.
fn feed(mut reading: Rows, plan: &Plan, feed: &mpsc::Sender<Feed>) {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let mut weight = 0;
    for (seq, record) in (0u64..).zip(&mut reading) {
        crash::if_asked(crash::Part::Read, &seq);
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let _ = feed.blocking_send(Feed::Broken(error.to_string()));
                return;
            }
        };
        let mapped = plan.map(&record);
        let row = Row {
            seq,
            record,
            identificador: mapped.identificador,
            tipo: mapped.tipo,
            job: mapped.job,
        };
        weight += row.weight();
        batch.push(row);
        if batch.len() >= BATCH_ROWS || weight >= BATCH_BYTES {
            weight = 0;
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            if feed.blocking_send(Feed::Rows(full)).is_err() {
                return;
            }
        }
    }
    if !batch.is_empty() {
        let _ = feed.blocking_send(Feed::Rows(batch));
    }
}

/// `--max-duration`, counted from the start of the program.
async fn stop_at(deadline: Option<Instant>, stop: StopHandle) {
    let Some(deadline) = deadline else { return };
    tokio::time::sleep_until(deadline.into()).await;
    stop.stop(StopReason::MaxDuration("o tempo de --max-duration acabou".to_owned()));
}
