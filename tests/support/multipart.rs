//! A small strict reader of `multipart/form-data`, by RFC 7578 and the behaviour of PHP.
//!
//! A name that is not written as `name="…"` is an error, because PHP silently drops such a part.

use super::text::find;

/// One part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The raw bytes between the quotes of `name="…"`.
    pub name: Vec<u8>,
    /// The bytes between the blank line and the next boundary.
    pub value: Vec<u8>,
    /// Header lines other than `Content-Disposition`.
    pub other_headers: Vec<String>,
}

/// The boundary named by a `Content-Type` header.
pub fn boundary(content_type: &str) -> Result<String, String> {
    let rest = content_type
        .strip_prefix("multipart/form-data")
        .ok_or_else(|| format!("{content_type:?} is not multipart/form-data"))?;
    let boundary = rest
        .trim_start_matches([';', ' '])
        .strip_prefix("boundary=")
        .ok_or_else(|| format!("{content_type:?} names no boundary"))?
        .trim_matches('"');
    if boundary.is_empty() || boundary.len() > 70 || boundary.contains([';', '"', ' ']) {
        return Err(format!("{boundary:?} is no boundary"));
    }
    Ok(boundary.to_owned())
}

/// All parts of `body` in order.
pub fn parse(content_type: &str, body: &[u8]) -> Result<Vec<Part>, String> {
    let mark = format!("--{}", boundary(content_type)?).into_bytes();
    let mut separator = b"\r\n".to_vec();
    separator.extend_from_slice(&mark);
    if !body.starts_with(&mark) {
        return Err("the body does not begin with the boundary".to_owned());
    }
    let mut parts = Vec::new();
    let mut at = mark.len();
    loop {
        match body.get(at..at + 2) {
            Some(b"--") => {
                let tail = &body[at + 2..];
                return match tail {
                    b"" | b"\r\n" => Ok(parts),
                    _ => Err(format!("{} bytes after the closing boundary", tail.len())),
                };
            }
            Some(b"\r\n") => at += 2,
            other => return Err(format!("{other:?} after a boundary")),
        }
        let blank = find(body, b"\r\n\r\n", at).ok_or("a part without a blank line")?;
        let value_at = blank + 4;
        let end = find(body, &separator, value_at).ok_or("no closing boundary")?;
        parts.push(part(&body[at..blank], body[value_at..end].to_vec())?);
        at = end + separator.len();
    }
}

fn part(head: &[u8], value: Vec<u8>) -> Result<Part, String> {
    const START: &[u8] = b"content-disposition: form-data; name=\"";
    let mut name = None;
    let mut other_headers = Vec::new();
    let mut at = 0;
    while at <= head.len() {
        let end = find(head, b"\r\n", at).unwrap_or(head.len());
        let line = &head[at..end];
        at = end + 2;
        if line.len() >= 20 && line[..20].eq_ignore_ascii_case(&START[..20]) {
            let shown = String::from_utf8_lossy(line);
            if line.len() <= START.len() || !line[..START.len()].eq_ignore_ascii_case(START) {
                return Err(format!("PHP finds no name in {shown:?}"));
            }
            let quoted = &line[START.len()..];
            match quoted.iter().position(|&byte| byte == b'"') {
                Some(close) if close + 1 == quoted.len() => {}
                _ => return Err(format!("not exactly one quoted name in {shown:?}")),
            }
            if name.replace(quoted[..quoted.len() - 1].to_vec()).is_some() {
                return Err("two Content-Disposition lines in one part".to_owned());
            }
        } else {
            other_headers.push(String::from_utf8_lossy(line).into_owned());
        }
    }
    Ok(Part { name: name.ok_or("a part without Content-Disposition")?, value, other_headers })
}
