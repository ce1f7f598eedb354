//! A client that is only a socket: it sends the given bytes and returns the reply. It shares no code
//! with the product and never retries.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;

use crate::support::{PATIENCE, Run, Running};

/// A simulator as a process of its own; it ends with this value.
pub struct Sandbox {
    process: Running,
    address: String,
}

impl Sandbox {
    /// `sandbox` with these flags, on a free port.
    pub fn start(args: &[&str]) -> Self {
        Self::of(Run::bare(&["sandbox"]).args(args.iter().copied()))
    }

    /// The same with this list of customers.
    pub fn start_with(customers: &str, args: &[&str]) -> Self {
        let run = Run::bare(&["sandbox"]).file("lista.csv", customers);
        Self::of(run.args(["--customers", "lista.csv"]).args(args.iter().copied()))
    }

    fn of(run: Run) -> Self {
        let process = run.spawn();
        let line = process.wait_for_stdout(|text| text.contains('\n'));
        let address = line.trim().strip_prefix("http://").unwrap().to_owned();
        Self { process, address }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What `/_sandbox/contagem` tells.
    pub fn counters(&self) -> Value {
        Raw::connect(self).get("/_sandbox/contagem").json()
    }

    /// Ends it by a signal, as a user does.
    pub fn stop(mut self) {
        self.process.signal("INT");
        self.process.wait().exits(130);
    }
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
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=XX\r\n\
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
    pub fn connect(sandbox: &Sandbox) -> Self {
        let stream = TcpStream::connect(sandbox.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    pub fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
    }

    /// All bytes up to the end of the connection, however it ends.
    pub fn rest(&mut self) -> (Vec<u8>, io::Result<()>) {
        let mut bytes = Vec::new();
        let end = self.stream.read_to_end(&mut bytes);
        (bytes, end.map(drop))
    }

    /// The next response, whole.
    pub fn response(&mut self) -> Response {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        Response { status, headers, body }
    }

    pub fn exchange(&mut self, request: &[u8]) -> Response {
        self.send(request);
        self.response()
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.exchange(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
    }
}

/// One request on a connection of its own.
pub fn once(sandbox: &Sandbox, request: &[u8]) -> Response {
    Raw::connect(sandbox).exchange(request)
}

/// Asks for the counters until they are as they should be.
pub fn until(sandbox: &Sandbox, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut raw = Raw::connect(sandbox);
    let end = Instant::now() + PATIENCE;
    loop {
        let counters = raw.get("/_sandbox/contagem").json();
        if wanted(&counters) {
            return counters;
        }
        assert!(Instant::now() < end, "{counters}");
    }
}
