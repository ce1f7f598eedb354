//! A run from its settings to its summary, in four steps: prepare, open the outputs, drive, finish.
//! What the stages do is theirs; [`pipeline`] connects them.

mod error;
mod input_thread;
mod ledger;
mod outputs;
mod pipeline;
mod plan;
mod row_meaning;
mod snapshot;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

pub use self::error::RunError;
use self::outputs::Outputs;
use self::pipeline::{Pipeline, PipelineOutput, unwritable};
use crate::api::{BaseUrl, Client, Token};
use crate::cli::MaxErrors;
use crate::config::{Remote, Settings, SettingsError, effective_settings, exposed_token_file};
use crate::exit_code;
use crate::input::{InputError, InputFile, rows};
use crate::ledger::{Claimed, FileLock, LedgerHandle};
use crate::locale::format::number;
use crate::model::Situacao;
use crate::output::{Destination, Output, RunSummary, Summary, Terminal};
use crate::preflight::{Known, Preflight};
use crate::resources::{self, ResourceError};
use crate::sandbox::{Sandbox, SandboxConfig};
use crate::scheduler::{Knowledge, SchedulerOptions};
use crate::selection::{Selection, rehearsal_warning};
use crate::signals;
use crate::snapshot::Snapshot;
use crate::stop::{StopReason, channel};

/// Task steps between two looks at timers and sockets; tokio's default is 61. Many replies at once
/// must not delay timeouts and the pace.
const TASKS_BETWEEN_TIMERS: u32 = 4;
/// How long the end waits for blocking calls that nobody awaits any more: a name lookup takes as long
/// as the system lets it.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// How long a stopped run waits for requests in flight.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs `run` or `check` to its end and gives the exit code.
pub fn execute(settings: &Settings, terminal: &Terminal) -> Result<u8, RunError> {
    let run = Run::prepare(settings, terminal)?;
    if settings.check {
        return run.show_plan();
    }
    Ok(run.send()?.codigo_saida)
}

/// Sends every row of the input that needs it, and writes results and rejects. Standard error gets
/// what `tomticket-sync run` prints there.
///
/// # Errors
/// When the run does not begin; nothing was sent then.
pub fn run(settings: &Settings) -> Result<RunSummary, RunError> {
    Run::prepare(settings, &Terminal::default())?.send()
}

/// A run whose input was read once and whose account is locked.
struct Run<'a> {
    settings: &'a Settings,
    terminal: &'a Terminal,
    /// `--max-duration` counts from here.
    started: Instant,
    input: InputFile,
    preflight: Preflight,
    /// The account's ledger, locked, if the run uses one.
    claimed: Option<Claimed>,
    /// The rows that are wanted (`--only`).
    selection: Option<Selection>,
    /// What TomTicket held, if the run has a snapshot.
    snapshot: Option<Snapshot>,
    /// The account's lock of a run without the ledger; held until the end.
    _lock: Option<FileLock>,
}

/// Where asynchronous work runs.
struct Runtimes {
    /// The scheduler, its requests and their connections share one thread: they wake one another
    /// for every reply, which is cheap only within a thread.
    scheduler: Runtime,
    /// What must go on while that thread is busy: signals and the simulator.
    background: Runtime,
}

impl Runtimes {
    fn new() -> Result<Self, ResourceError> {
        let mut scheduler = Builder::new_current_thread();
        let mut background = Builder::new_multi_thread();
        Ok(Self {
            scheduler: scheduler.event_interval(TASKS_BETWEEN_TIMERS).enable_all().build()?,
            background: background.worker_threads(1).enable_all().build()?,
        })
    }

    fn end(self) {
        self.scheduler.shutdown_timeout(LAST_CALLS);
        self.background.shutdown_timeout(LAST_CALLS);
    }
}

