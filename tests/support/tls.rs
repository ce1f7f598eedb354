//! Certificates made by the test, and the server side of TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A self-signed certificate and its key.
pub struct Certificate {
    /// The certificate as PEM, for `SSL_CERT_FILE`.
    pub pem: String,
    config: Arc<ServerConfig>,
}

impl Certificate {
    /// A certificate for these host names or addresses, valid now, in no trust store.
    pub fn for_names(names: &[&str]) -> Self {
        Self::between(names, 2000, 4000)
    }

    /// As [`for_names`](Self::for_names), valid from 1 January of one year to that of another.
    pub fn between(names: &[&str], from: i32, to: i32) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = params.self_signed(&signing_key).unwrap();
        let der: CertificateDer<'static> = cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![der], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        Self { pem: cert.pem(), config: Arc::new(config) }
    }

    /// The configuration of the server side.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}
