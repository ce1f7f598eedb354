//! A port that is ours and that nobody listens on: no other process can come by it meanwhile.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// The port; whoever connects to it is refused.
pub struct Unheard {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Unheard {
    /// A free port of the loopback.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// What goes to `--base-url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins to listen.
    pub fn listen(self) -> TcpListener {
        let runtime = Runtime::new().unwrap();
        let listener = {
            let _inside = runtime.enter();
            self.socket.listen(128).unwrap().into_std().unwrap()
        };
        listener.set_nonblocking(false).unwrap();
        listener
    }
}

impl Default for Unheard {
    fn default() -> Self {
        Self::new()
    }
}
