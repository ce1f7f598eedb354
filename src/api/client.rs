//! The HTTP client: one update, one POST, one [`Attempt`]. No retries, no redirects, no cookies, no
//! decompression; whatever goes wrong comes back as data without the URL.

use std::error::Error as _;
use std::io;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, Request};

use super::attempt::{Attempt, Cause, Reply};
use super::form::Forms;
use super::reply::{BODY_MAX, Body, classify};
use super::{BaseUrl, Endpoint, Token, retry_after};
use crate::crash;
use crate::io_words::io_words;
use crate::model::Update;

/// How long to wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept. A server that closes idle connections must not win the
/// race against the next request: hyper does not resend a POST that was already written.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// What can be chosen about the client.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// The whole request, from connecting to the last byte of the reply.
    pub timeout: Duration,
    /// Connections that may lie idle: as many as requests can be in flight.
    pub connections: usize,
}

/// The client could not be made; nothing was sent.
#[derive(Debug, thiserror::Error)]
#[error(
    "não foi possível preparar as conexões seguras (TLS): {0}. Confira se o pacote de certificados do sistema (ca-certificates) está instalado"
)]
pub struct ClientError(String);

/// Sends updates to one account.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    forms: Forms,
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
        // Fails only when somebody installed a provider before, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tomticket-sync/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT.min(options.timeout.mul_f64(0.9)))
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(options.connections);
        if base.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| ClientError(chain(&e.without_url())))?;
        let endpoint = Endpoint::new(base, &token);
        Ok(Self { http, endpoint, forms: Forms::new(), token, timeout: options.timeout })
    }

    /// Sends one update once and waits for the reply (or for the timeout).
    pub async fn send(&self, update: &Update) -> Attempt {
        let sent = Instant::now();
        let Some(url) = self.endpoint.url(update.customer()) else {
            return Attempt {
                reply: Reply::Refused,
                status: None,
                mensagem: "o identificador não cabe no endereço da requisição".to_owned(),
                sent,
                answered: sent,
            };
        };
        crash::if_asked(crash::Part::Send, &url);
        let mut request = Request::new(Method::POST, url);
        let (content_type, body) = self.forms.write(update);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        *request.body_mut() = Some(body.into());
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return self.failed(error, sent),
        };
        let answered = Instant::now();
        let status = response.status().as_u16();
        let pause = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry_after::parse(value.as_bytes(), SystemTime::now()));
        let mut buffer = Vec::new();
        let body = read_body(response, &mut buffer).await;
        let scrubbed;
        let body = match body {
            Body::Whole(bytes) => {
                scrubbed = self.token.scrub(bytes);
                Body::Whole(&scrubbed)
            }
            other => other,
        };
        let (mut reply, mensagem) = classify(status, body);
        if let Reply::Limited { retry_after } = &mut reply {
            *retry_after = pause;
        }
        Attempt {
            reply,
            status: Some(status),
            mensagem: self.token.scrub_text(&mensagem),
            sent,
            answered,
        }
    }

    /// No response: did the request leave or not?
    fn failed(&self, error: reqwest::Error, sent: Instant) -> Attempt {
        let error = error.without_url();
        tracing::debug!(erro = %self.token.scrub_text(&chain(&error)), "requisição sem resposta");
        let (reply, mensagem) = if error.is_connect() {
            if let Some(why) = certificate_error(&error) {
                let why = format!("o certificado do servidor {why}");
                (Reply::NotSent(Cause::BadCertificate), why)
            } else {
                let why = format!("sem conexão com o servidor: {}", innermost(&error));
                (Reply::NotSent(Cause::Unreachable), why)
            }
        } else if error.is_timeout() {
            let seconds = self.timeout.as_secs_f64();
            (Reply::Ambiguous, format!("sem resposta em {seconds} s"))
        } else {
            let why = format!("a conexão caiu antes da resposta: {}", innermost(&error));
            (Reply::Ambiguous, why)
        };
        Attempt {
            reply,
            status: None,
            mensagem: self.token.scrub_text(&mensagem),
            sent,
            answered: Instant::now(),
        }
    }
}

async fn read_body(mut response: reqwest::Response, buffer: &mut Vec<u8>) -> Body<'_> {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if buffer.len() + chunk.len() > BODY_MAX => return Body::TooLong,
            Ok(Some(chunk)) => buffer.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(buffer),
            Err(_) => return Body::Cut,
        }
    }
}

/// What rustls has against the server's certificate, if that was the cause.
fn certificate_error(error: &reqwest::Error) -> Option<&'static str> {
    let mut next = error.source();
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
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut io = error.downcast_ref::<io::Error>();
    let mut found = error.downcast_ref::<rustls::Error>();
    while let (None, Some(inner)) = (found, io.and_then(io::Error::get_ref)) {
        found = inner.downcast_ref::<rustls::Error>();
        io = inner.downcast_ref::<io::Error>();
    }
    found
}

/// The last cause of an error: the one that says what happened (`Connection refused`).
fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<io::Error>() {
        Some(error) => io_words(error),
        None if error.is_connect() && error.is_timeout() => "tempo esgotado ao conectar".to_owned(),
        None => last.to_string(),
    }
}

/// All causes of an error, for the log.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
