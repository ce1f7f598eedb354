//! A list that is read several pages at a time while others change it, in the order in which
//! `pull::ListReader` asks for pages and hands them on, and with the customers that its spool keeps.

use std::collections::{BTreeMap, BTreeSet};

use super::simulated_server::{EMAIL, INTERNO, SimulatedServer};

/// So few that small accounts have several pages.
const PAGE: usize = 2;
/// Requests at a time.
const IN_FLIGHT: usize = 3;

/// A customer as its page showed it.
#[derive(Debug, Clone)]
pub struct PageEntry {
    pub customer: BTreeMap<String, String>,
    /// When the request of its page began.
    pub read_at: u32,
    /// The event with which the server answered.
    pub event: u64,
}

impl PageEntry {
    pub fn value(&self, field: &str) -> &str {
        self.customer.get(field).map_or("", String::as_str)
    }

    /// As the spool of `pull` recognises a customer.
    fn identity(&self) -> (String, String) {
        (self.value(INTERNO).to_owned(), self.value(EMAIL).to_lowercase())
    }
}

#[derive(Debug)]
struct PageAnswer {
    entries: Vec<PageEntry>,
    /// Pages of the list at that moment.
    pages: usize,
}

/// How often what makes concurrent reading hard came about.
#[derive(Debug, Default, Clone, Copy)]
pub struct ReadingCounts {
    /// A customer was met again.
    pub repeats: u64,
    /// Of these, on a page that was asked for earlier than the one before it.
    pub older: u64,
    /// A page was answered before one that was asked for earlier.
    pub overtaking: u64,
}

impl ReadingCounts {
    pub fn add(&mut self, other: Self) {
        self.repeats += other.repeats;
        self.older += other.older;
        self.overtaking += other.overtaking;
    }
}

/// The state of one reading. Pages are numbered from 0.
#[derive(Debug, Default)]
pub struct PagedReading {
    /// The first page that was not handed on.
    next: usize,
    /// The first page that was never asked for, and how many are known to exist.
    fresh: usize,
    known: usize,
    /// Pages asked for, and when.
    in_flight: Vec<(usize, u32)>,
    due_again: BTreeSet<usize>,
    waiting: BTreeMap<usize, PageAnswer>,
    missing: BTreeSet<usize>,
    entries: Vec<PageEntry>,
    pub counts: ReadingCounts,
}

impl PagedReading {
    pub fn entries(&self) -> &[PageEntry] {
        &self.entries
    }

    /// Asks for as many pages as may be on their way together.
    pub fn send(&mut self, now: u32) {
        while self.in_flight.len() < IN_FLIGHT {
            let number = match self.due_again.pop_first() {
                Some(number) => number,
                None if self.fresh < self.known.max(self.next + 1) => {
                    self.fresh += 1;
                    self.fresh - 1
                }
                None => return,
            };
            self.in_flight.push((number, now));
        }
    }

    /// The server answers one of the requests, in whatever order, or fails. Gives whether that was the
    /// end of the list.
    pub fn answer(
        &mut self,
        which: usize,
        fails: bool,
        server: &SimulatedServer,
        event: u64,
    ) -> bool {
        let at = which % self.in_flight.len();
        let (number, read_at) = self.in_flight.remove(at);
        self.counts.overtaking += u64::from(at > 0);
        if fails {
            self.due_again.insert(number);
            return false;
        }
        let answer = page_of(server, number, read_at, event);
        let is_last = number + 1 == answer.pages;
        if answer.entries.is_empty() && number > 0 {
            self.due_again.insert(number);
            match number < self.next {
                true => self.due_again.extend([number - 1]),
                false => self.missing.extend([number]),
            }
        } else if number < self.next {
            // It was read again, because one after it was missing.
            if is_last {
                self.keep(answer.entries);
                return true;
            }
        } else {
            self.waiting.insert(number, answer);
        }
        while let Some(answer) = self.waiting.remove(&self.next) {
            self.known = answer.pages;
            self.next += 1;
            self.keep(answer.entries);
            if self.next == answer.pages {
                return true;
            }
        }
        if self.missing.remove(&self.next) {
            self.due_again.insert(self.next - 1);
        }
        false
    }

    /// Of two readings of a customer, the one counts that was asked for later; of one second, the one
    /// on the later page.
    fn keep(&mut self, entries: Vec<PageEntry>) {
        let named =
            |entry: &PageEntry| !(entry.value(EMAIL).is_empty() && entry.value(INTERNO).is_empty());
        for entry in entries.into_iter().filter(named) {
            let same = self.entries.iter_mut().find(|other| other.identity() == entry.identity());
            match same {
                None => self.entries.push(entry),
                Some(other) => {
                    self.counts.repeats += 1;
                    self.counts.older += u64::from(entry.read_at < other.read_at);
                    if entry.read_at >= other.read_at {
                        *other = entry;
                    }
                }
            }
        }
    }
}

/// A page in the byte order of names, as it is now.
fn page_of(server: &SimulatedServer, number: usize, read_at: u32, event: u64) -> PageAnswer {
    let mut listed: Vec<_> = server.customers.iter().filter(|it| !it.is_empty()).collect();
    listed.sort_by_key(|customer| customer.get("nome"));
    let pages = listed.len().div_ceil(PAGE).max(1);
    let page = listed.into_iter().skip(number * PAGE).take(PAGE);
    let entries =
        page.map(|customer| PageEntry { customer: customer.clone(), read_at, event }).collect();
    PageAnswer { entries, pages }
}
