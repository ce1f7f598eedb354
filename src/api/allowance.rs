//! A bound on what one request may make us read, whatever it is called: head, interim responses,
//! body, chunk sizes, trailers. HTTP libraries bound some of these and read others for as long as
//! they come, which keeps a thread busy until the timeout.
//!
//! How much of a body is used is not decided here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use crate::locale::os_error::OwnWords;

/// Bytes that a connection may deliver per request: a body as long as is ever read, in chunks of
/// one byte, under the longest head that is understood.
const PER_REQUEST: usize = 1024 * 1024;
/// Bytes that are read at once.
const AT_ONCE: usize = 8 * 1024;

/// What a connection may still deliver.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// Enough for one request.
    pub fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(PER_REQUEST)))
    }

    /// Enough for another one.
    pub fn renew(&self) {
        self.0.store(PER_REQUEST, Ordering::Relaxed);
    }
}

/// A stream that fails when its allowance is used up.
pub(super) struct Metered<S> {
    stream: S,
    allowance: Allowance,
    buffer: Box<[u8; AT_ONCE]>,
}

impl<S> Metered<S> {
    /// Meters what is read of `stream`.
    pub fn new(stream: S, allowance: Allowance) -> Self {
        Self { stream, allowance, buffer: Box::new([0; AT_ONCE]) }
    }
}

impl<S: Read + Unpin> Read for Metered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = this.allowance.0.load(Ordering::Relaxed);
        let most = left.min(out.remaining()).min(AT_ONCE);
        if most == 0 && out.remaining() > 0 {
            return Poll::Ready(Err(io::Error::other(OwnWords("a resposta não tem fim"))));
        }
        let mut part = ReadBuf::new(this.buffer.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(&mut this.stream).poll_read(context, part.unfilled()))?;
        out.put_slice(part.filled());
        this.allowance.0.store(left - part.filled().len(), Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: Write + Unpin> Write for Metered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_request_may_deliver_so_much_and_the_next_one_again() {
        let allowance = Allowance::new();
        let endless = TokioIo::new(tokio::io::repeat(b'x'));
        let mut metered = TokioIo::new(Metered::new(endless, allowance.clone()));
        for _ in 0..2 {
            let mut seen = vec![0; PER_REQUEST];
            metered.read_exact(&mut seen).await.unwrap();
            assert!(metered.read_u8().await.is_err());
            allowance.renew();
        }
    }
}
