//! The log lines of rows (`-v`) and requests (`-vv`). They name lines and outcomes, never the content
//! of a cell or a reply.

use crate::api::Reply;
use crate::model::Outcome;
use crate::scheduler::events::Request;

/// Logs a row that ended with an error or needed repeats.
pub(super) fn row(linha: u64, outcome: &Outcome) {
    if outcome.situacao.erro() {
        tracing::info!(
            linha,
            situacao = outcome.situacao.as_str(),
            http_status = outcome.http_status,
            tentativas = outcome.tentativas,
            "linha com erro"
        );
    } else if outcome.tentativas > 1 {
        tracing::info!(
            linha,
            situacao = outcome.situacao.as_str(),
            tentativas = outcome.tentativas,
            "linha aceita depois de repetições"
        );
    }
}

/// Logs a request that was answered or given up.
pub(super) fn request(request: &Request) {
    let resultado = match request.reply {
        Reply::Accepted => "aceita",
        Reply::Limited { .. } => "além do limite (429)",
        Reply::NotSent(_) => "não saiu desta máquina",
        _ => "recusada ou sem resposta definitiva",
    };
    tracing::debug!(resultado, repeticao = request.repeat, "requisição");
}
