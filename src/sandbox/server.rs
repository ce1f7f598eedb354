//! The TCP side: accepts connections, serves HTTP/1.1 on them, and ends them as an injected failure
//! demands. What is answered is decided in [`super::service`].
//!
//! All tasks belong to the accept loop, and the accept loop belongs to [`super::Sandbox`].

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::account::SimulatedAccount;
use super::config::FailureKind;
use super::service::{self, Disconnect};
use crate::locale::os_error::describe_os_error;

/// The pause after a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A response that ends before its `Content-Length`.
const HALF_AN_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 60\r\n\r\n{\"erro\":false,\"mensa";

/// Accepts and serves without end. Dropping the future ends every connection.
pub(super) async fn serve(listener: TcpListener, account: Arc<Mutex<SimulatedAccount>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&account)));
                }
                Err(error) => {
                    let why = describe_os_error(&error);
                    tracing::warn!("o simulador não pôde aceitar uma conexão: {why}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn connection(stream: TcpStream, account: Arc<Mutex<SimulatedAccount>>) {
    // Small responses must not wait for the client's delayed acknowledgements. Without the option
    // they are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| service::answer(Arc::clone(&account), request));
    // As on a real server, an update that arrived whole is executed even if the client no longer
    // waits for the response.
    let mut connection =
        http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else {
        return;
    };
    let source = error.source().and_then(|source| source.downcast_ref());
    // Without one, the client broke the protocol or the connection. Hyper has responded where it
    // could.
    if let Some(&Disconnect(kind)) = source {
        end(connection.into_parts().io.into_inner(), kind).await;
    }
}

/// Ends a connection. An error means that the client has ended it first.
async fn end(mut stream: TcpStream, kind: FailureKind) {
    match kind {
        FailureKind::Reset => {
            let _ = stream.set_zero_linger();
        }
        FailureKind::Hang => {
            let mut ignored = [0; 1024];
            while let Ok(1..) = stream.read(&mut ignored).await {}
        }
        FailureKind::Truncated => {
            let _ = stream.write_all(HALF_AN_ANSWER).await;
            let _ = stream.shutdown().await;
        }
        _ => {}
    }
}
