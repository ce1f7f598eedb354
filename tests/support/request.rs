//! One request as the scripted server received it: its bytes, parsed strictly.

use std::time::Instant;

use super::multipart::{self, Part};
use super::text::{find, is_unreserved, percent_decode};

/// A request that was received.
#[derive(Clone)]
pub struct Request {
    /// Its index among all requests of this server, by arrival.
    pub n: usize,
    /// The index of its connection.
    pub connection: usize,
    /// When its first byte was read.
    pub arrived: Instant,
    /// When the server began to answer.
    pub answered: Option<Instant>,
    /// Everything up to and including the blank line.
    pub head: Vec<u8>,
    /// Everything after the head; empty if the server reset the connection before reading it.
    pub body: Vec<u8>,
    /// `POST`.
    pub method: String,
    /// The request target, still percent-encoded.
    pub target: String,
    /// `HTTP/1.1`.
    pub version: String,
    /// Header names in lower case, values unchanged.
    pub headers: Vec<(String, String)>,
    /// The path's segments, percent-decoded: `update_cliente`, token, identifier, type.
    pub segments: Vec<String>,
}

impl Request {
    /// Reads a head that ends in a blank line.
    pub fn parse(head: Vec<u8>, connection: usize, arrived: Instant) -> Result<Self, String> {
        let text = String::from_utf8(head.clone()).map_err(|_| "a head that is not UTF-8")?;
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let first: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, version] = first[..] else {
            return Err(format!("{first:?} is no request line"));
        };
        let headers = lines
            .map(|line| {
                let (name, value) =
                    line.split_once(':').ok_or_else(|| format!("{line:?} is no header"))?;
                Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect::<Result<_, String>>()?;
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let segments = path
            .split('/')
            .skip(1)
            .map(|segment| {
                percent_decode(segment.as_bytes())
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            n: 0,
            connection,
            arrived,
            answered: None,
            method: method.to_owned(),
            target: target.to_owned(),
            version: version.to_owned(),
            headers,
            segments,
            head,
            body: Vec::new(),
        })
    }

    /// The value of a header that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The token segment.
    pub fn token(&self) -> &str {
        self.segments.get(1).map_or("", String::as_str)
    }

    /// The customer in the path; empty if the path has no such segment.
    pub fn identificador(&self) -> &str {
        self.segments.get(2).map_or("", String::as_str)
    }

    /// `I` or `E`.
    pub fn tipo(&self) -> &str {
        self.segments.get(3).map_or("", String::as_str)
    }

    /// Whether it only reads one customer.
    pub fn is_reading(&self) -> bool {
        self.segments.last().is_some_and(|last| last == "details")
    }

    /// A parameter of the query, percent-decoded; empty if there is none.
    pub fn query(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next();
        let decoded = percent_decode(value.unwrap_or_default().as_bytes());
        String::from_utf8(decoded.expect("a query that is encoded")).expect("a query in UTF-8")
    }

    /// The parts of the form.
    pub fn parts(&self) -> Result<Vec<Part>, String> {
        multipart::parse(self.header("content-type").unwrap_or_default(), &self.body)
    }

    /// Names and values of the form in order, as text. Panics if the form is invalid.
    pub fn form(&self) -> Vec<(String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a form in UTF-8");
        self.parts()
            .unwrap_or_else(|why| panic!("a broken form in {}: {why}", self.target))
            .into_iter()
            .map(|part| (text(part.name), text(part.value)))
            .collect()
    }

    /// The value of one field of the form.
    pub fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Violations of TomTicket's documentation or of HTTP; empty for a correct request.
    pub fn problems(&self, token: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut object = |wrong: bool, what: String| {
            if wrong {
                problems.push(what);
            }
        };
        object(self.method != "POST", format!("the method is {}", self.method));
        object(self.version != "HTTP/1.1", format!("the version is {}", self.version));
        object(self.segments.len() != 4, format!("{} path segments", self.segments.len()));
        object(
            self.segments.first().map(String::as_str) != Some("update_cliente"),
            "the path does not begin with update_cliente".to_owned(),
        );
        object(self.token() != token, "another token than the one given".to_owned());
        object(!matches!(self.tipo(), "I" | "E"), format!("the type is {:?}", self.tipo()));
        let plain = |b: u8| is_unreserved(b) || matches!(b, b'%' | b'/');
        object(
            !self.target.bytes().all(plain),
            "something in the path should be percent-encoded".to_owned(),
        );
        for name in ["cookie", "referer", "accept-encoding", "authorization", "expect"] {
            object(self.header(name).is_some(), format!("there is a {name} header"));
        }
        for name in ["host", "content-length", "content-type"] {
            let count = self.headers.iter().filter(|(key, _)| key == name).count();
            object(count != 1, format!("{count} {name} headers"));
        }
        if !self.body.is_empty() {
            match self.parts() {
                Err(why) => object(true, why),
                Ok(parts) => {
                    object(parts.is_empty(), "an empty form".to_owned());
                    for (index, part) in parts.iter().enumerate() {
                        let name = String::from_utf8_lossy(&part.name).into_owned();
                        let again = parts[..index].iter().any(|earlier| earlier.name == part.name);
                        object(again, format!("the field {name:?} occurs twice"));
                    }
                }
            }
        }
        problems
    }

    /// The request line and the form, for messages.
    pub fn describe(&self) -> String {
        let form = match self.parts() {
            Ok(parts) => parts
                .iter()
                .map(|part| {
                    format!(
                        "{}={}",
                        String::from_utf8_lossy(&part.name),
                        super::text::shorten(&String::from_utf8_lossy(&part.value), 60)
                    )
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(why) => format!("({why})"),
        };
        format!("#{} c{} {} {} {form}", self.n, self.connection, self.method, self.target)
    }
}

/// Whether `head` is complete: it ends in the blank line.
pub fn head_is_complete(head: &[u8]) -> bool {
    head.len() >= 4 && find(head, b"\r\n\r\n", head.len() - 4).is_some()
}
