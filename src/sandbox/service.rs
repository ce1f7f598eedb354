//! One HTTP request → one response: routes, methods, the token, and how replies are spelled.
//!
//! What happens to an update is decided in [`super::account`]. A connection that ends without a
//! response is ended in [`super::server`]. The token is compared here and passed to nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;

use super::account::{SandboxRefusal, SandboxReply, SimulatedAccount};
use super::config::FailureKind;
use super::request;
use super::update_rules::{self, NameType};

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// A connection that ends without a response, as this failure demands. The connection's task ends
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection ends on purpose: {0:?}")]
pub(super) struct Disconnect(pub FailureKind);

/// Locked for one decision at a time, and never across an `await`. A poisoned lock is still usable: a
/// panic leaves the counters at most one step behind.
fn lock(account: &Mutex<SimulatedAccount>) -> MutexGuard<'_, SimulatedAccount> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request, or tells how its connection ends.
pub(super) async fn answer(
    account: Arc<Mutex<SimulatedAccount>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    if let Some(host) = request::foreign_host(&request) {
        let mensagem = format!(
            "O simulador só atende a própria máquina (localhost, 127.0.0.1), e o pedido era para {host}."
        );
        return Ok(refusal(StatusCode::MISDIRECTED_REQUEST, &mensagem));
    }
    let segments = request::segments(request.uri().path()).unwrap_or_default();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = match segments.as_slice() {
        ["update_cliente", _, _, _] => "POST",
        ["_sandbox", "contagem" | "clientes"] | ["_sandbox", "clientes", _, _] => "GET",
        _ => return Ok(refusal(StatusCode::NOT_FOUND, "Endereço não encontrado.")),
    };
    if request.method() != method {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "Método não permitido.");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
        return Ok(response);
    }
    match segments.as_slice() {
        ["update_cliente", token, identifier, name_type] => {
            update(&account, request, token, identifier, name_type).await
        }
        ["_sandbox", "clientes", name_type, identifier] => {
            let account = lock(&account);
            let customer = NameType::parse(name_type)
                .and_then(|name_type| account.customers.view(name_type, identifier));
            Ok(match customer {
                Some(customer) => json(StatusCode::OK, customer),
                None => refusal(StatusCode::NOT_FOUND, "Cliente não encontrado."),
            })
        }
        ["_sandbox", "clientes"] => Ok(json(StatusCode::OK, &lock(&account).customers.views())),
        _ => Ok(json(StatusCode::OK, &lock(&account).counters())),
    }
}

/// In the order of a real server: the request arrives whole (its faults are drawn then), waits, is
/// counted and executed, and the response travels back.
async fn update(
    account: &Mutex<SimulatedAccount>,
    request: Request<Incoming>,
    token: &str,
    identifier: &str,
    name_type: &str,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = match Limited::new(request.into_body(), BODY_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(SandboxRefusal {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            mensagem: "A requisição passa de 1 MiB.".to_owned(),
        }),
        // It did not arrive whole.
        Err(_) => return Err(Disconnect(FailureKind::Close)),
    };
    let Some(faults) = lock(account).arrive(token) else {
        return Ok(refusal(StatusCode::UNAUTHORIZED, "Token inválido."));
    };
    let form = match body {
        Ok(body) => request::form(content_type.as_ref(), body).await,
        Err(refusal) => Err(refusal),
    };
    let checked = form.and_then(|values| {
        update_rules::check(name_type, identifier.to_owned(), values)
            .map_err(SandboxRefusal::of_rule)
    });
    if !faults.jitter.is_zero() {
        tokio::time::sleep(faults.jitter).await;
    }
    // The instant is taken under the lock, so that decisions are in the order of their instants.
    let reply = {
        let mut account = lock(account);
        account.decide(Instant::now(), faults.failure, checked)
    };
    if !faults.latency.is_zero() {
        tokio::time::sleep(faults.latency).await;
    }
    match reply {
        SandboxReply::Done => {
            Ok(json_reply(StatusCode::OK, false, "Cliente atualizado com sucesso."))
        }
        SandboxReply::Refused(SandboxRefusal { status, mensagem }) => {
            Ok(refusal(status, &mensagem))
        }
        SandboxReply::Failed(kind) => failed(kind),
    }
}

/// What a client sees of a failure. The texts imitate a gateway in front of an application. A 429 has
/// no `Retry-After`, because the documentation promises none.
fn failed(kind: FailureKind) -> Result<Response<Full<Bytes>>, Disconnect> {
    Ok(match kind {
        FailureKind::Limited => {
            refusal(StatusCode::TOO_MANY_REQUESTS, "Limite de requisições por segundo excedido.")
        }
        FailureKind::Status500 => {
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Erro interno do servidor (simulado).")
        }
        FailureKind::Status502 => html(StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
        FailureKind::Html => html(StatusCode::OK, "Sistema em manutenção"),
        _ => return Err(Disconnect(kind)),
    })
}

fn refusal(status: StatusCode, mensagem: &str) -> Response<Full<Bytes>> {
    json_reply(status, true, mensagem)
}

/// A reply in the API's form.
fn json_reply(status: StatusCode, erro: bool, mensagem: &str) -> Response<Full<Bytes>> {
    json(status, &serde_json::json!({ "erro": erro, "mensagem": mensagem }))
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(value) {
        Ok(text) => response(status, "application/json", text.into()),
        // Unreachable: every value here can be serialised.
        Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, "application/json", Bytes::new()),
    }
}

fn html(status: StatusCode, title: &str) -> Response<Full<Bytes>> {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\
         <body><h1>{title}</h1><p>Falha simulada.</p></body></html>\n"
    );
    response(status, "text/html; charset=utf-8", page.into())
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
