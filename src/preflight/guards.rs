//! Guards against a wrong export: the run does not begin if the plan is not what the user expects.

use super::{Preflight, PreflightError};
use crate::cli::MaxErrors;
use crate::locale::format::number;

/// What a plan must satisfy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guards {
    /// The most rows that may be sent (`--max-changes`), of those that can be.
    pub max_changes: Option<MaxErrors>,
    /// The fewest rows that can be sent (`--min-rows`); not for a rejects file.
    pub min_rows: Option<u64>,
}

impl Preflight {
    /// Refuses a plan that breaks a guard.
    pub fn guard(&self, guards: &Guards) -> Result<(), PreflightError> {
        let sendable = self.sendable();
        let to_send = self.to_send(None);
        if let Some(least) = guards.min_rows
            && sendable < least
            && !self.plan.is_of_rejects()
            && self.wanted == 0
        {
            return Err(PreflightError::Guard(format!(
                "só {} linhas podem ser enviadas, e --min-rows pede {}; a exportação veio inteira? Nada foi enviado. Se está certo, rode uma vez com --min-rows {sendable}",
                number(sendable),
                number(least)
            )));
        }
        if let Some(most) = guards.max_changes
            && to_send > most.resolve(sendable)
        {
            return Err(PreflightError::Guard(format!(
                "seriam enviadas {} de {} linhas, e --max-changes permite {}; a exportação está certa? Nada foi enviado. Veja o que mudaria com tomticket-sync check; se está certo, rode uma vez com --max-changes {to_send}",
                number(to_send),
                number(sendable),
                number(most.resolve(sendable))
            )));
        }
        Ok(())
    }
}
