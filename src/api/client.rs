//! The HTTP client: one update, one POST, one [`Attempt`]. No retries, no redirects, no cookies, no
//! decompression; whatever goes wrong comes back as data without the URL.

use std::error::Error;
use std::io;
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
use super::connect::Connector;
use super::connections::{Connections, Failure};
use super::form::Forms;
use super::reply::{BODY_MAX, Body, classify};
use super::{BaseUrl, Endpoint, Token, retry_after};
use crate::crash;
use crate::io_words::io_words;
use crate::model::Update;

/// What can be chosen about the client.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// The whole request, from connecting to the last byte of the reply.
    pub timeout: Duration,
}

/// The client could not be made; nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "não foi possível preparar as conexões seguras (TLS): {0}. Confira se o pacote de certificados do sistema (ca-certificates) está instalado"
)]
pub struct ClientError(String);

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
    /// If TLS cannot be set up, for instance on a machine without any root certificates.
    pub fn new(base: &BaseUrl, token: Token, options: ClientOptions) -> Result<Self, ClientError> {
        let timeout = options.timeout;
        let connector = Connector::new(base).map_err(|error| ClientError(chain(&*error)))?;
        let headers = headers(connector.to()).map_err(|error| ClientError(chain(&error)))?;
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
        crash::if_asked(crash::Part::Send, &path);
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
    fn failed(&self, failure: &Failure, sent: Instant) -> Attempt {
        let error = failure.as_error();
        tracing::debug!(erro = %self.token.scrub_text(chain(error)), "requisição sem resposta");
        let (reply, mensagem) = match failure {
            Failure::NotSent(_) => match certificate_error(error) {
                Some(why) => (
                    Reply::NotSent(Cause::BadCertificate),
                    format!("o certificado do servidor {why}"),
                ),
                None => (
                    Reply::NotSent(Cause::Unreachable),
                    format!("sem conexão com o servidor: {}", innermost(error)),
                ),
            },
            Failure::Broken(_) => (
                Reply::Ambiguous,
                format!("a conexão caiu antes da resposta: {}", innermost(error)),
            ),
        };
        self.gave_up(reply, mensagem, sent)
    }

    fn unanswered(&self, sent: Instant) -> Attempt {
        let seconds = self.timeout.as_secs_f64();
        self.gave_up(Reply::Ambiguous, format!("sem resposta em {seconds} s"), sent)
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

/// What rustls has against the server's certificate, if that was the cause.
fn certificate_error(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = tls_error(error) {
            return Some(certificate_words(why));
        }
        next = error.source();
    }
    None
}

/// Why a certificate is not to be trusted, for a person who can do something about it.
fn certificate_words(why: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as Why;
    match why {
        Why::Expired | Why::ExpiredContext { .. } => {
            "venceu; confira também o relógio desta máquina"
        }
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "ainda não vale; confira o relógio desta máquina"
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "é de outro endereço; confira --base-url"
        }
        Why::UnknownIssuer => {
            "tem um emissor desconhecido; confira --base-url, e se a rede usa um certificado próprio, instale-o nesta máquina"
        }
        Why::Revoked => "foi revogado",
        _ => "não pôde ser verificado; confira --base-url e os certificados desta máquina",
    }
}

/// rustls's error inside I/O errors, one in another: `io::Error::source` skips what it wraps.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut io = error.downcast_ref::<io::Error>();
    let mut found = error.downcast_ref::<rustls::Error>();
    while let (None, Some(inner)) = (found, io.and_then(io::Error::get_ref)) {
        found = inner.downcast_ref::<rustls::Error>();
        io = inner.downcast_ref::<io::Error>();
    }
    found
}

/// The last cause of an error: the one that says what happened (`Connection refused`).
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<io::Error>() {
        Some(error) => io_words(error),
        None => last.to_string(),
    }
}

/// All causes of an error, for the log.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
