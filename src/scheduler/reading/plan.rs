//! When a row's customer is read, and when its verdict is final. Reads and replies are in
//! [`super::request`], the holding back of accepted rows in [`super::verify`].

use tokio::time::Instant;

use super::super::circuit_breaker::SendPermission;
use super::super::events::Event;
use super::super::ledger::Ledger;
use super::super::row_state::RowState;
use super::super::window::PROBE;
use super::super::{Scheduler, Transport};
use super::compare::is_readable;
use super::settlement::{READS_MAX, ReadName, RefusalDoubt};
use super::{Access, AttemptVerdict, Decision, LateEffect, Purpose, READ_LAG, RowReading};
use crate::model::Situacao;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// The last attempt of a row makes this of it: is its customer read, or is that the verdict?
    pub(in super::super) fn on_answered(&mut self, seq: u64, situacao: Situacao) {
        let doubt = match situacao {
            Situacao::Recusado => self.recorder.refusal_doubt(seq),
            _ => RefusalDoubt::None,
        };
        let plain = AttemptVerdict { situacao, doubt };
        let decision = Decision { plain, ..Decision::default() };
        if seq == PROBE {
            return self.finish_decided(seq, decision);
        }
        if situacao != Situacao::Recusado {
            self.breaker.on_unrefused_row();
        }
        if self.is_reading_off() {
            return self.finish_decided(seq, decision);
        }
        match situacao {
            Situacao::Atualizado => self.on_accepted(seq, decision),
            _ if self.is_settled_by_reading(seq, plain) => {
                let Some(entry) = self.window.get(seq) else { return };
                let at = entry.attempts.first_sent().map(|sent| sent + READ_LAG);
                self.read(seq, RowReading::new(decision, Purpose::Settle), at);
            }
            _ => self.finish_decided(seq, decision),
        }
    }

    /// Whether a reading can decide the row.
    pub(in super::super) fn is_settled_by_reading(
        &mut self,
        seq: u64,
        plain: AttemptVerdict,
    ) -> bool {
        let Some(update) = self.window.update(seq) else { return false };
        match (plain.situacao, plain.doubt) {
            (Situacao::Falhou, _) => update.values().all(|(field, _)| is_readable(field)),
            (Situacao::Incerto, _) | (_, RefusalDoubt::RenameOpen | RefusalDoubt::RenameDone) => {
                true
            }
            _ => false,
        }
    }

    /// Whether no reading may begin: the run is being stopped, or the account is not to be read.
    fn is_reading_off(&self) -> bool {
        self.stopping.is_some() || self.readings.is_off(Instant::now())
    }

    /// The row counts as executed: it is looked at once more if a late attempt may still undo it.
    pub(super) fn look_or_finish(&mut self, seq: u64, mut reading: RowReading) {
        self.breaker.on_unrefused_row();
        let is_off = self.is_reading_off();
        // A reading that confirmed the row after the late effect was the look.
        let seen_at = reading.read_at.filter(|_| reading.purpose == Purpose::Settle);
        let effect = self.late_effect(seq).filter(|effect| {
            !is_off
                && reading.reads < READS_MAX
                && seen_at.is_none_or(|seen_at| seen_at < effect.until)
        });
        let Some(effect) = effect else { return self.finish_decided(seq, reading.decision) };
        reading.purpose = Purpose::Look(effect);
        reading.name = ReadName::Current;
        let at = match self.readings.access {
            // An account that may not be read is not waited for.
            Access::Unknown if reading.reads == 0 => None,
            _ => Some(self.look_at(seq, effect.until)),
        };
        self.read(seq, reading, at);
    }

    /// What may have undone the row since its last attempt left, or may still undo it.
    pub(in super::super) fn late_effect(&mut self, seq: u64) -> Option<LateEffect> {
        let entry = self.window.get(seq)?;
        self.readings.late_effect(&entry.keys, entry.attempts.last_sent()?)
    }

    /// When the closing look is due: after the late effect, and [`READ_LAG`] after the row's success.
    pub(super) fn look_at(&mut self, seq: u64, until: Instant) -> Instant {
        let ended = self.window.get(seq).and_then(|entry| entry.attempts.last_end());
        ended.map_or(until, |ended| until.max(ended + READ_LAG))
    }

    /// Reads the row's customer, not before `at`. The last reading of a row that is settled waits for
    /// late effects, where readings are answered at all: it is the closing look too.
    pub(super) fn read(&mut self, seq: u64, reading: RowReading, at: Option<Instant>) {
        if self.is_reading_off() {
            return self.finish_decided(seq, reading.decision);
        }
        let is_last = reading.purpose == Purpose::Settle
            && self.readings.access == Access::Granted
            && reading.details.is_none()
            && reading.reads + 1 == READS_MAX;
        let effect = if is_last { self.late_effect(seq) } else { None };
        let at = at.max(effect.map(|effect| self.look_at(seq, effect.until)));
        let Some(entry) = self.window.get(seq) else { return };
        entry.reading = Some(Box::new(reading));
        entry.wait_until = at;
        let state = if at.is_some() { RowState::Waiting } else { RowState::ReadyToRead };
        self.window.set_state(seq, state);
    }

    /// The row waits for the readings of other rows.
    pub(super) fn hold(&mut self, seq: u64, reading: RowReading) {
        if self.stopping.is_some() {
            return self.finish_decided(seq, reading.decision);
        }
        if let Some(entry) = self.window.get(seq) {
            entry.reading = Some(Box::new(reading));
            self.window.set_state(seq, RowState::OnHold);
        }
    }

    /// No reading begins any more, for good or for a while: every row that waits for one has its
    /// verdict, and nothing is verified.
    pub(super) fn end_readings(&mut self) {
        self.finish_waiting(|_| true);
        self.readings.verification = None;
    }

    /// Gives rows that wait for readings of these purposes the verdict that they have. Returns whether
    /// there were any.
    fn finish_waiting(&mut self, is_meant: impl Fn(Purpose) -> bool) -> bool {
        let mut are_any = false;
        for state in [RowState::Waiting, RowState::ReadyToRead, RowState::OnHold] {
            for seq in self.window.in_state(state).clone() {
                let Some(entry) = self.window.get(seq) else { continue };
                if let Some(reading) = entry.reading.take_if(|reading| is_meant(reading.purpose)) {
                    self.finish_decided(seq, reading.decision);
                    are_any = true;
                }
            }
        }
        are_any
    }

    /// Reports which rows wait to be read.
    pub(in super::super) fn report_looks(&mut self) {
        let mut looks: Option<(usize, Instant)> = None;
        for seq in self.window.in_state(RowState::Waiting).clone() {
            let Some(entry) = self.window.get(seq) else { continue };
            if let (Some(_), Some(until)) = (&entry.reading, entry.wait_until) {
                let (rows, last) = looks.unwrap_or((0, until));
                looks = Some((rows + 1, last.max(until)));
            }
        }
        if looks != self.looks {
            self.looks = looks;
            let event = looks.map(|(rows, until)| (rows, until.into_std()));
            self.outbox.push(Event::Looking(event));
        }
    }

    /// Looks whether rows still wait for readings with reason: not while the server is away and no
    /// update is left that could show its return.
    pub(in super::super) fn review_readings(&mut self, now: Instant) {
        let is_away = matches!(self.breaker.send_permission(now), SendPermission::ProbeAt(_));
        if is_away && self.readings.in_flight == 0 && !self.updates_left() {
            self.finish_for_outage();
        }
        self.review_verification();
    }

    /// Rows that are settled or looked at take the verdict they have. One of them found the server away
    /// and is not accepted, which makes room for a row that shows its return; so accepted rows that are
    /// verified go on waiting for that, unless there is nothing else.
    fn finish_for_outage(&mut self) {
        if self.finish_waiting(|purpose| purpose != Purpose::Verify) {
            return;
        }
        self.finish_waiting(|purpose| purpose == Purpose::Verify);
        if let Some(verification) = &mut self.readings.verification {
            verification.reading = 0;
        }
    }

    /// Whether an update is on its way, or may still leave before a row that is read has its verdict.
    pub(super) fn updates_left(&mut self) -> bool {
        let may_admit = self.may_admit();
        let is_any = |state| !self.window.in_state(state).is_empty();
        if is_any(RowState::ReadyToSend)
            || is_any(RowState::RecordingIntent)
            || is_any(RowState::RecordingOutcome)
            || (may_admit && (is_any(RowState::Unsent) || self.wants_rows()))
        {
            return true;
        }
        let mut seqs: Vec<u64> = self.window.in_state(RowState::InFlight).iter().copied().collect();
        seqs.extend(self.window.in_state(RowState::Waiting));
        seqs.into_iter().any(|seq| self.window.get(seq).is_some_and(|it| it.reading.is_none()))
    }
}

impl RowReading {
    pub(super) fn new(decision: Decision, purpose: Purpose) -> Self {
        Self {
            decision,
            purpose,
            reads: 0,
            read_at: None,
            sights: Vec::new(),
            name: ReadName::Current,
            details: None,
        }
    }
}
