//! The HTTP client: one update, one POST, one [`Attempt`]. It does not retry, follow redirects, keep
//! cookies or decompress. An error comes back as data, without the URL.

use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt;
use reqwest::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Proxy, Request, Response, Url, redirect, retry};
use rustls::crypto::ring;
use tokio::time::timeout_at;
use url::Position;

use super::attempt::{Attempt, ReadAttempt, Reply};
use super::proxy::{self, ProxyError};
use super::response::{BODY_MAX, Body, classify};
use super::v2::{self, ReadRequest};
use super::{ApiVersion, BaseUrl, Token, retry_after, transport_error, v1};
use crate::locale::format::duration_words;
use crate::model::Update;
use crate::panic_hook;

/// The longest wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept. Shorter than a server's own limit, because a POST that is
/// written to a connection while the server closes it is not repeated here.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// The longest form, in bytes, that is sent on a connection meant for further requests. A server
/// that answers a longer one before it has read it all may close the connection at any time.
const KEEP_ALIVE_FORM_MAX: usize = 16 * 1024;
/// How long a reply that has arrived may still be read after the timeout. A process that was stopped
/// for longer than the timeout finds the replies of that time in its sockets.
const GRACE: Duration = Duration::from_millis(250);

/// The most that is read of a reply to a reading request, in bytes: a page of 50 customers with many
/// custom fields.
const READ_BODY_MAX: usize = 4 * 1024 * 1024;

/// Why there is no client; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// For instance on a machine without any root certificates.
    #[error(
        "não foi possível preparar as conexões seguras (TLS). Confira se o pacote de certificados do sistema (ca-certificates) está instalado"
    )]
    Tls,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// Sends updates to one account, and reads it.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: BaseUrl,
    version: ApiVersion,
    endpoint: v1::Endpoint,
    token: Token,
    /// Host and port of the proxy, for messages.
    proxy: Option<String>,
    timeout: Duration,
}

impl Client {
    /// A client for the account of `token` at `base`. Proxies are as the environment says, never
    /// for loopback. `timeout` is for the whole request, from connecting to the last byte of the
    /// response.
    pub fn new(
        base: &BaseUrl,
        token: Token,
        version: ApiVersion,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let proxy = proxy::from_environment(base)?;
        let http = http_client(base, proxy.clone(), timeout).map_err(|error| {
            tracing::debug!(erro = %transport_error::chain(&error), "TLS");
            ClientError::Tls
        })?;
        let proxy = proxy.map(|url| url[Position::BeforeHost..Position::AfterPort].to_owned());
        let endpoint = v1::Endpoint::new(base, &token);
        Ok(Self { http, base: base.clone(), version, endpoint, token, proxy, timeout })
    }

    /// Sends one update once and waits for the reply, at most until the timeout.
    pub async fn send(&self, update: &Update) -> Attempt {
        let url = match self.version {
            ApiVersion::V1 => self.endpoint.url(update.customer()),
            ApiVersion::V2 => v2::update_url(&self.base),
        };
        let Some(url) = url else {
            return Attempt {
                reply: Reply::Refused,
                status: None,
                mensagem: "o identificador não cabe no endereço da requisição".to_owned(),
                answered: Instant::now(),
            };
        };
        panic_hook::inject_panic_if_requested("send", &url);
        let mut patience = Patience::new(self.timeout);
        let response = match self.request(url, update).await {
            Ok(request) => patience.wait(self.http.execute(request)).await,
            Err(error) => Some(Err(error)),
        };
        let answered = Instant::now();
        let (reply, status, mensagem) = match response {
            None => {
                let mensagem = format!("sem resposta em {}", duration_words(self.timeout));
                (Reply::Ambiguous, None, mensagem)
            }
            Some(Ok(response)) => {
                let status = response.status().as_u16();
                let pause = pause_asked(response.headers());
                let body = read_body(response, BODY_MAX, &mut patience).await;
                let (mut reply, mensagem) =
                    classify(status, &body, self.version, |text| self.token.redact(text));
                if let Reply::Limited { retry_after } = &mut reply {
                    *retry_after = pause;
                }
                (reply, Some(status), mensagem)
            }
            Some(Err(error)) => {
                // In version 1 the URL holds the token.
                let error = error.without_url();
                let detail = self.token.redact(transport_error::chain(&error));
                tracing::debug!(erro = %detail, "requisição sem resposta");
                let proxy = self.proxy.as_deref();
                let (reply, mensagem) = transport_error::classify(&error, proxy);
                (reply, None, mensagem)
            }
        };
        Attempt { reply, status, mensagem: self.token.redact(mensagem), answered }
    }

