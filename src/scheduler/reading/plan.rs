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
use super::{Access, AttemptVerdict, Decision, Purpose, READ_LAG, RowReading};
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
        if seq == PROBE || self.stopping.is_some() || self.readings.access == Access::Refused {
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
    fn is_settled_by_reading(&mut self, seq: u64, plain: AttemptVerdict) -> bool {
        let Some(update) = self.window.update(seq) else { return false };
        match (plain.situacao, plain.doubt) {
            (Situacao::Falhou, _) => update.values().all(|(field, _)| is_readable(field)),
            (Situacao::Incerto, _) | (_, RefusalDoubt::RenameOpen) => true,
            (_, RefusalDoubt::RenameDone) => update.values().all(|(field, _)| is_readable(field)),
            _ => false,
        }
    }

    /// The row counts as executed: it is looked at once more if a late attempt may still undo it.
    pub(super) fn look_or_finish(&mut self, seq: u64, mut reading: RowReading) {
        let is_off = self.stopping.is_some() || self.readings.access == Access::Refused;
        let Some(entry) = self.window.get(seq) else { return };
        let sent = entry.attempts.last_sent();
        let effect = sent.and_then(|sent| self.readings.late_effect(&entry.keys, sent));
        let Some(effect) = effect.filter(|_| !is_off && reading.reads < READS_MAX) else {
            return self.finish_decided(seq, reading.decision);
        };
        reading.purpose = Purpose::Look;
        reading.name = ReadName::Current;
        reading.look = Some(effect);
        let at = match self.readings.access {
            // An account that may not be read is not waited for.
            Access::Unknown => None,
            _ => Some(self.look_at(seq, effect.until)),
        };
        self.read(seq, reading, at);
    }

    /// When the closing look is due: after the late effect, and [`READ_LAG`] after the row's success.
    pub(super) fn look_at(&mut self, seq: u64, until: Instant) -> Instant {
        let ended = self.window.get(seq).and_then(|entry| entry.attempts.last_end());
        ended.map_or(until, |ended| until.max(ended + READ_LAG))
    }

    /// Reads the row's customer, not before `at`. No reading begins once a stop was asked for.
    pub(super) fn read(&mut self, seq: u64, reading: RowReading, at: Option<Instant>) {
        if self.stopping.is_some() || self.readings.access == Access::Refused {
            return self.finish_decided(seq, reading.decision);
        }
        let Some(entry) = self.window.get(seq) else { return };
        entry.reading = Some(Box::new(reading));
        entry.wait_until = at;
        let state = if at.is_some() { RowState::Waiting } else { RowState::ReadyToRead };
        self.window.set_state(seq, state);
    }

    /// Gives every row that waits for a reading the verdict that it has.
    pub(super) fn finish_without_reading(&mut self) {
        for seq in self.window.seqs() {
            let Some(entry) = self.window.get(seq) else { continue };
            let waits = matches!(
                entry.state,
                RowState::Waiting | RowState::ReadyToRead | RowState::Verifying
            );
            if waits && let Some(reading) = entry.reading.take() {
                self.finish_decided(seq, reading.decision);
            }
        }
        self.readings.verification = None;
    }

    /// Reports which accepted rows wait to be looked at once more.
    pub(in super::super) fn report_looks(&mut self) {
        let mut looks: Option<(usize, Instant)> = None;
        for seq in self.window.in_state(RowState::Waiting).clone() {
            let Some(entry) = self.window.get(seq) else { continue };
            let look = entry.reading.as_ref().filter(|reading| reading.purpose == Purpose::Look);
            if let (Some(_), Some(until)) = (look, entry.wait_until) {
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
    /// update is left that could show its return, and not for a verification that has ended.
    pub(in super::super) fn review_readings(&mut self, now: Instant) {
        let is_away = matches!(self.breaker.send_permission(now), SendPermission::ProbeAt(_));
        if !is_away && self.readings.verification.is_none() {
            return;
        }
        if is_away && !self.updates_left() {
            self.finish_without_reading();
        }
        self.review_verification();
    }

    /// Whether an update is on its way, or may still leave before a row that is read has its verdict.
    pub(super) fn updates_left(&mut self) -> bool {
        let may_admit = self.may_admit();
        let is_any = |state| !self.window.in_state(state).is_empty();
        if is_any(RowState::ReadyToSend)
            || is_any(RowState::RecordingIntent)
            || is_any(RowState::RecordingOutcome)
            || (may_admit && is_any(RowState::Unsent))
            || self.wants_rows()
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
            sights: Vec::new(),
            name: ReadName::Current,
            look: None,
            details: None,
        }
    }
}
