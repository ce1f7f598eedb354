//! One HTTP request → one answer: routes, methods, the token, and how replies are spelled.
//!
//! Decisions are [`super::state`]'s; what an answer does to the connection (reset, hang, …) is
//! [`super::server`]'s. The token is compared here and goes no further.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::config::FailureKind;
use super::rules::{self, NameType, Update};
use super::state::{Answer, Refusal, State};
use super::wire::{self, FormError, Route};

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// An answer that HTTP cannot express: the connection's task carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection ends on purpose: {self:?}")]
pub(super) enum Cut {
    /// RST.
    Reset,
    /// FIN without a byte of an answer.
    Close,
    /// Silence until the client leaves.
    Hang,
    /// Half an answer.
    Truncated,
    /// The client's own doing: its request did not arrive whole.
    Lost,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Locked for one decision at a time and never while waiting.
    state: Mutex<State>,
    token: Option<SecretString>,
}

impl Shared {
    pub(super) fn new(state: State, token: Option<SecretString>) -> Self {
        Self { state: Mutex::new(state), token }
    }

    /// The account. A panic elsewhere leaves counters at worst one step behind, so a poisoned lock
    /// is still good.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, token: &str) -> bool {
        self.token.as_ref().is_none_or(|known| known.expose_secret() == token)
    }
}

/// Answers one request.
///
/// # Errors
/// A [`Cut`], when there is to be no HTTP answer.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let Some(route) = wire::route(request.uri().path()) else {
        return Ok(refusal(StatusCode::NOT_FOUND, "Endereço não encontrado."));
    };
    let allowed = match route {
        Route::Update { .. } => Method::POST,
        _ => Method::GET,
    };
    if request.method() != allowed {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "Método não permitido.");
        if let Ok(allowed) = HeaderValue::from_str(allowed.as_str()) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        return Ok(response);
    }
    match route {
        Route::Update { token, identifier, name_type } => {
            update(&shared, request, &token, identifier, &name_type).await
        }
        Route::Customer { name_type, identifier } => {
            let state = shared.state();
            let view = NameType::parse(&name_type)
                .and_then(|name_type| state.store().view(name_type, &identifier));
            Ok(match view {
                Some(view) => json(StatusCode::OK, &view),
                None => refusal(StatusCode::NOT_FOUND, "Cliente não encontrado."),
            })
        }
        Route::Customers => Ok(json(StatusCode::OK, &shared.state().store().views())),
        Route::Counters => Ok(json(StatusCode::OK, &shared.state().counters())),
    }
}

/// The order of a real server: the request arrives whole (here also: its fate is drawn), waits its
/// turn, is counted, executed, and the answer travels back.
async fn update(
    shared: &Shared,
    request: Request<Incoming>,
    token: &str,
    identifier: String,
    name_type: &str,
) -> Result<Response<Full<Bytes>>, Cut> {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = match Limited::new(request.into_body(), BODY_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            mensagem: "A requisição passa de 1 MiB.".to_owned(),
        }),
        Err(_) => return Err(Cut::Lost),
    };
    let fate = shared.state().arrive();
    if !shared.knows(token) {
        shared.state().refuse_stranger();
        return Ok(refusal(StatusCode::UNAUTHORIZED, "Token inválido."));
    }
    let checked = body.and_then(|body| check(content_type.as_ref(), &body, identifier, name_type));
    if !fate.jitter.is_zero() {
        tokio::time::sleep(fate.jitter).await;
    }
    // The instant is taken under the lock, so that instants and decisions have one order.
    let answer = {
        let mut state = shared.state();
        state.decide(Instant::now(), fate.failure, checked)
    };
    if !fate.latency.is_zero() {
        tokio::time::sleep(fate.latency).await;
    }
    match answer {
        Answer::Done => Ok(reply(StatusCode::OK, false, "Cliente atualizado com sucesso.")),
        Answer::Refused(Refusal { status, mensagem }) => Ok(refusal(status, &mensagem)),
        Answer::Limited => Ok(limited()),
        Answer::Failed(kind) => failed(kind),
    }
}

fn check(
    content_type: Option<&HeaderValue>,
    body: &Bytes,
    identifier: String,
    name_type: &str,
) -> Result<Update, Refusal> {
    let values = wire::form(content_type, body).map_err(|error| match error {
        FormError::ContentType => Refusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            mensagem: "O conteúdo deve ser multipart/form-data.".to_owned(),
        },
        FormError::Malformed => Refusal {
            status: StatusCode::BAD_REQUEST,
            mensagem: "O formulário está incompleto ou malformado.".to_owned(),
        },
        FormError::Part(mensagem) => Refusal { status: StatusCode::OK, mensagem },
    })?;
    rules::check(name_type, identifier, values)
        .map_err(|mensagem| Refusal { status: StatusCode::OK, mensagem })
}

/// How a failure looks. The texts imitate what stands in front of an application.
fn failed(kind: FailureKind) -> Result<Response<Full<Bytes>>, Cut> {
    match kind {
        FailureKind::Limited => Ok(limited()),
        FailureKind::Status500 => {
            Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "Erro interno do servidor (simulado)."))
        }
        FailureKind::Status502 => Ok(html(StatusCode::BAD_GATEWAY, "502 Bad Gateway")),
        FailureKind::Html => Ok(html(StatusCode::OK, "Sistema em manutenção")),
        FailureKind::Reset => Err(Cut::Reset),
        FailureKind::Close => Err(Cut::Close),
        FailureKind::Hang => Err(Cut::Hang),
        FailureKind::Truncated => Err(Cut::Truncated),
    }
}

/// Without `Retry-After`: the documentation promises none.
fn limited() -> Response<Full<Bytes>> {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Limite de requisições por segundo excedido.")
}

fn refusal(status: StatusCode, mensagem: &str) -> Response<Full<Bytes>> {
    reply(status, true, mensagem)
}

fn reply(status: StatusCode, erro: bool, mensagem: &str) -> Response<Full<Bytes>> {
    #[derive(Serialize)]
    struct Reply<'a> {
        erro: bool,
        mensagem: &'a str,
    }
    json(status, &Reply { erro, mensagem })
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(value) {
        Ok(text) => response(status, "application/json", text.into()),
        // Only a value that refuses to be serialised could bring us here, and none of ours does.
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
