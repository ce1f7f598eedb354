//! Rows that repeat a request of an earlier run whose outcome is unknown.

use std::collections::HashSet;

use super::line_list::LineList;
use crate::ledger::Fingerprint;

/// Lines that are named.
const NAMED: usize = 20;

/// The repeated requests, and the rows that repeat them. Rows are added in file order.
#[derive(Debug)]
pub struct RepeatedRequests {
    /// One request may be repeated by several rows.
    requests: HashSet<Fingerprint>,
    rows: LineList,
}

impl Default for RepeatedRequests {
    fn default() -> Self {
        Self { requests: HashSet::new(), rows: LineList::naming(NAMED) }
    }
}

impl RepeatedRequests {
    pub fn add(&mut self, request: Fingerprint, linha: u64) {
        self.requests.insert(request);
        self.rows.add(linha);
    }

    /// Number of different requests.
    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// The lines of the rows; `None` if there are none.
    pub fn lines(&self) -> Option<String> {
        self.rows.several().map(|_| self.rows.text())
    }
}
