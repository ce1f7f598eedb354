//! The summary of a run as data: what `--summary-json` writes, `report` reads back, and the library
//! returns. The terminal's form is [`super::summary`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::Situacao;

/// Version of the JSON schema.
pub(crate) const SUMMARY_VERSION: u32 = 1;

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
    /// HTTP requests made.
    pub requisicoes: u64,
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

impl RunSummary {
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
