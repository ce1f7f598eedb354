//! The plan as JSON (`check --summary-json`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::Preflight;
use crate::output::{ColumnCounts, SUMMARY_VERSION};

#[derive(Debug, Serialize)]
struct PlanFile<'a> {
    versao: u32,
    entrada: &'a str,
    linhas: u64,
    plano: Plan,
    codigo_saida: u8,
}

#[derive(Debug, Serialize)]
struct Plan {
    a_enviar: u64,
    /// `null` where nothing is known of what TomTicket holds.
    inalteradas: Option<u64>,
    invalidas: u64,
    fora_do_retrato: u64,
    /// Only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    repetidas_no_retrato: Option<u64>,
    /// Only with `--only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fora_de_only: Option<u64>,
    colunas: BTreeMap<String, ColumnCounts>,
    /// `null` at an unlimited rate.
    duracao_estimada_s: Option<f64>,
}

impl Preflight {
    /// The plan of a run at `per_second`, with `check`'s exit code.
    pub fn plan_json(
        &self,
        entrada: &str,
        per_second: Option<f64>,
        limit: Option<u64>,
        codigo_saida: u8,
    ) -> String {
        let a_enviar = self.to_send(limit);
        let file = PlanFile {
            versao: SUMMARY_VERSION,
            entrada,
            linhas: self.rows,
            plano: Plan {
                a_enviar,
                inalteradas: self.unchanged,
                invalidas: self.invalid,
                fora_do_retrato: self.changes.outside,
                repetidas_no_retrato: Some(self.changes.ambiguous).filter(|count| *count > 0),
                fora_de_only: self.has_selection.then_some(self.left_out),
                colunas: self.changes.columns.counts(),
                duracao_estimada_s: per_second.map(|rate| a_enviar as f64 / rate),
            },
            codigo_saida,
        };
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }
}
