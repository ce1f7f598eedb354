//! One HTTP request → one response: routes, methods, the token, and how replies are spelled.
//!
//! What happens to an update is decided in [`super::account`]. A connection that ends without a
//! response is ended in [`super::server`]. The token is compared here and passed to nothing else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;

use super::account::{SandboxRefusal, SandboxReply, SimulatedAccount};
use super::config::FailureKind;
use super::customers::CustomerStore;
use super::update_rules::{self, NameType, UpdateRequest};
use super::{reading, request};

/// The largest body that is read, in bytes.
const BODY_MAX: usize = 1024 * 1024;

const NO_CUSTOMER: &str = "Cliente não encontrado.";

/// The page of the gateway in front of v2.0.
const TOO_MANY_REQUESTS: &[u8] = b"<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n\
    <body>\r\n<center><h1>429 Too Many Requests</h1></center>\r\n<hr><center>nginx</center>\r\n\
    </body>\r\n</html>\r\n";

/// A connection that ends without a response, as this failure demands. The connection's task ends
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection ends on purpose: {0:?}")]
pub(super) struct Disconnect(pub FailureKind);

/// Locked for one decision at a time, and never across an `await`. A poisoned lock is still usable: a
/// panic leaves the counters at most one step behind.
fn lock(account: &Mutex<SimulatedAccount>) -> MutexGuard<'_, SimulatedAccount> {
    let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
    account.execute_late(Instant::now());
    account
}

/// How a version of the API spells its replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SimulatedApi {
    V1,
    V2,
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
        return Ok(SimulatedApi::V1.refusal(StatusCode::MISDIRECTED_REQUEST, &mensagem));
    }
    let segments = request::segments(request.uri().path()).unwrap_or_default();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let api = if segments.first() == Some(&"v2.0") { SimulatedApi::V2 } else { SimulatedApi::V1 };
    let method = match segments.as_slice() {
        ["update_cliente", _, _, _] | ["v2.0", "customer", "update"] => "POST",
        ["_sandbox", "contagem" | "clientes"] | ["_sandbox", "clientes", _, _] => "GET",
        ["v2.0", "customer", "list" | "details" | "exists"]
        | ["v2.0", "customers", "exists"]
        | ["v2.0", "organization", "list"] => "GET",
        _ => return Ok(api.refusal(StatusCode::NOT_FOUND, "Endereço não encontrado.")),
    };
    if request.method() != method {
        let mut response = api.refusal(StatusCode::METHOD_NOT_ALLOWED, "Método não permitido.");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
        return Ok(response);
    }
    match segments.as_slice() {
        ["update_cliente", token, identifier, name_type] => {
            update(&account, request, Some(token), api, |values| {
                update_rules::check(&update_rules::V1, name_type, (*identifier).to_owned(), values)
                    .map_err(SandboxRefusal::of_rule)
            })
            .await
        }
        ["v2.0", _, "update"] => {
            let token = bearer(request.headers()).map(str::to_owned);
            update(&account, request, token.as_deref(), api, |values| {
                update_rules::check_v2(values).map_err(SandboxRefusal::of_rule)
            })
            .await
        }
        ["v2.0", what @ ..] => read(&account, &request, what).await,
        ["_sandbox", "clientes", name_type, identifier] => {
            let account = lock(&account);
            let customer = NameType::parse(name_type)
                .and_then(|name_type| account.customers.view(name_type, identifier));
            Ok(match customer {
                Some(customer) => json(StatusCode::OK, customer),
                None => api.refusal(StatusCode::NOT_FOUND, NO_CUSTOMER),
            })
        }
        ["_sandbox", "clientes"] => Ok(json(StatusCode::OK, &lock(&account).customers.views())),
        _ => Ok(json(StatusCode::OK, &lock(&account).counters())),
    }
}

/// The token in the header of a v2.0 request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.as_bytes();
    std::str::from_utf8(header).ok()?.strip_prefix("Bearer ")
}

/// In the order of a real server: the request arrives whole (its faults are drawn then), waits, is
/// counted and executed, and the response travels back.
async fn update(
    account: &Mutex<SimulatedAccount>,
    request: Request<Incoming>,
    token: Option<&str>,
    api: SimulatedApi,
    check: impl FnOnce(Vec<(String, String)>) -> Result<UpdateRequest, SandboxRefusal>,
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
        return Ok(api.refusal(StatusCode::UNAUTHORIZED, "Token inválido."));
    };
    let form = match body {
        Ok(body) => request::form(content_type.as_ref(), body).await,
        Err(refusal) => Err(refusal),
    };
    let checked = form.and_then(check).map_err(|refusal| api.of_values(refusal));
    sleep(faults.jitter).await;
    // The instant is taken under the lock, so that decisions are in the order of their instants.
    let reply = {
        let mut account = lock(account);
        account.decide(Instant::now(), faults, checked)
    };
    sleep(faults.latency).await;
    match reply {
        SandboxReply::Done => Ok(api.done()),
        SandboxReply::Refused(SandboxRefusal { status, mensagem }) => {
            Ok(api.refusal(status, &mensagem))
        }
        SandboxReply::Failed(kind) => api.failed(kind),
    }
}

