//! A client that is only a socket: it sends what it is told and shows what came back. It knows
//! nothing of the product, and never retries.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tomticket_sync::sandbox::{Sandbox, SandboxConfig};

/// Longer than anything here can take; reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub async fn start(config: SandboxConfig) -> Sandbox {
    Sandbox::start(config).await.unwrap()
}

/// A sandbox without a limit.
pub fn unlimited() -> SandboxConfig {
    SandboxConfig { rate: tomticket_sync::scheduler::Rate::Unlimited, ..SandboxConfig::default() }
}

/// A multipart form with these fields.
pub fn form(fields: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        body += "--XX\r\nContent-Disposition: form-data; name=\"";
        body += &format!("{name}\"\r\n\r\n{value}\r\n");
    }
    body + "--XX--\r\n"
}

/// A whole POST of `body` as a form.
pub fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=XX\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An update of the e-mail customer `name` that breaks no rule.
pub fn update(name: &str) -> Vec<u8> {
    post(&format!("/update_cliente/segredo/{name}/E"), &form(&[("nome", "Ana")]))
}

pub struct Response {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `(status, erro, mensagem)`.
    pub fn reply(&self) -> (u16, bool, String) {
        let json = self.json();
        let mensagem = json["mensagem"].as_str().unwrap().to_owned();
        (self.status, json["erro"].as_bool().unwrap(), mensagem)
    }
}

/// One connection.
pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    pub async fn connect(sandbox: &Sandbox) -> Self {
        let base_url = sandbox.base_url();
        let address = base_url.strip_prefix("http://").unwrap();
        Self { stream: TcpStream::connect(address).await.unwrap() }
    }

    pub async fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
    }

    /// All bytes up to the end of the connection, however it ends.
    pub async fn rest(&mut self) -> (Vec<u8>, io::Result<()>) {
        let mut bytes = Vec::new();
        let end = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        (bytes, end.expect("the connection must end").map(drop))
    }

    /// The next response, whole.
    pub async fn response(&mut self) -> Response {
        tokio::time::timeout(PATIENCE, self.read_response()).await.expect("an answer must come")
    }

    async fn read_response(&mut self) -> Response {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        Response { status, headers, body }
    }

    pub async fn exchange(&mut self, request: &[u8]) -> Response {
        self.send(request).await;
        self.response().await
    }

    pub async fn get(&mut self, path: &str) -> Response {
        self.exchange(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await
    }
}

/// One request on a connection of its own.
pub async fn once(sandbox: &Sandbox, request: &[u8]) -> Response {
    Raw::connect(sandbox).await.exchange(request).await
}

/// Asks for the counters until they are as they should be.
pub async fn until(sandbox: &Sandbox, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut raw = Raw::connect(sandbox).await;
    let asking = async {
        loop {
            let counters = raw.get("/_sandbox/contagem").await.json();
            if wanted(&counters) {
                return counters;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the counters must get there")
}
