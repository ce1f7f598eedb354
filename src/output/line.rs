//! Cells → one line of CSV, into a buffer that is used again.
//!
//! The csv crate's writer says nothing of errors when it is dropped, and cannot lend out what it
//! has written without being taken apart; it is the oracle of the tests here.

/// Writes lines of one dialect.
#[derive(Debug)]
pub(super) struct Line {
    delimiter: u8,
    end: &'static [u8],
    bytes: Vec<u8>,
}

impl Line {
    pub(super) fn new(delimiter: u8, crlf: bool) -> Self {
        Self { delimiter, end: if crlf { b"\r\n" } else { b"\n" }, bytes: Vec::new() }
    }

    /// The line of `cells`, with its end; valid until the next one. Cells are quoted where they
    /// must be.
    pub(super) fn of<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> &[u8] {
        self.bytes.clear();
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.bytes.push(self.delimiter);
            }
            self.put(cell.as_bytes());
        }
        if self.bytes.is_empty() {
            // One empty cell: a line without a byte would be read as no record at all.
            self.bytes.extend_from_slice(b"\"\"");
        }
        self.bytes.extend_from_slice(self.end);
        &self.bytes
    }

    fn put(&mut self, cell: &[u8]) {
        let special = |byte: &u8| matches!(*byte, b'"' | b'\r' | b'\n') || *byte == self.delimiter;
        if !cell.iter().any(special) {
            self.bytes.extend_from_slice(cell);
            return;
        }
        self.bytes.push(b'"');
        for (index, part) in cell.split(|byte| *byte == b'"').enumerate() {
            if index > 0 {
                self.bytes.extend_from_slice(b"\"\"");
            }
            self.bytes.extend_from_slice(part);
        }
        self.bytes.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_must_be_quoted_is() {
        let mut line = Line::new(b';', true);
        assert_eq!(
            line.of(["a,b", "c;d", "", "e\"f", "\"", "g\nh"]),
            b"a,b;\"c;d\";;\"e\"\"f\";\"\"\"\";\"g\nh\"\r\n"
        );
        assert_eq!(line.of(["x"]), b"x\r\n");
        assert_eq!(line.of([""]), b"\"\"\r\n");
    }

    proptest! {
        #[test]
        fn it_writes_what_the_csv_crate_writes(
            cells in proptest::collection::vec("[a,;\t|\"\r\n é]{0,6}", 1..6),
            delimiter in prop::sample::select(b",;\t|".as_slice()),
            crlf: bool,
        ) {
            let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut oracle = csv::WriterBuilder::new()
                .delimiter(delimiter).terminator(end).from_writer(Vec::new());
            oracle.write_record(&cells).unwrap();
            let mut line = Line::new(delimiter, crlf);
            prop_assert_eq!(line.of(cells.iter().map(String::as_str)), oracle.into_inner().unwrap());
        }
    }
}
