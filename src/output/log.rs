//! What `-v` tells of rows and `-vv` of requests: where and how, never what a customer's cell or an
//! answer says.

use crate::model::Outcome;
use crate::scheduler::events::{Request, RequestKind};

/// A row reached its verdict.
pub(super) fn settled(linha: u64, outcome: &Outcome) {
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

/// A request came back, or was given up.
pub(super) fn request(request: &Request) {
    let resultado = match request.kind {
        RequestKind::Accepted => "aceita",
        RequestKind::Limited => "além do limite (429)",
        RequestKind::Other => "recusada ou sem resposta definitiva",
        RequestKind::NotSent => "não saiu desta máquina",
    };
    tracing::debug!(resultado, repeticao = request.repeat, "requisição");
}
