//! The port of a simulator, and its end. That no task is left behind is tested beside its code.

use std::net::TcpStream;

use super::raw::{Raw, Sandbox, until, update};
use crate::support::Run;

#[test]
fn a_signal_ends_every_connection() {
    let args = ["--rate", "unlimited", "--fail", "hang=50", "--latency", "1h"];
    let sandbox = Sandbox::start(&args);
    let mut connections = vec![Raw::connect(&sandbox)];
    for n in 0..10 {
        let mut raw = Raw::connect(&sandbox);
        raw.send(&update(&format!("{n}%40x")));
        connections.push(raw);
    }
    until(&sandbox, |counters| counters["requisicoes"] == 10);
    let address = sandbox.address().to_owned();
    sandbox.stop();
    for mut raw in connections {
        assert_eq!(raw.rest().0, b"");
    }
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_can_be_chosen_and_is_refused_when_taken() {
    let first = Sandbox::start(&[]);
    let port = first.address().rsplit_once(':').unwrap().1.to_owned();
    let second = Run::bare(&["sandbox"]).args(["--port", &port]).go();
    second.exits(2).says(&[&port]);
    first.stop();
    let third = Sandbox::start(&["--port", &port]);
    assert!(third.address().ends_with(&format!(":{port}")));
}
