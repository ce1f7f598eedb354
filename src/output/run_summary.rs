//! The summary of a run as data: what `--summary-json` writes, `report` reads back, and the library
//! returns. The terminal's form is [`super::summary`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::sanitize::one_line;
use super::tally::Tally;
use crate::exit_code;
use crate::locale::format::number;
use crate::model::Situacao;
use crate::stop::StopReason;

/// Version of the JSON schema.
pub const SUMMARY_VERSION: u32 = 1;

/// Messages in the summary.
const MESSAGES: usize = 10;

/// A finished run. The fields are the keys of the summary JSON, described in `docs/results.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Version of this schema: 1.
    pub versao: u32,
    /// The input as it was named; `-` for standard input.
    pub entrada: String,
    /// Rows of the input.
    #[serde(default)]
    pub linhas: u64,
    /// Rows by `situacao`; they add up to `linhas`.
    #[serde(serialize_with = "by_name")]
    pub situacoes: BTreeMap<Situacao, u64>,
    /// Updates sent: HTTP requests, repeats included.
    pub requisicoes: u64,
    /// Reads made: HTTP requests that ask what TomTicket holds.
    #[serde(default)]
    pub leituras: u64,
    /// Rows whose verdict a reading decided.
    #[serde(default)]
    pub resolvidas_por_leitura: u64,
    /// What a snapshot saved; `None` for a run without one.
    #[serde(default)]
    pub(crate) retrato: Option<SnapshotSavings>,
    /// Requests that repeated an attempt without a definite reply.
    pub repeticoes: u64,
    /// Requests answered with 429.
    pub limitadas_429: u64,
    /// Seconds from the start to the last row's verdict.
    pub duracao_s: f64,
    /// Rows settled a second.
    #[serde(default)]
    pub linhas_por_s: f64,
    /// The most frequent messages among rows with `erro`, most frequent first.
    #[serde(default)]
    pub mensagens: Vec<MessageCount>,
    /// The minutes of sending, without gaps.
    pub por_minuto: Vec<MinuteCounts>,
    /// Path of the results file; its `.parcial` where it did not get its name.
    #[serde(default)]
    pub resultados: String,
    /// Path of the rejects file, likewise.
    pub rejeitados: String,
    /// The exit code.
    pub codigo_saida: u8,
    /// Why the run ended early, in Portuguese.
    pub motivo: Option<String>,
    /// When the first minute of `por_minuto` began, RFC 3339 in UTC.
    #[serde(default)]
    pub inicio: Option<String>,
    /// Version of the program.
    #[serde(default)]
    pub programa: Option<String>,
    /// The effective settings under their flags' names, without secrets.
    #[serde(default)]
    pub configuracao: Option<Map<String, Value>>,
}

/// What a snapshot saved a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSavings {
    /// Rows that needed no request.
    pub poupadas: u64,
    /// What the rows changed, or may have changed, by column.
    pub colunas: BTreeMap<String, ColumnCounts>,
}

impl SnapshotSavings {
    /// The columns that differ, with their counts: `diferiam: nome 8, telefone 3`.
    pub fn differing(&self) -> String {
        let differ = |counts: &ColumnCounts| counts.mudam + counts.esvaziam;
        let columns = self.colunas.iter().filter(|(_, counts)| differ(counts) > 0);
        let columns: Vec<String> =
            columns.map(|(name, counts)| format!("{name} {}", number(differ(counts)))).collect();
        let verb = if self.colunas.values().map(differ).sum::<u64>() == 1 {
            "diferia"
        } else {
            "diferiam"
        };
        match columns.is_empty() {
            true => "nada diferia".to_owned(),
            false => format!("{verb}: {}", columns.join(", ")),
        }
    }
}

/// Values of one column: in a plan of the rows that would be sent, in a summary of those that were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnCounts {
    /// TomTicket holds another value.
    pub mudam: u64,
    /// TomTicket holds a value, and the row clears it.
    pub esvaziam: u64,
    /// What TomTicket holds was not read.
    pub desconhecidos: u64,
}

/// Writes the keys in alphabetical order, as version 1 of the schema always has.
fn by_name<S: Serializer>(
    counts: &BTreeMap<Situacao, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let by_name: BTreeMap<&str, u64> =
        counts.iter().map(|(situacao, rows)| (situacao.as_str(), *rows)).collect();
    by_name.serialize(serializer)
}

/// How many rows got a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCount {
    /// The message.
    pub mensagem: String,
    /// Its rows.
    pub linhas: u64,
}

