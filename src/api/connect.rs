//! How a connection to the server is made: directly, or through the proxy that the environment
//! names; with TLS where the address says so. What travels over it is not known here.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::Verifier;
use tower_service::Service;

use super::BaseUrl;
use super::proxy::{self, ProxyError};

/// After how long without traffic the system asks whether the other end is still there, and how
/// often it asks again.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long the system repeats what the other end does not acknowledge.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Any error on the way to a connection. The request has not left.
pub(super) type ConnectError = Box<dyn Error + Send + Sync>;

/// A connection's two ends, whatever lies between.
pub(super) trait Stream: Read + Write + Send + Unpin {}
impl<S: Read + Write + Send + Unpin> Stream for S {}

/// Why there can be no connections at all.
#[derive(Debug)]
pub(super) enum ConnectorError {
    /// TLS cannot be set up, or the address is none that a connection can be made to.
    Tls(ConnectError),
    /// The proxy that the environment names cannot be used.
    Proxy(ProxyError),
}

impl<E: Into<ConnectError>> From<E> for ConnectorError {
    fn from(error: E) -> Self {
        Self::Tls(error.into())
    }
}

/// Makes connections to one server.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    to: Uri,
    route: Route,
    /// Host and port of the proxy, for messages.
    proxy: Option<String>,
}

#[derive(Debug, Clone)]
enum Route {
    /// Loopback only: no address beyond this machine may do without TLS.
    Plain(HttpConnector),
    Direct(HttpsConnector<HttpConnector>),
    Proxied(Box<HttpsConnector<Tunnel<HttpsConnector<HttpConnector>>>>),
}

impl Connector {
    /// A connector to the server of `base`. Proxies are as the environment says now, never for
    /// loopback.
    ///
    /// # Errors
    /// See [`ConnectorError`].
    pub fn new(base: &BaseUrl) -> Result<Self, ConnectorError> {
        let to: Uri = base.origin().parse()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        if to.scheme_str() == Some("http") {
            return Ok(Self { to, route: Route::Plain(tcp), proxy: None });
        }
        let tls = Arc::new(tls()?);
        let direct = HttpsConnector::from((tcp, Arc::clone(&tls)));
        let proxy = match base.is_loopback() {
            true => None,
            false => proxy::from_environment(&to).map_err(ConnectorError::Proxy)?,
        };
        let named = proxy.as_ref().and_then(|proxy| proxy.uri().authority()).map(|authority| {
            let host = authority.host();
            authority.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
        });
        let route = match proxy {
            None => Route::Direct(direct),
            Some(proxy) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                Route::Proxied(Box::new(HttpsConnector::from((tunnel, tls))))
            }
        };
        Ok(Self { to, route, proxy: named })
    }

    /// Host and port of the proxy that stands between, if one does.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Where requests go: host and port.
    pub fn to(&self) -> &Uri {
        &self.to
    }

    /// Makes a connection, TLS included, in at most `within`.
    ///
    /// # Errors
    /// Whatever is in the way; `io::ErrorKind::TimedOut` when the time is over.
    pub async fn connect(&self, within: Duration) -> Result<Pin<Box<dyn Stream>>, ConnectError> {
        let connecting = async {
            Ok(match self.route.clone() {
                Route::Plain(mut tcp) => Box::pin(call(&mut tcp, &self.to).await?) as _,
                Route::Direct(mut tls) => Box::pin(call(&mut tls, &self.to).await?) as _,
                Route::Proxied(mut tls) => Box::pin(call(&mut *tls, &self.to).await?) as _,
            })
        };
        match tokio::time::timeout(within, connecting).await {
            Ok(connected) => connected,
            Err(_) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "tempo esgotado ao conectar").into())
            }
        }
    }
}

async fn call<C: Service<Uri>>(connector: &mut C, to: &Uri) -> Result<C::Response, ConnectError>
where
    C::Error: Into<ConnectError>,
{
    std::future::poll_fn(|context| connector.poll_ready(context)).await.map_err(Into::into)?;
    connector.call(to.clone()).await.map_err(Into::into)
}

/// TLS as the system's certificates want it.
fn tls() -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