/// Answers a read in the same order. It shows the state at the instant at which it was counted.
async fn read(
    account: &Mutex<SimulatedAccount>,
    request: &Request<Incoming>,
    what: &[&str],
) -> Result<Response<Full<Bytes>>, Disconnect> {
    let token = bearer(request.headers());
    let query = ReadQuery::of(request.uri().query().unwrap_or_default());
    let Some(faults) = lock(account).arrive_to_read(token) else {
        return Ok(SimulatedApi::V2.refusal(StatusCode::UNAUTHORIZED, "Token inválido."));
    };
    sleep(faults.jitter).await;
    let shown = {
        let mut account = lock(account);
        let no_reads = account.no_reads;
        match account.read(Instant::now(), faults) {
            Ok(_) if no_reads => Ok(SimulatedApi::V2
                .refusal(StatusCode::FORBIDDEN, "O plano ou o token não permite consultas.")),
            Ok(customers) => Ok(show(customers, what, &query)),
            Err(kind) => Err(kind),
        }
    };
    sleep(faults.latency).await;
    shown.or_else(|kind| SimulatedApi::V2.failed(kind))
}

/// The parameters of a read. Others are ignored, `limit` too.
#[derive(Debug)]
struct ReadQuery {
    page: usize,
    show_custom_fields: bool,
    customer_id: String,
    customer_type: Option<NameType>,
}

impl ReadQuery {
    fn of(query: &str) -> Self {
        let mut read = Self {
            page: 1,
            show_custom_fields: false,
            customer_id: String::new(),
            customer_type: Some(NameType::Internal),
        };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "page" => read.page = value.parse().unwrap_or(1).max(1),
                "show_custom_fields" => read.show_custom_fields = value == "1",
                "customer_id" => read.customer_id = value.into_owned(),
                "customer_type_id" => read.customer_type = NameType::parse(&value),
                _ => {}
            }
        }
        read
    }
}

fn show(customers: &CustomerStore, what: &[&str], query: &ReadQuery) -> Response<Full<Bytes>> {
    let found = || customers.view(query.customer_type?, &query.customer_id);
    let page = match what {
        ["customer", "list"] => reading::customers(customers, query.page, query.show_custom_fields)
            .map(|page| json(StatusCode::OK, &page)),
        ["organization", "list"] => {
            reading::organizations(customers, query.page).map(|page| json(StatusCode::OK, &page))
        }
        ["customer", "details"] => {
            return match found() {
                Some(customer) => json(StatusCode::OK, &reading::details(customers, customer)),
                None => SimulatedApi::V2.refusal(StatusCode::NOT_FOUND, NO_CUSTOMER),
            };
        }
        _ => {
            let exists = found().is_some();
            let reply = serde_json::json!({
                "error": false, "message": null, "success": true, "exists": exists
            });
            return json(StatusCode::OK, &reply);
        }
    };
    page.unwrap_or_else(|| SimulatedApi::V2.refusal(StatusCode::NOT_FOUND, "page not found"))
}

async fn sleep(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

impl SimulatedApi {
    /// How a form that breaks a rule is refused: v2.0 documents 401 for wrong values, and was seen to
    /// give it to a body that is no form.
    fn of_values(self, refusal: SandboxRefusal) -> SandboxRefusal {
        match self {
            Self::V1 => refusal,
            Self::V2 => SandboxRefusal { status: StatusCode::UNAUTHORIZED, ..refusal },
        }
    }

    fn done(self) -> Response<Full<Bytes>> {
        match self {
            Self::V1 => json(
                StatusCode::OK,
                &serde_json::json!({ "erro": false, "mensagem": "Cliente atualizado com sucesso." }),
            ),
            Self::V2 => json(
                StatusCode::OK,
                &serde_json::json!({ "error": false, "message": null, "success": true }),
            ),
        }
    }

    fn refusal(self, status: StatusCode, mensagem: &str) -> Response<Full<Bytes>> {
        let reply = match self {
            Self::V1 => serde_json::json!({ "erro": true, "mensagem": mensagem }),
            Self::V2 => serde_json::json!({
                "error": true, "message": mensagem, "success": false, "errorcode": status.as_u16()
            }),
        };
        json(status, &reply)
    }

    /// What a client sees of a failure. The texts imitate a gateway in front of an application. A 429
    /// has no `Retry-After`, because the documentation promises none; v2.0's was seen to be a page.
    fn failed(self, kind: FailureKind) -> Result<Response<Full<Bytes>>, Disconnect> {
        Ok(match kind {
            FailureKind::Limited if self == Self::V2 => response(
                StatusCode::TOO_MANY_REQUESTS,
                "text/html",
                Bytes::from_static(TOO_MANY_REQUESTS),
            ),
            FailureKind::Limited => self.refusal(
                StatusCode::TOO_MANY_REQUESTS,
                "Limite de requisições por segundo excedido.",
            ),
            FailureKind::Status500 => self
                .refusal(StatusCode::INTERNAL_SERVER_ERROR, "Erro interno do servidor (simulado)."),
            FailureKind::Status502 => html(StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
            FailureKind::Html => html(StatusCode::OK, "Sistema em manutenção"),
            _ => return Err(Disconnect(kind)),
        })
    }
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
