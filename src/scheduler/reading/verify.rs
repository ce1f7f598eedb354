//! Accepted rows are held back until the first of them have been read (`--verify`), so that no value
//! counts as accepted that was not kept. What the readings show is judged in [`super::verification`].

use tokio::time::Instant;

use super::super::ledger::Ledger;
use super::super::row_state::RowState;
use super::super::{Scheduler, Transport};
use super::compare::ReadValue;
use super::request::is_held;
use super::settlement::Seen;
use super::verification::{LostColumn, NextStep, RowsLeft};
use super::{Decision, Purpose, READ_LAG, RowReading};
use crate::stop::StopReason;

/// Characters of a lost value that the reason of a stop shows.
const SHOWN: usize = 60;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// The API accepted a row.
    pub(super) fn on_accepted(&mut self, seq: u64, decision: Decision) {
        let reading = RowReading::new(decision, Purpose::Verify);
        let Some(update) = self.window.update(seq) else { return };
        let Some(verification) = &mut self.readings.verification else {
            return self.look_or_finish(seq, reading);
        };
        if verification.wants(&update) {
            verification.reading += 1;
            self.read(seq, reading, None);
        } else if verification.is_holding() {
            self.hold(seq, reading);
        } else {
            self.look_or_finish(seq, reading);
        }
    }

    /// A reading for the verification came back; `values` is empty where it found nobody.
    pub(super) fn on_verified(
        &mut self,
        seq: u64,
        reading: RowReading,
        seen: &Seen,
        values: &[ReadValue],
    ) {
        let Some(update) = self.window.update(seq) else { return };
        let Some(verification) = &mut self.readings.verification else {
            return self.look_or_finish(seq, reading);
        };
        let is_open = *seen == Seen::NoAnswer || !is_held(values);
        if is_open && reading.reads == 1 {
            return self.read(seq, reading, Some(Instant::now() + READ_LAG));
        }
        verification.reading = verification.reading.saturating_sub(1);
        if !values.is_empty() {
            for column in verification.add(&update, values) {
                tracing::warn!(
                    "o TomTicket guarda a coluna {column} em outra forma do que foi enviada; um retrato (--snapshot) a mostrará diferente"
                );
            }
        }
        self.hold(seq, reading);
    }

    /// Goes on with the verification once nothing is being read for it.
    pub(super) fn review_verification(&mut self) {
        if self.stopping.is_some() || self.readings.verification.is_none() {
            return;
        }
        let (rows_left, unread) = (self.rows_left(), self.unread_rows());
        let Some(verification) = &mut self.readings.verification else { return };
        match verification.next_step(rows_left, !unread.is_empty()) {
            NextStep::Wait => {}
            NextStep::Read => self.read_held_rows(unread),
            NextStep::Stop(lost) => {
                self.begin_stop(StopReason::Refused(lost_text(&lost)), Instant::now());
            }
            NextStep::AskAgain => self.review_verification(),
            NextStep::LetOthersGo => self.let_go(|is_suspicious| !is_suspicious),
            NextStep::LetAllGo => self.let_go(|_| true),
            NextStep::End => {
                self.let_go(|_| true);
                if let Some(verification) = self.readings.verification.take() {
                    self.recorder.record_verified(&verification.verified());
                }
            }
        }
    }

    fn rows_left(&mut self) -> RowsLeft {
        let waiting = [RowState::Blocked, RowState::Deferred, RowState::Unsent];
        let is_any_waiting = waiting.iter().any(|state| !self.window.in_state(*state).is_empty());
        match self.updates_left() {
            true => RowsLeft::Sending,
            false if is_any_waiting || !self.input_ended => RowsLeft::Behind,
            false => RowsLeft::None,
        }
    }

    /// Accepted rows that wait and that the verification may read.
    fn unread_rows(&mut self) -> Vec<u64> {
        let mut unread = Vec::new();
        for seq in self.window.in_state(RowState::OnHold).clone() {
            let Some(verification) = &self.readings.verification else { break };
            let Some(entry) = self.window.get(seq) else { continue };
            let (Some(update), Some(reading)) = (&entry.update, &entry.reading) else { continue };
            if is_of_verification(reading) && reading.reads == 0 && verification.wants(update) {
                unread.push(seq);
            }
        }
        unread
    }

    /// Reads as many of these rows as are still wanted.
    fn read_held_rows(&mut self, unread: Vec<u64>) {
        for seq in unread {
            let Some(update) = self.window.update(seq) else { continue };
            let Some(verification) = &mut self.readings.verification else { return };
            if verification.wants(&update) {
                verification.reading += 1;
                self.window.set_state(seq, RowState::ReadyToRead);
            }
        }
    }

    /// Ends the waiting of accepted rows, by whether they send a column under suspicion. Such a row was
    /// not kept.
    fn let_go(&mut self, is_meant: impl Fn(bool) -> bool) {
        for seq in self.window.in_state(RowState::OnHold).clone() {
            let Some(entry) = self.window.get(seq) else { continue };
            let (Some(update), Some(verification)) = (&entry.update, &self.readings.verification)
            else {
                continue;
            };
            let is_suspicious = verification.is_suspicious(update);
            let reading =
                entry.reading.take_if(|it| is_of_verification(it) && is_meant(is_suspicious));
            match reading {
                Some(reading) if is_suspicious => self.finish_decided(seq, reading.decision),
                Some(reading) => self.look_or_finish(seq, *reading),
                None => {}
            }
        }
    }

    /// How many rows may be out while accepted rows are held back; `None` for any number.
    pub(in super::super) fn most_out(&self) -> Option<u64> {
        let verification = self.readings.verification.as_ref()?;
        verification.most_out(self.options.concurrency)
    }
}

fn is_of_verification(reading: &RowReading) -> bool {
    reading.purpose == Purpose::Verify
}

fn lost_text(lost: &LostColumn) -> String {
    let LostColumn { field, sent } = lost;
    let shown: String = sent.chars().take(SHOWN).collect();
    let more = if shown.len() < sent.len() { "…" } else { "" };
    format!(
        "o TomTicket aceita a coluna {field}, mas não a guarda (enviado \"{shown}{more}\", encontrado nada); confira o id do campo (tomticket-sync ids) e rode de novo (--verify 0 desliga esta conferência)"
    )
}
