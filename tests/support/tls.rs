//! A certificate made on the spot, and the server side of TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A self-signed certificate and its key.
pub struct Certificate {
    /// As a PEM file would hold it, for `SSL_CERT_FILE`.
    pub pem: String,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// A certificate for these host names or addresses, valid now, trusted by nobody.
    pub fn for_names(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let der: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        Self { pem: made.cert.pem(), config: Arc::new(config) }
    }

    /// What the server side of a connection needs.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}
