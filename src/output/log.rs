//! The log lines of rows (`-v`) and requests (`-vv`). They name lines and outcomes, never the content
//! of a cell or a reply.

use crate::model::Outcome;
use crate::scheduler::events::{Request, RequestKind};

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
    let resultado = match request.kind {
        RequestKind::Accepted => "aceita",
        RequestKind::Limited => "além do limite (429)",
        RequestKind::Other => "recusada ou sem resposta definitiva",
        RequestKind::NotSent => "não saiu desta máquina",
    };
    tracing::debug!(resultado, repeticao = request.repeat, "requisição");
}
