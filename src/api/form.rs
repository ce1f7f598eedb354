//! Update → the body of its request, `multipart/form-data` in one piece.
//!
//! Parameter names go out raw (`campos[abc01]`, UTF-8): escaped ones are dropped by PHP without a
//! word. That is safe because no [`crate::model::CampoId`] holds a character that could end the
//! header. Written here and not by the HTTP library, because one body in one piece costs a third of
//! the system calls of a streamed one.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::header::HeaderValue;
use memchr::memmem;

use crate::model::{FieldName, Update};

const OPEN: &str = "\r\nContent-Disposition: form-data; name=\"";
const NAMED: &str = "\"\r\n\r\n";

/// Writes forms with one boundary, drawn at random for a run.
#[derive(Debug, Clone)]
pub struct Forms {
    /// With the two dashes that stand before it in a body.
    delimiter: String,
    content_type: HeaderValue,
}

impl Forms {
    /// Draws the boundary.
    #[expect(clippy::new_without_default, reason = "a default would be another one each time")]
    pub fn new() -> Self {
        Self::with_boundary(&format!("{:032x}", fastrand::u128(..)))
    }

    fn with_boundary(boundary: &str) -> Self {
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Self {
            delimiter: format!("--{boundary}"),
            // Hex digits and a fixed text: never refused.
            content_type: HeaderValue::try_from(content_type)
                .unwrap_or(HeaderValue::from_static("multipart/form-data")),
        }
    }

    /// The `Content-Type` and the body for `update`. A value may look like anything; should one
    /// hold the boundary, this form gets another.
    pub fn write(&self, update: &Update) -> (HeaderValue, Bytes) {
        let taken = |(_, value): (_, &str)| {
            memmem::find(value.as_bytes(), self.delimiter.as_bytes()).is_some()
        };
        if update.values().any(taken) {
            return Self::new().write(update);
        }
        let each = self.delimiter.len() + OPEN.len() + "campos[]".len() + NAMED.len() + 2;
        let length: usize = update
            .values()
            .map(|(name, value)| {
                each + value.len()
                    + match name {
                        FieldName::Param(param) => param.as_str().len(),
                        FieldName::Campo(id) => id.as_str().len(),
                    }
            })
            .sum();
        let mut body = String::with_capacity(length + self.delimiter.len() + 4);
        for (name, value) in update.values() {
            body.push_str(&self.delimiter);
            body.push_str(OPEN);
            match name {
                FieldName::Param(param) => body.push_str(param.as_str()),
                FieldName::Campo(id) => {
                    // Into a string, which cannot fail.
                    let _ = write!(body, "campos[{}]", id.as_str());
                }
            }
            body.push_str(NAMED);
            body.push_str(value);
            body.push_str("\r\n");
        }
        body.push_str(&self.delimiter);
        body.push_str("--\r\n");
        (self.content_type.clone(), body.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{CampoId, Customer, CustomerType, Identifier, Param};

    fn update(values: &[(FieldName, &str)]) -> Update {
        let fields: Arc<[FieldName]> = values.iter().map(|(name, _)| name.clone()).collect();
        let identifier = Identifier::new("1").unwrap();
        let mut update =
            Update::new(Customer { ctype: CustomerType::Internal, identifier }, fields);
        for (index, (_, value)) in (0u16..).zip(values) {
            update.push(index, value);
        }
        update
    }

    #[test]
    fn a_form_is_as_rfc_7578_wants_it() {
        let campo = FieldName::Campo(CampoId::new("ação 1").unwrap());
        let update = update(&[(FieldName::Param(Param::Nome), "Ana\r\nLima"), (campo, "")]);
        let (content_type, body) = Forms::with_boundary("lim").write(&update);
        assert_eq!(content_type, "multipart/form-data; boundary=lim");
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            "--lim\r\nContent-Disposition: form-data; name=\"nome\"\r\n\r\nAna\r\nLima\r\n\
             --lim\r\nContent-Disposition: form-data; name=\"campos[ação 1]\"\r\n\r\n\r\n\
             --lim--\r\n"
        );
    }

    #[test]
    fn a_value_that_holds_the_boundary_gets_another() {
        let update = update(&[(FieldName::Param(Param::Nome), "x\r\n--lim--\r\n")]);
        let (content_type, body) = Forms::with_boundary("lim").write(&update);
        let content_type = content_type.to_str().unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert_eq!(boundary.len(), 32);
        assert!(body.starts_with(format!("--{boundary}\r\n").as_bytes()));
        assert!(body.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
    }

    #[test]
    fn two_runs_have_two_boundaries() {
        assert_ne!(Forms::new().delimiter, Forms::new().delimiter);
    }
}
