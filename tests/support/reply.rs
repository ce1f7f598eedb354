//! What the scripted server does with one request, from a plain answer to every kind of rudeness.

use std::time::Duration;

use super::latch::Latch;

/// How the body of a [`Reply`] is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`, in pieces of three bytes.
    Chunked,
    /// `HTTP/1.0` without a length: the body ends where the connection does.
    UntilClose,
    /// A `Content-Length` of this, whatever the body's is; the connection goes on.
    Claimed(usize),
}

/// What leaves the server.
#[derive(Clone)]
pub enum Answer {
    /// A proper response.
    Response {
        /// Status code.
        status: u16,
        /// Extra headers.
        headers: Vec<(String, String)>,
        /// Body bytes.
        body: Vec<u8>,
        /// Where the body ends.
        framing: Framing,
    },
    /// These bytes and nothing else; the connection closes after them.
    Bytes(Vec<u8>),
    /// These bytes one at a time with a pause before each; the connection closes after them.
    Drip(Vec<u8>, Duration),
    /// A head that promises no length, then this chunk again and again until the client goes away.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, and then a reset instead of an end.
    Torn(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Hang,
    /// The connection is closed in an orderly way, without a word.
    Close,
    /// The connection is reset once the whole request has been seen.
    Reset,
    /// The connection is reset once the head has been read. Only from a queue
    /// ([`Server::reply`](super::Server::reply)): it is decided before there is a body.
    ResetBeforeBody,
}

/// One reply of the script.
#[derive(Clone)]
pub struct Reply {
    /// What leaves the server.
    pub answer: Answer,
    /// How long the server takes first.
    pub delay: Duration,
    /// A latch that the reply waits behind.
    pub latch: Option<Latch>,
    /// Whether an interim `100 Continue` goes ahead.
    pub interim: bool,
    /// Whether the connection is closed right after, without having said so.
    pub close: bool,
}

impl Reply {
    /// A reply that is this answer, at once.
    pub fn new(answer: Answer) -> Self {
        Self { answer, delay: Duration::ZERO, latch: None, interim: false, close: false }
    }

    /// A response with this status, content type and body.
    pub fn response(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(Answer::Response {
            status,
            headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
            body: body.into(),
            framing: Framing::Length,
        })
    }

    /// A response with a JSON body, whatever it says.
    pub fn json(status: u16, body: &str) -> Self {
        Self::response(status, "application/json", body)
    }

    /// `{"erro":false,"mensagem":"ok"}`.
    pub fn ok() -> Self {
        Self::json(200, r#"{"erro":false,"mensagem":"ok"}"#)
    }

    /// Status 200, `erro` true and this text.
    pub fn refuse(mensagem: &str) -> Self {
        let body = serde_json::json!({ "erro": true, "mensagem": mensagem });
        Self::json(200, &body.to_string())
    }

    /// This status with an HTML page.
    pub fn html(status: u16) -> Self {
        Self::response(status, "text/html", "<html><body><h1>Em manuten&ccedil;&atilde;o</h1>")
    }

    /// 429, with `Retry-After` if given.
    pub fn too_many(retry_after: Option<&str>) -> Self {
        let reply = Self::json(429, r#"{"erro":true,"mensagem":"Limite de consultas excedido."}"#);
        match retry_after {
            Some(value) => reply.with_header("Retry-After", value),
            None => reply,
        }
    }

    /// These bytes, then the end of the connection.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Answer::Bytes(bytes.into()))
    }

    /// The first half of a good response, then the end of the connection.
    pub fn half() -> Self {
        Self::bytes(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n\
             {\"erro\":false,",
        )
    }

    /// A good response, one byte at a time with `pause` before each.
    pub fn drip(pause: Duration) -> Self {
        let body = r#"{"erro":false,"mensagem":"ok"}"#;
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Self::new(Answer::Drip(text.into_bytes(), pause))
    }

    /// A body without an end.
    pub fn endless() -> Self {
        let mut chunk = b"10000\r\n".to_vec();
        chunk.extend(std::iter::repeat_n(b' ', 0x10000));
        chunk.extend(b"\r\n");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        Self::new(Answer::Endless(head.into(), chunk))
    }

    /// This beginning, then `again` until the client goes away.
    pub fn endless_of(beginning: &str, again: &str) -> Self {
        let times = (1 << 14) / again.len().max(1) + 1;
        Self::new(Answer::Endless(beginning.into(), again.repeat(times).into_bytes()))
    }

    /// These bytes and then a reset.
    pub fn torn(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Answer::Torn(bytes.into()))
    }

    /// A good body of 30 bytes under exactly these header lines, then the end of the connection.
    pub fn good_under(head: &str) -> Self {
        Self::bytes(format!("HTTP/1.1 200 OK\r\n{head}\r\n{{\"erro\":false,\"mensagem\":\"ok\"}}"))
    }

    /// 100 MiB of JSON in some 100 KB of gzip, labelled so.
    pub fn gzip_bomb() -> Self {
        let mut text = br#"{"erro":false,"mensagem":"#.to_vec();
        text.push(b'"');
        text.resize(100 << 20, b'A');
        text.extend(b"\"}");
        Self::response(200, "application/json", super::text::gzip(&text))
            .with_header("Content-Encoding", "gzip")
    }

    /// Silence.
    pub fn hang() -> Self {
        Self::new(Answer::Hang)
    }

    /// An orderly end of the connection instead of an answer.
    pub fn closed() -> Self {
        Self::new(Answer::Close)
    }

    /// A reset after the whole request has been seen.
    pub fn reset() -> Self {
        Self::new(Answer::Reset)
    }

    /// A reset before the body is read.
    pub fn reset_before_body() -> Self {
        Self::new(Answer::ResetBeforeBody)
    }

    /// Sends the client elsewhere.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::response(status, "text/plain", "").with_header("Location", location)
    }

    /// Adds a header to a response.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let Answer::Response { headers, .. } = &mut self.answer else {
            panic!("only a response has headers");
        };
        headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Delimits the body of a response in another way.
    pub fn framed(mut self, how: Framing) -> Self {
        let Answer::Response { framing, .. } = &mut self.answer else {
            panic!("only a response has a framing");
        };
        *framing = how;
        self
    }

    /// Waits before answering.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Waits behind a latch before answering.
    pub fn held_by(mut self, latch: &Latch) -> Self {
        self.latch = Some(latch.clone());
        self
    }

    /// Sends `100 Continue` ahead.
    pub fn with_interim(mut self) -> Self {
        self.interim = true;
        self
    }

    /// Closes the connection right after, although nothing in the response announces it.
    pub fn then_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// The bytes of a response, and whether the connection can go on after them.
    pub fn encode(
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        framing: Framing,
    ) -> (Vec<u8>, bool) {
        let version = if framing == Framing::UntilClose { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut out = format!("{version} {status} Scripted\r\n").into_bytes();
        for (name, value) in headers {
            out.extend(format!("{name}: {value}\r\n").as_bytes());
        }
        match framing {
            Framing::Length => {
                out.extend(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                out.extend(body);
            }
            Framing::Claimed(length) => {
                out.extend(format!("Content-Length: {length}\r\n\r\n").as_bytes());
                out.extend(body);
            }
            Framing::Chunked => {
                out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for piece in body.chunks(3) {
                    out.extend(format!("{:x}\r\n", piece.len()).as_bytes());
                    out.extend(piece);
                    out.extend(b"\r\n");
                }
                out.extend(b"0\r\n\r\n");
            }
            Framing::UntilClose => {
                out.extend(b"\r\n");
                out.extend(body);
            }
        }
        (out, framing != Framing::UntilClose)
    }
}
