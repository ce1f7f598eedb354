//! The TCP side: accepting connections, serving HTTP/1.1 on them, and ending them as an injected
//! failure wants.
//!
//! All tasks belong to the accept loop, and the accept loop belongs to [`super::Sandbox`]. What is
//! answered is not decided here.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::service::{self, Cut, Shared};
use crate::locale::os_error::describe_os_error;

/// After a failed accept (out of file descriptors, usually), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An answer that promises more than it holds.
const HALF_AN_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 60\r\n\r\n{\"erro\":false,\"mensa";

/// Accepts and serves until `stop`; then ends every connection, and returns when the last one is
/// gone. Dropping the future ends them too, without waiting.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                Err(error) => {
                    let why = describe_os_error(&error);
                    tracing::warn!("o simulador não pôde aceitar uma conexão: {why}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small answers must not wait for the client's delayed acknowledgements; if the option is
    // refused, they are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| service::answer(Arc::clone(&shared), request));
    // Half-closed connections are served on: an update that arrived whole is executed even if the
    // client no longer waits for the answer, as in the field.
    let mut connection =
        http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else {
        return;
    };
    let Some(cut) = error.source().and_then(|source| source.downcast_ref::<Cut>()).copied() else {
        // The client broke the protocol or the connection; hyper has answered if it could.
        return;
    };
    end(connection.into_parts().io.into_inner(), cut).await;
}

/// Ends a connection. Errors mean that the client was faster.
async fn end(mut stream: TcpStream, cut: Cut) {
    match cut {
        Cut::Reset => {
            let _ = stream.set_zero_linger();
        }
        Cut::Close | Cut::Lost => {}
        Cut::Hang => {
            let mut ignored = [0; 1024];
            while let Ok(1..) = stream.read(&mut ignored).await {}
        }
        Cut::Truncated => {
            let _ = stream.write_all(HALF_AN_ANSWER).await;
            let _ = stream.shutdown().await;
        }
    }
}
