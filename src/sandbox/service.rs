//! One HTTP request → one response: routes, methods, the token, and how replies are spelled.
//!
//! What happens to an update is decided in [`super::account`]. A connection that ends without a
//! response is ended in [`super::server`]. The token is compared here and passed to nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::account::{SandboxRefusal, SandboxReply, SimulatedAccount};
use super::config::FailureKind;
use super::request::{self, FormError, SandboxRoute};
use super::update_rules::{self, NameType, UpdateRequest};

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// A connection that ends without a response. The connection's task ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection ends on purpose: {self:?}")]
pub(super) enum Disconnect {
    /// RST.
    Reset,
    /// FIN without a byte of a response.
    Close,
    /// Silence until the client leaves.
    Hang,
    /// Half a response.
    Truncated,
    /// The client's own doing: its request did not arrive whole.
    Lost,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Locked for one decision at a time, and never across an `await`.
    account: Mutex<SimulatedAccount>,
    token: Option<SecretString>,
}

impl Shared {
    pub(super) fn new(account: SimulatedAccount, token: Option<SecretString>) -> Self {
        Self { account: Mutex::new(account), token }
    }

    /// The account. A poisoned lock is still usable: a panic leaves the counters at most one step
    /// behind.
    pub(super) fn account(&self) -> MutexGuard<'_, SimulatedAccount> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, token: &str) -> bool {
        self.token.as_ref().is_none_or(|known| known.expose_secret() == token)
    }
}

/// Answers one request.
///
/// # Errors
/// A [`Disconnect`] where there is to be no HTTP response.
pub(super) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    let Some(route) = request::route(request.uri().path()) else {
        return Ok(refusal(StatusCode::NOT_FOUND, "Endereço não encontrado."));
    };
    let allowed = match route {
        SandboxRoute::Update { .. } => Method::POST,
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
        SandboxRoute::Update { token, identifier, name_type } => {
            update(&shared, request, &token, identifier, &name_type).await
        }
        SandboxRoute::Customer { name_type, identifier } => {
            let account = shared.account();
            let view = NameType::parse(&name_type)
                .and_then(|name_type| account.customers().view(name_type, &identifier));
            Ok(match view {
                Some(view) => json(StatusCode::OK, &view),
                None => refusal(StatusCode::NOT_FOUND, "Cliente não encontrado."),
            })
        }
        SandboxRoute::Customers => Ok(json(StatusCode::OK, &shared.account().customers().views())),
        SandboxRoute::Counters => Ok(json(StatusCode::OK, &shared.account().counters())),
    }
}

/// In the order of a real server: the request arrives whole (its faults are drawn then), waits, is
/// counted and executed, and the response travels back.
async fn update(
    shared: &Shared,
    request: Request<Incoming>,
    token: &str,
    identifier: String,
    name_type: &str,
) -> Result<Response<Full<Bytes>>, Disconnect> {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = match Limited::new(request.into_body(), BODY_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(SandboxRefusal {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            mensagem: "A requisição passa de 1 MiB.".to_owned(),
        }),
        Err(_) => return Err(Disconnect::Lost),
    };
    let faults = shared.account().arrive();
    if !shared.knows(token) {
        shared.account().refuse_unknown_token();
        return Ok(refusal(StatusCode::UNAUTHORIZED, "Token inválido."));
    }
    let checked = body.and_then(|body| check(content_type.as_ref(), &body, identifier, name_type));
    if !faults.jitter.is_zero() {
        tokio::time::sleep(faults.jitter).await;
    }
    // The instant is taken under the lock, so that decisions are in the order of their instants.
    let answer = {
        let mut account = shared.account();
        account.decide(Instant::now(), faults.failure, checked)
    };
    if !faults.latency.is_zero() {
        tokio::time::sleep(faults.latency).await;
    }
    match answer {
        SandboxReply::Done => Ok(reply(StatusCode::OK, false, "Cliente atualizado com sucesso.")),
        SandboxReply::Refused(SandboxRefusal { status, mensagem }) => {
            Ok(refusal(status, &mensagem))
        }
        SandboxReply::Limited => Ok(limited()),
        SandboxReply::Failed(kind) => failed(kind),
    }
}

fn check(
    content_type: Option<&HeaderValue>,
    body: &Bytes,
    identifier: String,
    name_type: &str,
) -> Result<UpdateRequest, SandboxRefusal> {
    let values = request::form(content_type, body).map_err(|error| match error {
        FormError::ContentType => SandboxRefusal {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            mensagem: "O conteúdo deve ser multipart/form-data.".to_owned(),
        },
        FormError::Malformed => SandboxRefusal {
            status: StatusCode::BAD_REQUEST,
            mensagem: "O formulário está incompleto ou malformado.".to_owned(),
        },
        FormError::Part(mensagem) => SandboxRefusal { status: StatusCode::OK, mensagem },
    })?;
    update_rules::check(name_type, identifier, values)
        .map_err(|mensagem| SandboxRefusal { status: StatusCode::OK, mensagem })
}

/// What a client sees of a failure. The texts imitate a gateway in front of an application.
fn failed(kind: FailureKind) -> Result<Response<Full<Bytes>>, Disconnect> {
    match kind {
        FailureKind::Limited => Ok(limited()),
        FailureKind::Status500 => {
            Ok(refusal(StatusCode::INTERNAL_SERVER_ERROR, "Erro interno do servidor (simulado)."))
        }
        FailureKind::Status502 => Ok(html(StatusCode::BAD_GATEWAY, "502 Bad Gateway")),
        FailureKind::Html => Ok(html(StatusCode::OK, "Sistema em manutenção")),
        FailureKind::Reset => Err(Disconnect::Reset),
        FailureKind::Close => Err(Disconnect::Close),
        FailureKind::Hang => Err(Disconnect::Hang),
        FailureKind::Truncated => Err(Disconnect::Truncated),
    }
}

/// Has no `Retry-After`, because the documentation promises none.
fn limited() -> Response<Full<Bytes>> {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Limite de requisições por segundo excedido.")
}

fn refusal(status: StatusCode, mensagem: &str) -> Response<Full<Bytes>> {
    reply(status, true, mensagem)
}

fn reply(status: StatusCode, erro: bool, mensagem: &str) -> Response<Full<Bytes>> {
    #[derive(Serialize)]
    struct ReplyBody<'a> {
        erro: bool,
        mensagem: &'a str,
    }
    json(status, &ReplyBody { erro, mensagem })
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
