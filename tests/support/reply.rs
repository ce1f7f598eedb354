//! What the scripted server does with one request: a proper response, a broken one or none.

use std::time::Duration;

use super::latch::Latch;

/// How the body of a [`Reply`] is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`, in pieces of three bytes.
    Chunked,
    /// `HTTP/1.0` without a length: the body ends with the connection.
    UntilClose,
    /// This `Content-Length`, which may differ from the body's; the connection stays open.
    Claimed(usize),
}

/// What the server sends.
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
        /// How the body is delimited.
        framing: Framing,
    },
    /// These bytes and nothing else; the connection closes after them.
    Bytes(Vec<u8>),
    /// These bytes one at a time with a pause before each; the connection closes after them.
    Drip(Vec<u8>, Duration),
    /// The first bytes, then the second repeatedly until the client closes the connection.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, and then a reset.
    Torn(Vec<u8>),
    /// Nothing; the connection stays open until the client closes it.
    Hang,
    /// Nothing; the connection is closed without a reset.
    Close,
    /// The connection is reset after the whole request was read.
    Reset,
    /// The connection is reset after the head was read. Works only in a queue
    /// ([`Server::reply`](super::Server::reply)), because a script sees whole requests.
    ResetBeforeBody,
}

/// One reply of the script.
#[derive(Clone)]
pub struct Reply {
    /// What the server sends.
    pub answer: Answer,
    /// The delay before the answer.
    pub delay: Duration,
    /// The reply waits until this latch is released.
    pub latch: Option<Latch>,
    /// Whether an interim `100 Continue` is sent first.
    pub interim: bool,
    /// Whether the connection is closed after the response, unannounced.
    pub close: bool,
    /// After this time the response is sent once more, unasked.
    pub again: Option<Duration>,
}

impl Reply {
    /// A reply with this answer and no delay.
    pub fn new(answer: Answer) -> Self {
        Self {
            answer,
            delay: Duration::ZERO,
            latch: None,
            interim: false,
            close: false,
            again: None,
        }
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

    /// A response with this body, labelled as JSON.
    pub fn json(status: u16, body: &str) -> Self {
        Self::response(status, "application/json", body)
    }

    /// `{"erro":false,"mensagem":"ok"}`.
    pub fn ok() -> Self {
        Self::json(200, r#"{"erro":false,"mensagem":"ok"}"#)
    }

    /// Status 200 with `erro` true and this text.
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

    /// A response whose body never ends.
    pub fn endless() -> Self {
        let mut chunk = b"10000\r\n".to_vec();
        chunk.extend(std::iter::repeat_n(b' ', 0x10000));
        chunk.extend(b"\r\n");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        Self::new(Answer::Endless(head.into(), chunk))
    }

    /// `beginning`, then `again` repeatedly until the client closes the connection.
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

    /// 100 MiB of JSON in about 100 KB of gzip, with `Content-Encoding`.
    pub fn gzip_bomb() -> Self {
        let mut text = br#"{"erro":false,"mensagem":"#.to_vec();
        text.push(b'"');
        text.resize(100 << 20, b'A');
        text.extend(b"\"}");
        Self::response(200, "application/json", super::text::gzip(&text))
            .with_header("Content-Encoding", "gzip")
    }

    /// No answer; the connection stays open.
    pub fn hang() -> Self {
        Self::new(Answer::Hang)
    }

    /// No answer; the connection is closed without a reset.
    pub fn closed() -> Self {
        Self::new(Answer::Close)
    }

    /// A reset after the whole request was read.
    pub fn reset() -> Self {
        Self::new(Answer::Reset)
    }

    /// A reset before the body is read.
    pub fn reset_before_body() -> Self {
        Self::new(Answer::ResetBeforeBody)
    }

    /// A redirect.
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

    /// Sets how the body of a response is delimited.
    pub fn framed(mut self, how: Framing) -> Self {
        let Answer::Response { framing, .. } = &mut self.answer else {
            panic!("only a response has a framing");
        };
        *framing = how;
        self
    }

    /// Delays the answer.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Delays the answer until this latch is released.
    pub fn held_by(mut self, latch: &Latch) -> Self {
        self.latch = Some(latch.clone());
        self
    }

    /// Sends `100 Continue` first.
    pub fn with_interim(mut self) -> Self {
        self.interim = true;
        self
    }

    /// Closes the connection after the response, without announcing it.
    pub fn then_close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Sends the response a second time, unasked, after this pause.
    pub fn repeated_after(mut self, pause: Duration) -> Self {
        self.again = Some(pause);
        self
    }

    /// The bytes of a response, and whether the connection can be used again.
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