impl<'a> Run<'a> {
    /// Opens the input, locks the account, and reads the input once. Locks come before everything
    /// that takes time or writes.
    fn prepare(settings: &'a Settings, terminal: &'a Terminal) -> Result<Self, RunError> {
        let started = Instant::now();
        if !settings.check {
            resources::check()?;
            // A connection may still be closing while the next one opens; in a rehearsal its other
            // end is open here too.
            let files_each = if matches!(settings.remote, Remote::Sandbox) { 3 } else { 2 };
            resources::allow_files(settings.concurrency as u64, files_each)?;
        }
        let input = InputFile::open(&settings.input)?;
        if !settings.check {
            outputs::check(settings)?;
        }
        let lock = ledger::lock_without(settings)?;
        let (claimed, mut lookup) = ledger::open(settings)?;
        let (read, mapping) = (&settings.read, &settings.mapping);
        let mut snapshot = snapshot::open(settings, terminal)?;
        let selection = settings.only.as_deref().map(Selection::read).transpose()?;
        let known = Known {
            selection: selection.as_ref(),
            ledger: lookup.as_mut(),
            snapshot: snapshot.as_mut(),
            account: snapshot::account(settings),
            full: settings.policy.full,
            show: settings.show,
        };
        let preflight = Preflight::of(&input, read, mapping, known)?;
        if !settings.quiet {
            let rehearsal = settings.only.as_deref().and_then(rehearsal_warning);
            for warning in exposed_token_file(settings.token_file()).into_iter().chain(rehearsal) {
                terminal.print(&warning);
            }
            if !settings.check && !settings.without_effect.is_empty() {
                let flags = plan::flags(&settings.without_effect);
                terminal.print(&format!(
                    "aviso: o ensaio usa um TomTicket simulado, sem token, sem conta e sem registro; sem efeito aqui: {flags}\n"
                ));
            }
            terminal.print(&preflight.remarks(input.label()));
        }
        if let Some(text) = lookup.and_then(|lookup| preflight.in_flight_text(&lookup)) {
            terminal.print(&format!("aviso: {text}\n"));
        }
        if !settings.check {
            preflight.guard(&settings.guards, settings.limit)?;
        }
        Ok(Self {
            settings,
            terminal,
            started,
            input,
            preflight,
            claimed,
            selection,
            snapshot,
            _lock: lock,
        })
    }

    /// Opens what is read, written and sent to, and drives the run. The outputs are opened last but for
    /// the ledger, so that a refusal leaves nothing behind; after the ledger, nothing refuses the run.
    fn send(self) -> Result<RunSummary, RunError> {
        let runtimes = Runtimes::new()?;
        let sent = self.send_on(&runtimes);
        runtimes.end();
        sent
    }

    fn send_on(mut self, runtimes: &Runtimes) -> Result<RunSummary, RunError> {
        let settings = self.settings;
        let (_sandbox, base_url, token) = remote(settings, &runtimes.background)?;
        let client = Arc::new(Client::new(&base_url, token, settings.api, settings.timeout)?);
        let reading = rows(&self.input, &self.preflight.inspection)?;
        let outputs = Outputs::open(settings, &self.preflight, self.terminal)?;
        let ledger = match self.claimed.take() {
            Some(claimed) => Some(claimed.begin(settings.policy, self.preflight.leading)?),
            None => None,
        };
        let options = self.scheduler_options();
        let plan = Arc::clone(&self.preflight.plan);
        let (selection, reporter) = (self.selection.take(), outputs.reporter);
        let mut snapshot = self.snapshot.take();
        let customers = snapshot.as_ref().map(|snapshot| Arc::clone(snapshot.customers()));
        let pipeline = Pipeline { client, options, reading, plan, selection, customers, reporter };
        if let Some(snapshot) = &mut snapshot {
            snapshot.rewind();
        }
        let output = self.drive(runtimes, pipeline, Knowledge { ledger, snapshot });
        // The runtimes live until the last file is written: until then, a second signal ends the
        // process at once.
        Ok(self.finish(output, outputs.summary_json, outputs.report))
    }

    fn scheduler_options(&self) -> SchedulerOptions {
        let Self { settings, preflight, .. } = self;
        SchedulerOptions {
            rate: settings.rate,
            concurrency: settings.concurrency,
            limit: settings.limit,
            max_errors: self.max_errors(),
            breaker: settings.breaker,
            give_up_after: settings.give_up_after,
            drain: DRAIN,
            probe: preflight.probe.clone(),
            first: preflight.first.clone(),
            verify: settings.verify,
            fields: preflight.plan.fields().cloned().collect(),
            settle_wait: settings.settle_wait,
            full: settings.policy.full,
        }
    }

    /// `--ok-with` in rows of this input.
    fn ok_with(&self) -> u64 {
        self.settings.ok_with.map_or(0, |most| most.resolve(self.preflight.rows))
    }

    /// `--max-errors` in rows of this input. In a file of rejects, every row has failed before, so
    /// that a percentage of them means nothing.
    fn max_errors(&self) -> Option<u64> {
        match self.settings.max_errors? {
            MaxErrors::Percent(_) if self.preflight.plan.is_of_rejects() => {
                if !self.settings.quiet {
                    self.terminal.print(
                        "aviso: a entrada é um arquivo de rejeitados, e a porcentagem de --max-errors não vale para ela; um número de linhas vale\n",
                    );
                }
                None
            }
            most => Some(most.resolve(self.preflight.rows)),
        }
    }

