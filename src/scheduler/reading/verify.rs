//! Accepted rows are held back until the first of them have been read (`--verify`), so that no value
//! counts as accepted that was not kept. What the readings show is judged in [`super::verification`].

use tokio::time::Instant;

use super::super::ledger::Ledger;
use super::super::row_state::RowState;
use super::super::{Scheduler, Transport};
use super::compare::ReadValue;
use super::request::is_held;
use super::verification::LostColumn;
use super::{Decision, Purpose, READ_LAG, RowReading};
use crate::stop::StopReason;

/// Characters of a lost value that the reason of a stop shows.
const SHOWN: usize = 60;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    /// The API accepted a row.
    pub(super) fn on_accepted(&mut self, seq: u64, decision: Decision) {
        // Its verdict may take a while, and the rows after it need not wait to be admitted.
        self.breaker.on_accepted_row();
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

    fn hold(&mut self, seq: u64, reading: RowReading) {
        if self.stopping.is_some() {
            return self.finish_decided(seq, reading.decision);
        }
        if let Some(entry) = self.window.get(seq) {
            entry.reading = Some(Box::new(reading));
            self.window.set_state(seq, RowState::Verifying);
        }
    }

    /// A reading for the verification came back; `values` is empty where it found nobody.
    pub(super) fn on_verified(&mut self, seq: u64, reading: RowReading, values: &[ReadValue]) {
        let Some(update) = self.window.update(seq) else { return };
        let Some(verification) = &mut self.readings.verification else {
            return self.look_or_finish(seq, reading);
        };
        if !is_held(values) && reading.reads == 1 && self.stopping.is_none() {
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

    /// Goes on with the verification once nothing is being read for it: reads further rows, stops the
    /// run for a lost column, or lets rows go.
    pub(super) fn review_verification(&mut self) {
        let Some(verification) = &self.readings.verification else { return };
        if verification.reading > 0 || self.stopping.is_some() {
            return;
        }
        if let Some(lost) = verification.lost(false) {
            return self.stop_for_lost(&lost);
        }
        let (is_holding, is_enough) = (verification.is_holding(), verification.has_read_enough());
        if self.read_held_rows() || (is_holding && !is_enough && self.updates_left()) {
            return;
        }
        if let Some(verification) = &mut self.readings.verification {
            verification.release();
        }
        let updates_left = self.updates_left();
        let Some(verification) = &self.readings.verification else { return };
        if let Some(lost) = verification.lost(true)
            && !updates_left
            && self.is_input_used_up()
        {
            return self.stop_for_lost(&lost);
        }
        let is_over = !verification.has_suspicion();
        for seq in self.window.in_state(RowState::Verifying).clone() {
            self.let_go(seq, !updates_left);
        }
        if is_over && let Some(verification) = self.readings.verification.take() {
            self.recorder.record_verified(&verification.verified());
        }
    }

    fn stop_for_lost(&mut self, lost: &LostColumn) {
        self.begin_stop(StopReason::Refused(lost_text(lost)), Instant::now());
    }

    /// Reads rows that wait, where rows that were read have proved nothing.
    fn read_held_rows(&mut self) -> bool {
        let mut has_begun = false;
        for seq in self.window.in_state(RowState::Verifying).clone() {
            let Some(update) = self.window.update(seq) else { continue };
            let Some(verification) = &mut self.readings.verification else { break };
            let Some(entry) = self.window.get(seq) else { continue };
            let is_unread = entry.reading.as_ref().is_some_and(|reading| reading.reads == 0);
            if is_unread && verification.wants(&update) {
                verification.reading += 1;
                has_begun = true;
                entry.wait_until = None;
                self.window.set_state(seq, RowState::ReadyToRead);
            }
        }
        has_begun
    }

    /// Ends the waiting of an accepted row, unless it sends a column under suspicion. `at_last` ends it
    /// all the same: the verdict is then that the column was not kept.
    fn let_go(&mut self, seq: u64, at_last: bool) {
        let Some(update) = self.window.update(seq) else { return };
        let is_suspicious =
            self.readings.verification.as_ref().is_some_and(|it| it.is_suspicious(&update));
        if is_suspicious && !at_last {
            return;
        }
        let Some(entry) = self.window.get(seq) else { return };
        let Some(reading) = entry.reading.take() else { return };
        match is_suspicious {
            true => self.finish_decided(seq, reading.decision),
            false => self.look_or_finish(seq, *reading),
        }
    }

    /// Whether no row of the input is left that was not sent.
    fn is_input_used_up(&self) -> bool {
        let waiting = [RowState::Blocked, RowState::Deferred, RowState::Unsent];
        self.input_ended && waiting.iter().all(|state| self.window.in_state(*state).is_empty())
    }

    /// How many rows may be out while accepted rows are held back; `None` for any number.
    pub(in super::super) fn most_out(&self) -> Option<u64> {
        let verification = self.readings.verification.as_ref()?;
        verification.most_out(self.options.concurrency)
    }
}

fn lost_text(lost: &LostColumn) -> String {
    let LostColumn { field, sent } = lost;
    let shown: String = sent.chars().take(SHOWN).collect();
    let more = if shown.len() < sent.len() { "…" } else { "" };
    format!(
        "o TomTicket aceita a coluna {field}, mas não a guarda: enviado \"{shown}{more}\", encontrado nada. Confira o id do campo (tomticket-sync ids) e rode de novo; --verify 0 desliga esta conferência"
    )
}
