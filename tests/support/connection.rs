//! One connection of the scripted server: reads requests byte by byte and sends the replies that
//! [`super::script`] chooses, including broken ones.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::reply::{Answer, Reply};
use super::request::{Request, head_is_complete};
use super::script::Shared;

/// A connection, with or without TLS.
enum Wire {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Accepts connections until the server stops, with one thread each.
pub fn accept(
    shared: &Arc<Shared>,
    listener: &TcpListener,
    tls: Option<&Arc<rustls::ServerConfig>>,
) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        if shared.stopped() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let id = shared.connections.fetch_add(1, Ordering::SeqCst);
        let turned_away = shared
            .drop_connections
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if turned_away {
            continue;
        }
        let _ = stream.set_nodelay(true);
        if let Ok(copy) = stream.try_clone() {
            shared.state.lock().unwrap().sockets.insert(id, copy);
        }
        let mut wire = match tls {
            None => Wire::Plain(stream),
            Some(config) => {
                let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                Wire::Tls(Box::new(rustls::StreamOwned::new(connection, stream)))
            }
        };
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            if let Err(why) = serve(&shared, &mut wire, id)
                && why.kind() == io::ErrorKind::InvalidData
            {
                shared.state.lock().unwrap().garbage.push(why.to_string());
            }
            // The copy goes first: the connection ends (with a reset, where something is left
            // unread) only with its last handle.
            shared.state.lock().unwrap().sockets.remove(&id);
            shared.changed.notify_all();
            drop(wire);
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Reads and answers requests until the connection ends.
fn serve(shared: &Shared, wire: &mut Wire, connection: usize) -> io::Result<()> {
    let garbage = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    loop {
        let mut byte = [0];
        if wire.read(&mut byte)? == 0 {
            return Ok(());
        }
        let arrived = Instant::now();
        let mut head = vec![byte[0]];
        // Byte by byte: what follows the head must stay in the kernel, for a reset needs it there.
        while !head_is_complete(&head) {
            wire.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let mut request = Request::parse(head, connection, arrived).map_err(garbage)?;
        let length: usize = match request.header("content-length") {
            Some(length) => length.parse().map_err(|_| garbage(format!("length {length:?}")))?,
            None if request.method == "GET" => 0,
            None => return Err(garbage("no Content-Length".to_owned())),
        };
        if shared.reset_on_head(&mut request) {
            wait_for_unread(wire, length);
            return Ok(());
        }
        request.body = vec![0; length];
        // The last byte is looked at and left in the kernel until it is known that the connection
        // is not to be reset: closing a socket with something unread is what makes a reset.
        let peeked = read_all_but_last(wire, &mut request.body)?;
        let (reply, hold) = shared.admit(&mut request);
        let reset =
            matches!(reply.answer, Answer::Reset | Answer::ResetBeforeBody | Answer::Torn(_));
        if peeked && !reset {
            wire.read_exact(&mut byte)?;
        }
        for latch in hold.iter().chain(&reply.latch) {
            latch.wait_unless(|| shared.stopped());
        }
        shared.pause(reply.delay);
        let go_on = answer(shared, wire, request.n, reply)?;
        if !go_on || shared.stopped() {
            return Ok(());
        }
    }
}

/// Waits until a byte of the body is there, so that closing resets the connection.
fn wait_for_unread(wire: &Wire, length: usize) {
    if let Wire::Plain(stream) = wire
        && length > 0
    {
        let _ = stream.peek(&mut [0]);
    }
}

/// Fills `body`; on a plain connection the last byte is only peeked at, and `true` returned.
fn read_all_but_last(wire: &mut Wire, body: &mut [u8]) -> io::Result<bool> {
    let Some((last, rest)) = body.split_last_mut() else {
        return Ok(false);
    };
    wire.read_exact(rest)?;
    match wire {
        Wire::Plain(stream) => {
            let mut byte = [0];
            if stream.peek(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *last = byte[0];
            Ok(true)
        }
        Wire::Tls(_) => {
            wire.read_exact(std::slice::from_mut(last))?;
            Ok(false)
        }
    }
}

/// Sends one reply. Returns whether the connection can be used again.
fn answer(shared: &Shared, wire: &mut Wire, n: usize, reply: Reply) -> io::Result<bool> {
    let speaks = !matches!(
        reply.answer,
        Answer::Hang | Answer::Close | Answer::Reset | Answer::ResetBeforeBody
    );
    if matches!(reply.answer, Answer::Hang) {
        // The request stays in flight until the client closes the connection, which ends this
        // read, or until the server stops.
        let waited = wire.read(&mut [0]);
        shared.settle(n, false);
        return waited.map(|_| false);
    }
    shared.settle(n, speaks);
    if reply.interim {
        write(shared, wire, b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    match reply.answer {
        Answer::Response { status, headers, body, framing } => {
            let (bytes, reusable) = Reply::encode(status, &headers, &body, framing);
            write(shared, wire, &bytes)?;
            if let Some(pause) = reply.again {
                shared.pause(pause);
                write(shared, wire, &bytes)?;
            }
            Ok(reusable && !reply.close)
        }
        Answer::Bytes(bytes) | Answer::Torn(bytes) => write(shared, wire, &bytes).map(|()| false),
        Answer::Drip(bytes, every) => {
            for byte in bytes {
                shared.pause(every);
                write(shared, wire, &[byte])?;
            }
            Ok(false)
        }
        Answer::Endless(head, chunk) => {
            write(shared, wire, &head)?;
            while !shared.stopped() {
                write(shared, wire, &chunk)?;
            }
            Ok(false)
        }
        Answer::Hang | Answer::Close | Answer::Reset | Answer::ResetBeforeBody => Ok(false),
    }
}

fn write(shared: &Shared, wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    wire.write_all(bytes)?;
    wire.flush()?;
    shared.written.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    Ok(())
}
