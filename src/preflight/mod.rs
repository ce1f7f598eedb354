//! The first pass over the input: everything that can be known before anything is sent.
//!
//! It reads the whole input once, so that a file that is damaged in its last line is refused before
//! its first row leaves, and counts what a run would do. It is all of `check`, and the beginning of
//! `run`.

mod lines;
mod reassigned_emails;
mod spreadsheet_numbers;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::exit_code;
use crate::input::{InputError, InputFile, Inspection, ReadOptions, Rows, inspect, rows};
use crate::ledger::{Fingerprint, Holder, LedgerError, Reader};
use crate::mapping::{MappingError, MappingOptions, MappingPlan};
use crate::model::{Job, Update};
use crate::output::{counted, duration_words, number};

use self::reassigned_emails::Handovers;
use self::spreadsheet_numbers::Mangled;

/// Rows that are read together while others are looked up in the ledger, and their bytes.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that wait to be looked up.
const BATCHES: usize = 2;
/// Lines of rows that repeat a request left in flight, as far as they are named.
const LINES: usize = 20;
/// What is said of a file that looks like UTF-8 and is read as Windows-1252, because the user says so.
const MISREAD: &str = "os acentos deste arquivo parecem UTF-8, e --encoding windows-1252 os lê trocados (\"João\" vira \"JoÃ£o\"). Se não é o que você quer, tire --encoding: o programa descobre a codificação";
/// Invalid rows that the plan shows as examples.
const EXAMPLES: usize = 5;

/// Why the input cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The file.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The header and the flags.
    #[error("{label}, linha {linha}: {error}")]
    Mapping {
        /// The file.
        label: String,
        /// Where its header is.
        linha: u64,
        /// What is wrong.
        error: MappingError,
    },
}

impl PreflightError {
    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(error) => error.exit_code(),
            Self::Ledger(error) => error.exit_code(),
            Self::Mapping { .. } => exit_code::USAGE,
        }
    }
}

/// What the first pass found.
#[derive(Debug)]
pub struct Preflight {
    /// The input's encoding, layout and header.
    pub inspection: Inspection,
    /// What feeds what.
    pub plan: MappingPlan,
    /// Rows of the input.
    pub rows: u64,
    /// Of these, rows that cannot be sent.
    pub invalid: u64,
    /// The first of those: line and message.
    pub examples: Vec<(u64, String)>,
    /// Rows that need not be sent, as far as can be told before sending; `None` without a ledger.
    pub unchanged: Option<u64>,
    /// Rows before the first one that may have to be sent.
    pub leading: u64,
    /// One of the unchanged ones that can be sent again without harm: no rename, and if there is one
    /// none that gives a name of the other type.
    pub believed: Option<Arc<Update>>,
    /// E-mail addresses that go from one customer to another.
    handovers: Handovers,
    /// Values that a spreadsheet has rounded.
    mangled: Mangled,
    /// What an earlier run left in flight, as far as it is met here.
    pub in_flight: InFlight,
}

/// Reads and maps, for somebody else to look at, until the input ends or nobody wants more.
fn read_ahead(
    mut reading: Rows,
    plan: &MappingPlan,
    batches: &SyncSender<Vec<(u64, Job)>>,
) -> Result<(), InputError> {
    loop {
        let mut batch = Vec::with_capacity(BATCH_ROWS);
        let mut bytes = 0;
        while batch.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(record) = reading.next().transpose()? else {
                // Whether anybody still listens makes no difference any more.
                let _ = batches.send(batch);
                return Ok(());
            };
            bytes += record.text().len();
            batch.push((record.linha(), plan.map(&record).job));
        }
        if batches.send(batch).is_err() {
            return Ok(());
        }
    }
}

/// What the ledger lends to a preflight.
#[derive(Debug)]
pub struct Lookup {
    /// What is believed.
    pub reader: Reader,
    /// Requests that an earlier run left in flight, or that the one which is under way has there.
    pub leftovers: HashSet<Fingerprint>,
    /// Whether somebody else works on the account at this moment, and who, where that is known.
    pub busy: Option<Option<Holder>>,
}

