//! Guards against a wrong export: the run does not begin if the plan is not what the user expects.

use super::{Preflight, PreflightError};
use crate::cli::MaxErrors;
use crate::locale::format::{counted, number};

/// What a plan must satisfy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guards {
    /// The most rows that may be sent (`--max-changes`); a part is one of those that can be.
    pub max_changes: Option<MaxErrors>,
    /// The fewest rows that can be sent (`--min-rows`); not for a rejects file.
    pub min_rows: Option<u64>,
}

impl Preflight {
    /// Refuses a plan that breaks a guard. With a `--limit`, no more rows than that would be sent.
    pub fn guard(&self, guards: &Guards, limit: Option<u64>) -> Result<(), PreflightError> {
        let sendable = self.sendable();
        let to_send = self.to_send(limit);
        if let Some(least) = guards.min_rows
            && sendable < least
            && !self.plan.is_of_rejects()
            && !self.has_selection
        {
            return Err(PreflightError::Guard(format!(
                "só {}, e --min-rows pede {}; a exportação veio inteira? Nada foi enviado. Se está certo, rode uma vez com --min-rows {sendable}",
                counted(sendable, "linha pode ser enviada", "linhas podem ser enviadas"),
                number(least)
            )));
        }
        if let Some(most) = guards.max_changes
            && to_send > most.resolve(sendable)
        {
            let would = if to_send == 1 { "seria enviada" } else { "seriam enviadas" };
            return Err(PreflightError::Guard(format!(
                "{would} {} de {}, e --max-changes permite {}; a exportação está certa? Nada foi enviado. Veja quais com check --show 20, sem --max-changes; se está certo, rode uma vez com --max-changes {to_send}",
                number(to_send),
                counted(sendable, "linha", "linhas"),
                number(most.resolve(sendable))
            )));
        }
        Ok(())
    }
}
