//! A loopback port that is bound but does not listen: connections to it are refused, and no other
//! process can take it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// The bound port.
pub struct ReservedPort {
    socket: TcpSocket,
    address: SocketAddr,
}

impl ReservedPort {
    /// Binds a free port.
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// The value for `--base-url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts to listen.
    pub fn listen(self) -> TcpListener {
        let runtime = Runtime::new().unwrap();
        let listener = {
            let _context = runtime.enter();
            self.socket.listen(128).unwrap().into_std().unwrap()
        };
        listener.set_nonblocking(false).unwrap();
        listener
    }
}

impl Default for ReservedPort {
    fn default() -> Self {
        Self::new()
    }
}