    /// Sends, and writes results and rejects, until every row is settled. Stops at once if preflight
    /// has found more errors than are tolerated.
    fn drive(
        &self,
        runtimes: &Runtimes,
        pipeline: Pipeline,
        knowledge: Knowledge<LedgerHandle>,
    ) -> PipelineOutput {
        let (stop, listener) = channel();
        let (invalid, rows) = (self.preflight.invalid, self.preflight.rows);
        if let Some(allowed) = pipeline.options.max_errors.filter(|most| invalid > *most) {
            stop.stop(StopReason::Refused(format!(
                "linhas inválidas: {} de {}, o limite é {}; nada foi enviado; corrija-as ou aumente --max-errors",
                number(invalid),
                number(rows),
                number(allowed)
            )));
        }
        let deadline = self.settings.max_duration.map(|most| self.started + most);
        signals::stop_on_signal(runtimes.background.handle(), stop.clone());
        runtimes.scheduler.block_on(async {
            let (mut output, ledger) = pipeline.run(knowledge, &stop, listener, deadline).await;
            if let Some(ledger) = ledger
                && let Err(error) = ledger.close().await
            {
                output.fail(error.to_string());
            }
            output
        })
    }

    /// Puts the files in their places, writes report and summary, and tells the user.
    fn finish(
        self,
        mut output: PipelineOutput,
        summary_json: Option<Output>,
        report: Option<Output>,
    ) -> RunSummary {
        // The rows may have been read long before the last of them was sent.
        if !output.broke_off() && self.input.has_changed() {
            let label = self.input.label().into();
            output.fail(InputError::Changed { label }.to_string());
        }
        if !output.broke_off()
            && let Err(error) = output.reporter.finish()
        {
            output.fail(unwritable(&error));
        }
        let stats = output.reporter.stats.take();
        let mut summary = self.summary(output);
        outputs::write_report(report, stats, &mut summary);
        outputs::write_summary(summary_json, &mut summary);
        if !self.settings.quiet || summary.run.codigo_saida != exit_code::OK {
            self.terminal.print(&summary.to_text());
        }
        summary.run
    }

    fn summary(&self, output: PipelineOutput) -> Summary {
        let settings = self.settings;
        let mut suggested = settings.suggested.clone();
        if let Some(encoding) = output.reporter.rejects.encoding_to_give() {
            suggested = suggested.in_encoding(encoding);
        }
        let is_touched = output.tally.count_decided(&Situacao::MAY_HAVE_CHANGED) > 0
            || output.tally.way_back.rows_of_earlier > 0;
        suggested.undo = suggested.undo.filter(|_| is_touched && !output.broke_off());
        suggested = suggested.emptying(&output.tally.filled_columns());
        let note = ledger::misses_this_run(settings).then(|| {
            "o registro desta conta não sabe desta execução (--no-ledger); na próxima com registro, use --full se algum valor voltou atrás"
                .to_owned()
        });
        let run = RunSummary {
            entrada: settings.input_label.clone(),
            resultados: output.reporter.results.output().current_path(),
            rejeitados: output.reporter.rejects.file.output().current_path(),
            configuracao: Some(effective_settings(settings)),
            retrato: self.snapshot_savings(&output.tally),
            ..RunSummary::of(
                &output.tally,
                self.preflight.rows,
                output.stop.as_ref(),
                self.ok_with(),
            )
        };
        Summary {
            run,
            broke_off: output.broke_off(),
            left_out: self.preflight.left_out,
            nameless: self.preflight.nameless,
            rate: settings.rate.per_second(),
            note,
            relatorio: settings.report.as_ref().map(Destination::label),
            suggested,
            way_back: output.tally.way_back,
            report_error: None,
            json_error: None,
        }
    }
}

/// The address and the token to send with; for a rehearsal, those of a simulator that is started.
fn remote(
    settings: &Settings,
    background: &Runtime,
) -> Result<(Option<Sandbox>, BaseUrl, Token), RunError> {
    match &settings.remote {
        Remote::Server { base_url, token } => {
            let token = token.clone().ok_or(SettingsError::NoToken)?;
            Ok((None, base_url.clone(), token))
        }
        Remote::Sandbox => {
            let config = SandboxConfig { rate: settings.rate, ..SandboxConfig::default() };
            let starting = background.block_on(Sandbox::start(config));
            let sandbox = starting.map_err(RunError::Sandbox)?;
            let base_url = BaseUrl::parse(&sandbox.base_url()).map_err(SettingsError::from)?;
            let token = Token::new("ensaio")
                .map_err(|why| SettingsError::BadToken { place: "--sandbox".to_owned(), why })?;
            Ok((Some(sandbox), base_url, token))
        }
    }
}