/// Requests that an earlier run left in flight and that rows of this input repeat.
#[derive(Debug, Default)]
pub struct InFlight {
    /// The requests; one may stand in several rows.
    met: HashSet<Fingerprint>,
    /// The rows, and the lines of the first of them.
    rows: usize,
    lines: Vec<u64>,
}

impl InFlight {
    fn meet(&mut self, request: Fingerprint, linha: u64) {
        self.met.insert(request);
        self.rows += 1;
        if self.lines.len() < LINES {
            self.lines.push(linha);
        }
    }

    /// A sentence about the requests of `ledger` whose end is not known.
    fn text(&self, ledger: &Lookup) -> Option<String> {
        let leftovers = ledger.leftovers.len();
        if let Some(holder) = ledger.busy {
            let who = holder.map_or(String::new(), |holder| format!(" (processo {})", holder.pid));
            return Some(format!(
                "outra execução desta conta está em andamento{who}; enquanto ela não termina, este plano conta como a enviar o que ela ainda vai enviar"
            ));
        }
        if leftovers == 0 {
            return None;
        }
        let mut text = format!(
            "uma execução anterior deixou {} em andamento, e ninguém sabe se o TomTicket aceitou",
            counted(leftovers as u64, "requisição", "requisições")
        );
        if !self.lines.is_empty() {
            let word = if self.lines.len() == 1 { "linha" } else { "linhas" };
            let lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
            text.push_str(&format!("; será enviado de novo: {word} {}", lines.join(", ")));
            let more = (self.rows - self.lines.len()) as u64;
            if more > 0 {
                text.push_str(&format!(" e mais {}", number(more)));
            }
        }
        let elsewhere = leftovers.saturating_sub(self.met.len());
        if elsewhere > 0 {
            text.push_str(&format!("; fora desta entrada: {elsewhere}"));
        }
        Some(text)
    }
}

impl Preflight {
    /// Looks at all of the input.
    ///
    /// # Errors
    /// See [`PreflightError`].
    pub fn of(
        file: &InputFile,
        read: &ReadOptions,
        mapping: &MappingOptions,
        ledger: Option<&mut Lookup>,
    ) -> Result<Self, PreflightError> {
        let inspection = inspect(file, read)?;
        let plan = MappingPlan::new(&inspection.header, mapping).map_err(|error| {
            PreflightError::Mapping {
                label: file.label().to_owned(),
                linha: inspection.header.linha(),
                error,
            }
        })?;
        let mut found = Self {
            inspection,
            plan,
            rows: 0,
            invalid: 0,
            examples: Vec::with_capacity(EXAMPLES),
            unchanged: ledger.as_ref().map(|_| 0),
            leading: 0,
            believed: None,
            handovers: Handovers::default(),
            mangled: Mangled::default(),
            in_flight: InFlight::default(),
        };
        let reading = rows(file, &found.inspection)?;
        let Some(lookup) = ledger else {
            for record in reading {
                let record = record?;
                let job = found.plan.map(&record).job;
                found.take(record.linha(), job);
            }
            return Ok(found);
        };
        // To look a row up takes longer than to read it, so both are done at once.
        let plan = found.plan.clone();
        thread::scope(|threads| {
            let (batches, jobs) = sync_channel(BATCHES);
            let reader = threads.spawn(move || read_ahead(reading, &plan, &batches));
            for (linha, job) in jobs.into_iter().flatten() {
                if let Some(update) = found.take(linha, job) {
                    found.look_up(lookup, linha, update)?;
                }
            }
            match reader.join() {
                Ok(read) => read?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
            Ok(found)
        })
    }

    /// Counts a row; gives its update back where it can be sent.
    fn take(&mut self, linha: u64, job: Job) -> Option<Arc<Update>> {
        self.rows += 1;
        match job {
            Job::Invalid(mensagem) => {
                self.invalid += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push((linha, mensagem));
                }
                None
            }
            Job::Send(update) => {
                self.handovers.see(linha, &update);
                self.mangled.see(linha, &update);
                Some(update)
            }
        }
    }

