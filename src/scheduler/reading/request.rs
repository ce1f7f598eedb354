//! Readings go out and come back. What a reply shows is compared here and judged in
//! [`super::settlement`] and [`super::verification`]. To the circuit breaker a reading tells only that
//! the limit was reached or that the server is back.

use tokio::time::Instant;

use super::super::in_flight::{Answer, InFlightRequest};
use super::super::ledger::Ledger;
use super::super::rate_limiter::Permit;
use super::super::row_state::RowState;
use super::super::{Scheduler, Transport};
use super::compare::{FieldIds, FieldLookup, ReadValue, compare, lacks_field_ids};
use super::settlement::{ReadName, Seen, look, settle, verdict};
use super::{Access, KnownIds, Purpose, READ_LAG, RowReading};
use crate::api::{DetailsReply, HeldDetails, HeldPage, ReadAttempt, ReadRequest, Reply};
use crate::model::{FieldName, Situacao};
use crate::scheduler::events::Event;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// Sends the reading of a row.
    pub(in super::super) fn dispatch_reading(&mut self, seq: u64, permit: Permit, now: Instant) {
        let Some(entry) = self.window.get(seq) else { return };
        let (Some(update), Some(reading)) = (&entry.update, &entry.reading) else { return };
        let request = match (&reading.details, reading.name) {
            (Some(_), _) => {
                self.readings.ids = KnownIds::BeingRead;
                ReadRequest::Customers { page: 1 }
            }
            (None, ReadName::Old) => ReadRequest::details(update.primary_name()),
            (None, ReadName::Current) => ReadRequest::details(update.current_name()),
        };
        self.window.set_state(seq, RowState::InFlight);
        self.readings.in_flight += 1;
        let transport = self.transport.clone();
        let in_flight = InFlightRequest { seq, permit, sent: now };
        let read = async move { Answer::Read(transport.read(request).await) };
        self.requests.spawn(in_flight, read);
    }

    /// A reading came back.
    pub(in super::super) fn on_reading(&mut self, request: InFlightRequest, attempt: &ReadAttempt) {
        let InFlightRequest { seq, permit, sent } = request;
        let now = Instant::now();
        self.readings.in_flight = self.readings.in_flight.saturating_sub(1);
        self.limiter.on_reply(permit, Instant::from_std(attempt.answered), attempt.reply);
        self.outbox.push(Event::Read(attempt.reply));
        if let Some(reason) = self.breaker.on_reading(attempt.reply, sent, now) {
            self.begin_stop(reason, now);
        }
        let Some(entry) = self.window.get(seq) else { return };
        let Some(mut reading) = entry.reading.take().map(|reading| *reading) else { return };
        if let Reply::Limited { .. } = attempt.reply {
            return self.read(seq, reading, None);
        }
        if let Some(details) = reading.details.take() {
            self.readings.ids = KnownIds::Read(field_ids(attempt));
            return self.evaluate(seq, reading, &details);
        }
        reading.reads += 1;
        match DetailsReply::of(attempt) {
            // A reading that left before another one was refused.
            _ if self.readings.access == Access::Refused => {
                self.finish_decided(seq, reading.decision);
            }
            DetailsReply::Found(details) => {
                self.readings.access = Access::Granted;
                self.on_found(seq, reading, details);
            }
            DetailsReply::NotFound => {
                self.readings.access = Access::Granted;
                self.on_seen(seq, reading, Seen::NotFound, &[]);
            }
            DetailsReply::Refused => {
                self.readings.access = Access::Refused;
                self.readings.verification = None;
                self.finish_decided(seq, reading.decision);
                self.finish_without_reading();
            }
            DetailsReply::Limited | DetailsReply::NoAnswer => {
                self.on_seen(seq, reading, Seen::NoAnswer, &[]);
            }
        }
    }

    /// The customer was found. Where the reply names custom fields without ids, the list tells them.
    fn on_found(&mut self, seq: u64, mut reading: RowReading, details: HeldDetails) {
        let Some(update) = self.window.update(seq) else { return };
        let needs_ids = reading.purpose != Purpose::Verify
            && lacks_field_ids(&details)
            && update.values().any(|(field, _)| matches!(field, FieldName::Campo(_)));
        if needs_ids && matches!(self.readings.ids, KnownIds::Unread) {
            reading.details = Some(details);
            return self.read(seq, reading, None);
        }
        if needs_ids && matches!(self.readings.ids, KnownIds::BeingRead) {
            // Another row reads the list.
            reading.reads -= 1;
            return self.read(seq, reading, Some(Instant::now() + READ_LAG));
        }
        self.evaluate(seq, reading, &details);
    }

    fn evaluate(&mut self, seq: u64, reading: RowReading, details: &HeldDetails) {
        let Some(update) = self.window.update(seq) else { return };
        let unknown = FieldIds::default();
        let lookup = match (&self.readings.ids, reading.purpose) {
            (_, Purpose::Verify) => FieldLookup::ByValue,
            (KnownIds::Read(ids), _) => FieldLookup::ByName(ids),
            _ => FieldLookup::ByName(&unknown),
        };
        let values = compare(&update, details, lookup);
        let seen = Seen::of(&update, &values);
        self.on_seen(seq, reading, seen, &values);
    }

    /// What a reading showed: the row is read again, or its verdict is known. `values` is empty where
    /// the customer was not found.
    fn on_seen(&mut self, seq: u64, reading: RowReading, seen: Seen, values: &[ReadValue]) {
        match reading.purpose {
            Purpose::Verify => self.on_verified(seq, reading, values),
            Purpose::Settle => self.on_settled(seq, reading, seen),
            Purpose::Look => self.on_looked(seq, reading, &seen),
        }
    }

    fn on_settled(&mut self, seq: u64, mut reading: RowReading, seen: Seen) {
        let now = Instant::now();
        let is_rename = self.window.get(seq).is_some_and(|entry| entry.is_rename());
        reading.sights.push((reading.name, seen));
        match settle(&reading.sights, is_rename) {
            Err(name) => {
                reading.name = name;
                self.read(seq, reading, Some(now + READ_LAG));
            }
            Ok(settled) => {
                let plain = reading.decision.plain;
                let situacao = verdict(&settled, plain.situacao, plain.doubt);
                reading.decision.settled = Some(settled);
                match situacao {
                    Situacao::Atualizado => self.look_or_finish(seq, reading),
                    _ => self.finish_decided(seq, reading.decision),
                }
            }
        }
    }

    fn on_looked(&mut self, seq: u64, mut reading: RowReading, seen: &Seen) {
        let now = Instant::now();
        let Some(effect) = reading.look else { return };
        if now < effect.until {
            // It only showed that the account can be read.
            let at = self.look_at(seq, effect.until);
            return self.read(seq, reading, Some(at));
        }
        match look(seen, reading.reads, effect.renames) {
            Err(_) => self.read(seq, reading, Some(now + READ_LAG)),
            Ok(is_undone) => {
                reading.decision.is_undone = is_undone;
                self.finish_decided(seq, reading.decision);
            }
        }
    }
}

/// The ids of custom fields on a page of the list; none where it could not be read.
fn field_ids(attempt: &ReadAttempt) -> FieldIds {
    let is_whole = attempt.reply == Reply::Accepted;
    let page = if is_whole { HeldPage::of_customers(&attempt.body) } else { None };
    page.map(|page| FieldIds::of(&page.items)).unwrap_or_default()
}

/// Whether a row's values are all held, as far as they can be read.
pub(super) fn is_held(values: &[ReadValue]) -> bool {
    values.iter().all(|value| matches!(value, ReadValue::Held | ReadValue::Unreadable))
}
