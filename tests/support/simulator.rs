//! The product's simulated TomTicket, `sandbox`, as a process of its own. Tests read its state
//! through the views under `/_sandbox/`.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::finished::Finished;
use super::run::Run;
use super::running::Running;

/// A running simulator; it is killed when dropped.
pub struct Simulator {
    process: Running,
    url: String,
}

impl Simulator {
    /// Starts `sandbox` on a free port, without a rate limit.
    pub fn start(args: &[&str]) -> Self {
        let sandbox = Run::bare(&["sandbox"]).args(["--port", "0", "--rate", "unlimited"]);
        let process = sandbox.args(args.iter().copied()).spawn();
        let line = process.wait_for_stdout(|text| text.contains('\n'));
        let url = line.lines().next().unwrap().trim().to_owned();
        Self { process, url }
    }

    /// The value for `--base-url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Stops it with this signal.
    pub fn stop(mut self, signal: &str) -> Finished {
        self.process.signal(signal);
        self.process.wait()
    }

    /// All its customers.
    pub fn customers(&self) -> Value {
        self.get("/_sandbox/clientes")
    }

    /// Its counters: requests, failures and so on.
    pub fn counters(&self) -> Value {
        self.get("/_sandbox/contagem")
    }

    fn get(&self, path: &str) -> Value {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}