    fn look_up(
        &mut self,
        lookup: &mut Lookup,
        linha: u64,
        update: Arc<Update>,
    ) -> Result<(), PreflightError> {
        if !lookup.leftovers.is_empty() {
            let fingerprint = lookup.reader.fingerprint(&update);
            if let Some(request) = fingerprint.filter(|print| lookup.leftovers.contains(print)) {
                self.in_flight.meet(request, linha);
            }
        }
        let before = self.invalid + self.unchanged.unwrap_or(0);
        if lookup.reader.is_up_to_date(&update)? {
            if before + 1 == self.rows {
                self.leading = self.rows;
            }
            *self.unchanged.get_or_insert(0) += 1;
            self.keep_for_probe(update);
        }
        Ok(())
    }

    fn keep_for_probe(&mut self, update: Arc<Update>) {
        // A rename that was done is refused if it is sent again: its old name is gone.
        if update.rename_to().is_some() {
            return;
        }
        let gives_a_name = |update: &Update| update.other_name().is_some();
        match &self.believed {
            None => self.believed = Some(update),
            Some(kept) if gives_a_name(kept) && !gives_a_name(&update) => {
                self.believed = Some(update);
            }
            Some(_) => {}
        }
    }

    /// Rows that would be sent, as far as can be told before sending.
    pub fn to_send(&self, limit: Option<u64>) -> u64 {
        let sendable = self.rows - self.invalid - self.unchanged.unwrap_or(0);
        limit.map_or(sendable, |limit| limit.min(sendable))
    }

    /// A sentence about requests of `ledger` whose end is not known.
    pub fn in_flight_text(&self, ledger: &Lookup) -> Option<String> {
        self.in_flight.text(ledger)
    }

    /// Lines about how the input was read and what to mind, for the beginning of a run.
    pub fn remarks(&self, label: &str) -> String {
        let delimiter = match self.inspection.delimiter {
            None => "uma coluna só".to_owned(),
            Some(b'\t') => "separador tab".to_owned(),
            Some(byte) => format!("separador \"{}\"", char::from(byte)),
        };
        let mut text = format!(
            "{label}: {}, {delimiter}, {}, {}\n",
            self.inspection.encoding,
            counted(self.inspection.header.len() as u64, "coluna", "colunas"),
            counted(self.rows, "linha", "linhas")
        );
        let misread = self.inspection.looks_like_utf8.then(|| MISREAD.to_owned());
        let of_plan = self.plan.warnings().iter().cloned();
        let of_rows = self.mangled.warnings().chain(self.handovers.warning());
        for warning in misread.into_iter().chain(of_plan).chain(of_rows) {
            text.push_str(&format!("aviso: {warning}\n"));
        }
        text
    }

    /// The plan, for `check`. `per_second` is the pace that a run would keep; `limit` its `--limit`.
    /// `unknown` says why unchanged rows could not be counted, where they could not.
    pub fn plan_text(&self, per_second: Option<f64>, limit: Option<u64>, unknown: &str) -> String {
        let mut text = String::from("Colunas usadas:\n");
        for line in self.plan.describe() {
            text.push_str(&format!("  {line}\n"));
        }
        let to_send = self.to_send(limit);
        text.push_str(&format!("Plano:\n  {:>9} a enviar\n", number(to_send)));
        match self.unchanged {
            Some(unchanged) => {
                text.push_str(&format!("  {:>9} sem mudança\n", number(unchanged)));
            }
            None => text.push_str(&format!("          ? sem mudança ({unknown})\n")),
        }
        let word = if self.invalid == 1 { "inválida" } else { "inválidas" };
        text.push_str(&format!("  {:>9} {word}\n", number(self.invalid)));
        if let Some(rate) = per_second {
            let wait = Duration::from_secs_f64(to_send as f64 / rate);
            let pace = format!("{rate}").replace('.', ",");
            text.push_str(&format!(
                "  tempo previsto: {} a {pace} por segundo\n",
                duration_words(wait)
            ));
        }
        if !self.examples.is_empty() {
            text.push_str("Linhas inválidas:\n");
            for (linha, mensagem) in &self.examples {
                text.push_str(&format!("  linha {linha}: {mensagem}\n"));
            }
            let more = self.invalid - self.examples.len() as u64;
            if more > 0 {
                text.push_str(&format!("  … e mais {}\n", number(more)));
            }
        }
        text
    }
}