/// Requests in one minute of sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinuteCounts {
    /// Minutes since the start, from 0.
    pub minuto: u64,
    /// Requests executed and confirmed.
    #[serde(default)]
    pub aceitas: u64,
    /// Requests answered with 429.
    pub limitadas_429: u64,
    /// Requests that repeated an attempt without a definite reply.
    pub repeticoes: u64,
}

/// What the same command would do after a run, as far as its settings tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// There are no settings.
    Unknown,
    /// Continue: a ledger knows what was accepted.
    Continues,
    /// Start over: there is no ledger, or `--full` ignores it.
    StartsOver,
    /// Start over: it was a rehearsal.
    Rehearsal,
}

impl Repeat {
    /// The advice to repeat the command; `when` stands behind the verb.
    pub fn advice(self, when: &str) -> String {
        let what = match self {
            Self::Unknown => "com o registro (ledger) ligado, ele continua de onde parou",
            Self::Continues => "ele continua de onde parou",
            Self::StartsOver => "ele recomeça do zero",
            Self::Rehearsal => "um ensaio recomeça sempre do zero",
        };
        format!("rode o mesmo comando de novo{when}; {what}.")
    }
}

impl RunSummary {
    /// The counts of a run of `rows` rows; rows that a local failure left without a verdict count as
    /// not sent. `ok_with` rows to repair are tolerated. What the input, the files and the settings
    /// are is for the caller to fill in.
    pub(crate) fn of(tally: &Tally, rows: u64, stop: Option<&StopReason>, ok_with: u64) -> Self {
        let mut counts = tally.settled;
        let settled: u64 = counts.iter().sum();
        counts[Situacao::NaoEnviado.index()] += rows.saturating_sub(settled);
        let seconds = tally.elapsed().as_secs_f64();
        let round = |x: f64| (x * 1000.0).round() / 1000.0;
        let messages = tally.messages.top(MESSAGES).into_iter();
        let in_minutes = |of: fn(&MinuteCounts) -> u64| tally.minutes.iter().map(of).sum();
        Self {
            versao: SUMMARY_VERSION,
            entrada: String::new(),
            linhas: counts.iter().sum(),
            situacoes: Situacao::ALL.into_iter().zip(counts).collect(),
            requisicoes: tally.requests,
            leituras: tally.reads,
            resolvidas_por_leitura: tally.settled_by_reading,
            retrato: None,
            repeticoes: in_minutes(|minute| minute.repeticoes),
            limitadas_429: in_minutes(|minute| minute.limitadas_429),
            duracao_s: round(seconds),
            linhas_por_s: round(settled as f64 / seconds.max(1e-3)),
            mensagens: messages
                .map(|(text, linhas, ())| MessageCount {
                    mensagem: one_line(text).into_owned(),
                    linhas,
                })
                .collect(),
            por_minuto: tally.minutes.clone(),
            resultados: String::new(),
            rejeitados: String::new(),
            codigo_saida: exit_code::of_run(stop, &counts, ok_with),
            motivo: stop.map(|stop| one_line(&stop.to_string()).into_owned()),
            inicio: Some(format!("{:.3}", tally.started_at)),
            programa: Some(env!("CARGO_PKG_VERSION").to_owned()),
            configuracao: None,
        }
    }

    /// Whether a setting is known and on.
    fn is_on(&self, name: &str) -> bool {
        self.setting(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn is_rehearsal(&self) -> bool {
        self.is_on("sandbox")
    }

    pub(crate) fn repeat(&self) -> Repeat {
        let has_ledger = self.setting("ledger").is_some_and(Value::is_string);
        match self.configuracao {
            None => Repeat::Unknown,
            Some(_) if self.is_rehearsal() => Repeat::Rehearsal,
            Some(_) if has_ledger && !self.is_on("full") => Repeat::Continues,
            Some(_) => Repeat::StartsOver,
        }
    }

    /// Rows that a person has to repair.
    pub(crate) fn to_repair(&self) -> u64 {
        self.count(Situacao::Recusado) + self.count(Situacao::Invalido)
    }

    /// Rows that ended so.
    pub fn count(&self, situacao: Situacao) -> u64 {
        self.situacoes.get(&situacao).copied().unwrap_or(0)
    }

    /// A value of `configuracao`.
    pub fn setting(&self, name: &str) -> Option<&Value> {
        self.configuracao.as_ref()?.get(name)
    }

    /// The JSON form, with a line break at the end.
    pub fn to_json(&self) -> String {
        // Serialising plain data into a string cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}
