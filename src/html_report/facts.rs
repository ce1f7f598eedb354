//! What only the run knows: its summary JSON, read. The figures are checked against the rows they
//! are to stand beside; nothing is computed here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ReportError;
use crate::html_report::stats::ResultStats;
use crate::locale::os_error::describe_os_error;
use crate::model::Situacao;

/// Bytes of a summary that are read; a year of minutes needs less.
const MOST: u64 = 64 * 1024 * 1024;

/// A run's summary.
#[derive(Debug, Clone, Deserialize)]
pub struct RunFacts {
    versao: u64,
    pub(super) entrada: String,
    situacoes: BTreeMap<String, u64>,
    pub(super) requisicoes: u64,
    pub(super) repeticoes: u64,
    pub(super) limitadas_429: u64,
    pub(super) duracao_s: f64,
    pub(super) por_minuto: Vec<MinuteFacts>,
    pub(super) rejeitados: String,
    pub(super) codigo_saida: u8,
    pub(super) motivo: Option<String>,
    #[serde(default)]
    inicio: Option<String>,
    #[serde(default)]
    pub(super) programa: Option<String>,
    #[serde(default)]
    pub(super) configuracao: Option<Map<String, Value>>,
}

/// One minute of `por_minuto`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct MinuteFacts {
    pub(super) minuto: u64,
    pub(super) limitadas_429: u64,
    pub(super) repeticoes: u64,
}

impl RunFacts {
    /// Reads a summary from a file.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let label = path.display().to_string();
        let mut text = String::new();
        File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text)).map_err(
            |error| ReportError::Summary { path: label.clone(), why: describe_os_error(&error) },
        )?;
        Self::parse(&text, &label)
    }

    /// Reads a summary; `path` is for messages.
    ///
    /// # Errors
    /// When it is none, or of another version.
    pub fn parse(text: &str, path: &str) -> Result<Self, ReportError> {
        let no_summary =
            |line: usize| ReportError::NotSummary { path: path.to_owned(), line: line.max(1) };
        // Another version may have other keys; it is the version that is to be told then.
        let value: Value = serde_json::from_str(text).map_err(|error| no_summary(error.line()))?;
        if let Some(found) = value.get("versao").and_then(Value::as_u64).filter(|v| *v != 1) {
            return Err(ReportError::Version { path: path.to_owned(), found });
        }
        serde_json::from_value(value)
            .ok()
            .filter(|facts: &Self| facts.versao == 1 && facts.duracao_s >= 0.0)
            .ok_or_else(|| no_summary(1))
    }

    /// Checks that the summary is of the run that wrote these rows.
    ///
    /// # Errors
    /// [`ReportError::Mismatch`].
    pub fn agree(
        &self,
        findings: &ResultStats,
        path: &Path,
        results: &Path,
    ) -> Result<(), ReportError> {
        for situacao in Situacao::ALL {
            let in_summary = self.situacoes.get(situacao.as_str()).copied().unwrap_or(0);
            let in_results = findings.counts[situacao.index()];
            if in_summary != in_results {
                return Err(ReportError::Mismatch {
                    path: path.display().to_string(),
                    results: results.display().to_string(),
                    situacao: situacao.as_str(),
                    in_summary,
                    in_results,
                });
            }
        }
        Ok(())
    }

    /// When the first minute of `por_minuto` began, if the summary says so.
    pub(super) fn inicio(&self) -> Option<Timestamp> {
        self.inicio.as_deref()?.parse().ok()
    }

    /// A value of `configuracao`.
    pub(super) fn setting(&self, name: &str) -> Option<&Value> {
        self.configuracao.as_ref()?.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_summary_is_refused() {
        for (text, says) in [
            ("", "linha 1: não é um resumo"),
            ("{\n\"versao\": 1,,\n}", "linha 2: não é um resumo"),
            ("[1]", "não é um resumo"),
            ("{\"versao\": 1}", "não é um resumo"),
            ("{\"versao\": 2}", "versão 2"),
        ] {
            let error = RunFacts::parse(text, "resumo.json").unwrap_err().to_string();
            assert!(error.starts_with("resumo.json") && error.contains(says), "{error}");
        }
    }
}
