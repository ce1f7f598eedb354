//! The HTTP client: one update, one POST, one [`Attempt`]. No retries, no redirects, no cookies, no
//! decompression; whatever goes wrong comes back as data without the URL.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use tokio::time::{Sleep, sleep};

use super::attempt::{Attempt, Cause, Reply};
use super::connect::{Connector, ConnectorError};
use super::connections::{Connections, Failure};
use super::form::Forms;
use super::proxy::ProxyError;
use super::reply::{BODY_MAX, Body, classify};
use super::{BaseUrl, Endpoint, Token, failure, retry_after};
use crate::locale::format::duration_words;
use crate::model::Update;
use crate::panic_hook;

/// What can be chosen about the client.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// The whole request, from connecting to the last byte of the reply.
    pub timeout: Duration,
}

/// The client could not be made; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No TLS, for instance on a machine without any root certificates.
    #[error(
        "não foi possível preparar as conexões seguras (TLS). Confira se o pacote de certificados do sistema (ca-certificates) está instalado"
    )]
    Tls,
    /// A proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// Sends updates to one account. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connections: Connections,
    endpoint: Endpoint,
    forms: Forms,
    /// What all requests say alike.
    headers: HeaderMap,
    token: Token,
    timeout: Duration,
}

impl Client {
    /// A client for the account of `token` at `base`. Proxies are as the environment says, never
    /// for loopback.
    ///
    /// # Errors
    /// If TLS cannot be set up, or the environment names a proxy that cannot be used.
    pub fn new(base: &BaseUrl, token: Token, options: ClientOptions) -> Result<Self, ClientError> {
        let timeout = options.timeout;
        let tls = |error: &(dyn std::error::Error + 'static)| {
            tracing::debug!(erro = %failure::chain(error), "TLS");
            ClientError::Tls
        };
        let connector = Connector::new(base).map_err(|error| match error {
            ConnectorError::Proxy(error) => error.into(),
            ConnectorError::Tls(error) => tls(&*error),
        })?;
        let headers = headers(connector.to()).map_err(|error| tls(&error))?;
        let connections = Connections::new(connector, timeout);
        let endpoint = Endpoint::new(base, &token);
        let forms = Forms::new();
        Ok(Self(Arc::new(Inner { connections, endpoint, forms, headers, token, timeout })))
    }

    /// Sends one update once and waits for the reply (or for the timeout).
    pub async fn send(&self, update: &Update) -> Attempt {
        self.0.send(update).await
    }
}

impl Inner {
    async fn send(&self, update: &Update) -> Attempt {
        let sent = Instant::now();
        let Some(path) = self.endpoint.path(update.customer()) else {
            return Attempt {
                reply: Reply::Refused,
                status: None,
                mensagem: "o identificador não cabe no endereço da requisição".to_owned(),
                sent,
                answered: sent,
            };
        };
        panic_hook::if_asked(panic_hook::Part::Send, &path);
        let mut clock = pin!(sleep(self.timeout));
        let request = self.request(path, update);
        let (response, connection) =
            match before(clock.as_mut(), self.connections.send(request)).await {
                Some(Ok(answered)) => answered,
                Some(Err(failure)) => return self.failed(&failure, sent),
                None => return self.unanswered(sent),
            };
        let answered = Instant::now();
        let status = response.status().as_u16();
        let pause = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after::parse(value.as_bytes(), SystemTime::now()));
        let read = before(clock, read_body(response.into_body())).await;
        let scrubbed;
        let body = match &read {
            Some(Read::Whole(bytes)) => {
                self.connections.keep(connection);
                scrubbed = self.token.scrub(bytes);
                Body::Whole(&scrubbed)
            }
            Some(Read::TooLong) => Body::TooLong,
            Some(Read::Cut) | None => Body::Cut,
        };
        let (mut reply, mensagem) = classify(status, body);
        if let Reply::Limited { retry_after } = &mut reply {
            *retry_after = pause;
        }
        Attempt {
            reply,
            status: Some(status),
            mensagem: self.token.scrub_text(mensagem),
            sent,
            answered,
        }
    }

    fn request(&self, path: Uri, update: &Update) -> Request<Full<Bytes>> {
        let (content_type, body) = self.forms.write(update);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path;
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        request
    }

    /// No response: did the request leave or not?
    fn failed(&self, cause: &Failure, sent: Instant) -> Attempt {
        let error = cause.as_error();
        let detail = self.token.scrub_text(failure::chain(error));
        tracing::debug!(erro = %detail, "requisição sem resposta");
        let words = failure::words(error);
        let (reply, mensagem) =
            match (cause, failure::certificate_error(error), self.connections.proxy()) {
                (Failure::NotSent(_), Some(why), _) => (
                    Reply::NotSent(Cause::BadCertificate),
                    format!("o certificado do servidor {why}"),
                ),
                (Failure::NotSent(_), None, None) => (
                    Reply::NotSent(Cause::Unreachable),
                    format!("sem conexão com o servidor: {words}"),
                ),
                (Failure::NotSent(_), None, Some(proxy)) => (
                    Reply::NotSent(Cause::Proxy),
                    format!("sem conexão pelo proxy {proxy}: {words}"),
                ),
                (Failure::Broken(_), _, _) => {
                    (Reply::Ambiguous, format!("sem resposta completa: {words}"))
                }
            };
        self.gave_up(reply, mensagem, sent)
    }

    fn unanswered(&self, sent: Instant) -> Attempt {
        let words = duration_words(self.timeout);
        self.gave_up(Reply::Ambiguous, format!("sem resposta em {words}"), sent)
    }

    fn gave_up(&self, reply: Reply, mensagem: String, sent: Instant) -> Attempt {
        let mensagem = self.token.scrub_text(mensagem);
        Attempt { reply, status: None, mensagem, sent, answered: Instant::now() }
    }
}

/// The headers of a request to `to`, its `Content-Type` apart.
fn headers(to: &Uri) -> Result<HeaderMap, hyper::header::InvalidHeaderValue> {
    let host = to.authority().map_or("", |authority| authority.as_str());
    let agent = concat!("tomticket-sync/", env!("CARGO_PKG_VERSION"));
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::try_from(host)?);
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    Ok(headers)
}

/// What `work` gives, or `None` if `clock` ends first.
async fn before<T>(clock: Pin<&mut Sleep>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = clock => None,
    }
}

/// A body as it was read.
enum Read {
    Whole(Bytes),
    TooLong,
    Cut,
}

async fn read_body(mut body: Incoming) -> Read {
    let mut whole = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Read::Cut };
        // Trailers say nothing that is wanted.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > BODY_MAX {
            return Read::TooLong;
        }
        // Nearly every reply comes in one piece.
        whole = if whole.is_empty() { data } else { [whole, data].concat().into() };
        if body.is_end_stream() {
            break;
        }
    }
    Read::Whole(whole)
}