    /// Reads once. The token goes in a header, so that it stands in no server's log of addresses.
    pub async fn read(&self, request: ReadRequest) -> ReadAttempt {
        let failed = |reply, status, mensagem, answered| ReadAttempt {
            reply,
            status,
            body: Vec::new(),
            mensagem,
            answered,
        };
        let Some(url) = request.url(&self.base) else {
            let mensagem = "o nome não cabe no endereço da requisição".to_owned();
            return failed(Reply::Refused, None, mensagem, Instant::now());
        };
        let request = self
            .http
            .get(url)
            .header(AUTHORIZATION, self.token.bearer())
            .header(CACHE_CONTROL, "no-cache");
        let mut patience = Patience::new(self.timeout);
        let response = patience.wait(request.send()).await;
        let answered = Instant::now();
        let response = match response {
            Some(Ok(response)) => response,
            None => {
                let mensagem = format!("sem resposta em {}", duration_words(self.timeout));
                return failed(Reply::Ambiguous, None, mensagem, answered);
            }
            Some(Err(error)) => {
                let proxy = self.proxy.as_deref();
                let (reply, mensagem) = transport_error::classify(&error.without_url(), proxy);
                return failed(reply, None, self.token.redact(mensagem), answered);
            }
        };
        let status = response.status().as_u16();
        let retry_after = pause_asked(response.headers());
        let reply = match status {
            200..=299 => Reply::Accepted,
            300..=399 => Reply::Redirected,
            401 | 403 => Reply::Denied,
            429 => Reply::Limited { retry_after },
            400..=499 if status != 408 => Reply::Refused,
            _ => Reply::Ambiguous,
        };
        // Of the others, only a 404 says more: whether it is the API's own.
        let mensagem =
            if reply == Reply::Accepted { String::new() } else { format!("HTTP {status}") };
        if reply != Reply::Accepted && status != 404 {
            return failed(reply, Some(status), mensagem, answered);
        }
        let why = match read_body(response, READ_BODY_MAX, &mut patience).await {
            Body::Whole(body) => {
                return ReadAttempt { reply, status: Some(status), body, mensagem, answered };
            }
            Body::TooLong => "a resposta passa de 4 MiB",
            Body::Cut => "a resposta veio incompleta",
        };
        failed(Reply::Ambiguous, Some(status), why.to_owned(), answered)
    }

    async fn request(&self, url: Url, update: &Update) -> reqwest::Result<Request> {
        let request = self.http.post(url);
        let request = match self.version {
            ApiVersion::V1 => request.multipart(v1::form(update)),
            ApiVersion::V2 => {
                let token = self.token.bearer();
                request.header(AUTHORIZATION, token).multipart(v2::form(update))
            }
        };
        let mut request = request.build()?;
        // A form is a stream of small pieces, which hyper writes in several goes. One piece takes one.
        let form = match request.body_mut().take() {
            Some(form) => form.collect().await?.to_bytes(),
            None => Bytes::new(),
        };
        if form.len() > KEEP_ALIVE_FORM_MAX {
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        *request.body_mut() = Some(form.into());
        Ok(request)
    }
}

fn http_client(
    base: &BaseUrl,
    proxy: Option<Url>,
    timeout: Duration,
) -> reqwest::Result<reqwest::Client> {
    // An error means that one is installed already.
    let _ = ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("tomticket-sync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .http1_only()
        .pool_idle_timeout(IDLE_TIMEOUT)
        // Ends before the timeout of the whole request does, or a request without a connection
        // would look like one without a reply.
        .connect_timeout(CONNECT_TIMEOUT.min(timeout.mul_f64(0.9)))
        // The environment is read in `proxy`.
        .no_proxy();
    if let Some(proxy) = proxy {
        builder = builder.proxy(Proxy::all(proxy)?);
    }
    if !base.is_https() {
        // A rehearsal must also run on a machine without certificates.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    retry_after::parse(headers.get(RETRY_AFTER)?.as_bytes(), SystemTime::now())
}

/// The time that one request has, from connecting to the last byte of the response.
struct Patience {
    until: tokio::time::Instant,
    grace: Duration,
}

impl Patience {
    fn new(timeout: Duration) -> Self {
        Self { until: tokio::time::Instant::now() + timeout, grace: GRACE }
    }

    /// Waits for one part of the exchange; `None` when the time is over. The grace is given once.
    async fn wait<T>(&mut self, part: impl Future<Output = T>) -> Option<T> {
        let mut part = pin!(part);
        if let Ok(done) = timeout_at(self.until, &mut part).await {
            return Some(done);
        }
        self.until = tokio::time::Instant::now() + std::mem::take(&mut self.grace);
        timeout_at(self.until, part).await.ok()
    }
}

/// Reads a body up to `most` bytes.
async fn read_body(mut response: Response, most: usize, patience: &mut Patience) -> Body {
    let mut whole = Vec::new();
    loop {
        match patience.wait(response.chunk()).await {
            Some(Ok(Some(chunk))) if whole.len() + chunk.len() > most => return Body::TooLong,
            Some(Ok(Some(chunk))) => whole.extend_from_slice(&chunk),
            Some(Ok(None)) => return Body::Whole(whole),
            Some(Err(_)) | None => return Body::Cut,
        }
    }
}
