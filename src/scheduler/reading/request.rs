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
use super::{Access, LateEffect, Purpose, READ_LAG, RowReading};
use crate::api::{DetailsReply, HeldDetails, HeldPage, ReadAttempt, ReadRequest, Reply};
use crate::model::{FieldName, Situacao};
use crate::scheduler::events::Event;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// Sends the reading of a row.
    pub(in super::super) fn dispatch_reading(&mut self, seq: u64, permit: Permit, now: Instant) {
        let Some(entry) = self.window.get(seq) else { return };
        let (Some(update), Some(reading)) = (&entry.update, &mut entry.reading) else { return };
        let request = match (&reading.details, reading.name) {
            (Some(_), _) => ReadRequest::Customers { page: 1 },
            (None, ReadName::Old) => ReadRequest::details(update.primary_name()),
            (None, ReadName::Current) => ReadRequest::details(update.current_name()),
        };
        if reading.details.is_none() {
            reading.reads += 1;
            reading.read_at = Some(now);
        }
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
        let Some(entry) = self.window.get(seq) else { return };
        let Some(mut reading) = entry.reading.take().map(|reading| *reading) else { return };
        let details = reading.details.take();
        let is_of_list = details.is_some();
        let reply = match details {
            Some(details) => self.on_list(attempt, details),
            None => DetailsReply::of(attempt),
        };
        let is_answered = reply != DetailsReply::NoAnswer;
        self.breaker.on_reading(attempt.reply, is_answered, sent, now);
        match is_answered {
            true => self.readings.note_answer(),
            false => self.readings.note_no_answer(now),
        }
        self.readings.gives_way |= matches!(attempt.reply, Reply::Limited { .. });
        match reply {
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
                self.finish_decided(seq, reading.decision);
            }
            DetailsReply::NoAnswer => self.on_seen(seq, reading, Seen::NoAnswer, &[]),
        }
        if is_of_list {
            self.resume_after_list();
        }
        if self.readings.is_off(now) {
            self.end_readings();
        }
    }

    /// The list was read for the ids of custom fields: what that makes of the reply that waits for them.
    fn on_list(&mut self, attempt: &ReadAttempt, details: HeldDetails) -> DetailsReply {
        match field_ids(attempt) {
            Some(ids) => {
                self.readings.ids = Some(ids);
                DetailsReply::Found(details)
            }
            None => {
                self.readings.note_unanswered_list();
                DetailsReply::NoAnswer
            }
        }
    }

    /// The customer was found. Where the reply names custom fields without ids, the list tells them;
    /// one row reads it, and others wait for that.
    fn on_found(&mut self, seq: u64, mut reading: RowReading, details: HeldDetails) {
        let Some(update) = self.window.update(seq) else { return };
        let needs_ids = reading.purpose != Purpose::Verify
            && lacks_field_ids(&details)
            && update.values().any(|(field, _)| matches!(field, FieldName::Campo(_)));
        if !needs_ids || self.readings.ids.is_some() {
            return self.evaluate(seq, reading, &details);
        }
        reading.details = Some(details);
        match self.is_list_being_read() {
            true => self.hold(seq, reading),
            false => self.read(seq, reading, None),
        }
    }

    fn is_list_being_read(&mut self) -> bool {
        let mut seqs = self.window.in_state(RowState::ReadyToRead).clone();
        seqs.extend(self.window.in_state(RowState::InFlight));
        seqs.into_iter().any(|seq| self.waits_for_ids(seq))
    }

    fn waits_for_ids(&mut self, seq: u64) -> bool {
        let entry = self.window.get(seq);
        let reading = entry.and_then(|entry| entry.reading.as_ref());
        reading.is_some_and(|reading| reading.details.is_some())
    }

    /// The list was read, or could not be: rows that waited for that go on.
    fn resume_after_list(&mut self) {
        for seq in self.window.in_state(RowState::OnHold).clone() {
            if !self.waits_for_ids(seq) {
                continue;
            }
            let Some(entry) = self.window.get(seq) else { continue };
            let Some(mut reading) = entry.reading.take() else { continue };
            let details = reading.details.take().filter(|_| self.readings.ids.is_some());
            match details {
                Some(details) => self.evaluate(seq, *reading, &details),
                None => self.on_seen(seq, *reading, Seen::NoAnswer, &[]),
            }
        }
    }

    fn evaluate(&mut self, seq: u64, reading: RowReading, details: &HeldDetails) {
        let Some(update) = self.window.update(seq) else { return };
        let none = FieldIds::default();
        let lookup = match reading.purpose {
            Purpose::Verify => FieldLookup::ByValue,
            _ => FieldLookup::ByName(self.readings.ids.as_ref().unwrap_or(&none)),
        };
        let values = compare(&update, details, lookup);
        let seen = Seen::of(&update, &values);
        self.on_seen(seq, reading, seen, &values);
    }

    /// What a reading showed: the row is read again, or its verdict is known. `values` is empty where
    /// the customer was not found.
    fn on_seen(&mut self, seq: u64, reading: RowReading, seen: Seen, values: &[ReadValue]) {
        match reading.purpose {
            Purpose::Verify => self.on_verified(seq, reading, &seen, values),
            Purpose::Settle => self.on_settled(seq, reading, seen),
            Purpose::Look(effect) => self.on_looked(seq, reading, &seen, effect),
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

    fn on_looked(&mut self, seq: u64, mut reading: RowReading, seen: &Seen, effect: LateEffect) {
        let now = Instant::now();
        let due = self.look_at(seq, effect.until);
        if reading.read_at.is_none_or(|at| at < due) {
            // It only showed whether the account can be read.
            return self.read(seq, reading, Some(due));
        }
        match look(seen, reading.reads, effect.renames) {
            Err(_) => self.read(seq, reading, Some(now + READ_LAG)),
            Ok(is_undone) => {
                reading.decision.is_looked_at = *seen != Seen::NoAnswer;
                reading.decision.is_undone = is_undone;
                self.finish_decided(seq, reading.decision);
            }
        }
    }
}

/// The ids of custom fields on a page of the list: none where the list is refused. `None` where the
/// reply is no answer.
fn field_ids(attempt: &ReadAttempt) -> Option<FieldIds> {
    match attempt.reply {
        Reply::Accepted => HeldPage::of_customers(&attempt.body).map(|it| FieldIds::of(&it.items)),
        Reply::Denied | Reply::Refused => Some(FieldIds::default()),
        _ => None,
    }
}

/// Whether a row's values are all held, as far as they can be read.
pub(super) fn is_held(values: &[ReadValue]) -> bool {
    values.iter().all(|value| matches!(value, ReadValue::Held | ReadValue::Unreadable))
}
