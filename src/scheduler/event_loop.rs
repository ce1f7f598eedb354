//! The loop of a run. Each turn looks at what has arrived (rows, replies, durable records, a stop, a
//! due instant), lets the rules decide, hands out work, and waits. It waits only here.

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::circuit_breaker::SendPermission;
use super::events::{Event, Phase};
use super::ledger::Ledger;
use super::{Scheduler, Transport};
use crate::stop::StopReason;

impl<T: Transport, L: Ledger> Scheduler<T, L> {
    pub(super) async fn run_to_end(&mut self) {
        self.admit_first();
        loop {
            let now = Instant::now();
            if let Some(reason) = self.stop.reason().or_else(|| self.breaker.gave_up(now)) {
                self.begin_stop(reason, now);
            }
            if let Some(failure) = self.recorder.take_failure() {
                self.abandon_ledger(failure);
            }
            let before = (self.rows_finished, self.stopping.is_some());
            self.check_unblocked();
            let wake = self.send_due(now);
            if before != (self.rows_finished, self.stopping.is_some()) || self.recorder.has_failed()
            {
                // Rows that waited for the finished ones may go on, or the run is to stop.
                continue;
            }
            self.emit_finished();
            self.report_phase(now);
            self.report_looks();
            self.send_events().await;
            if self.is_complete() {
                break;
            }
            self.wait(wake).await;
        }
        if let Some(snapshot) = &self.snapshot {
            self.outbox.push(Event::NamesLost(snapshot.names_lost().len() as u64));
            self.send_events().await;
        }
    }

    /// Sends collected events on. The run ends if the reporter is gone.
    async fn send_events(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let events = std::mem::take(&mut self.outbox);
        if self.events.send(events).await.is_err() {
            // The reporter knows why it left, and tells the caller.
            let reason =
                StopReason::Local("os arquivos de saída não podem mais ser gravados".into());
            self.begin_stop(reason, Instant::now());
        }
    }

    /// Waits for the next thing to happen and takes it in, with everything else that is there.
    async fn wait(&mut self, wake: Option<Instant>) {
        let wants_rows = self.wants_rows();
        tokio::select! {
            biased;
            () = self.stop.changed() => {}
            Some((request, attempt)) = self.requests.next(), if !self.requests.is_empty() => {
                self.on_response(request, attempt);
            }
            recorded = self.recorder.recorded(), if self.recorder.is_pending() => {
                self.on_recorded(recorded);
            }
            batch = self.input.recv(), if wants_rows => self.take_input(batch),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
        while let Some((request, attempt)) = self.requests.try_next() {
            self.on_response(request, attempt);
        }
        while self.wants_rows() {
            match self.input.try_recv() {
                Ok(batch) => self.take_input(Some(batch)),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => self.take_input(None),
            }
        }
    }

    pub(super) fn wants_rows(&self) -> bool {
        !self.input_ended
            && match &self.stopping {
                Some(stopping) => !matches!(stopping.reason, StopReason::Local(_)),
                None => self.window.has_room(),
            }
    }

    fn report_phase(&mut self, now: Instant) {
        let phase = match (&self.stopping, self.breaker.send_permission(now)) {
            (Some(_), _) => Phase::Draining,
            (None, SendPermission::Allowed) => Phase::Sending,
            (None, SendPermission::PausedUntil(_)) => Phase::Limited,
            (None, SendPermission::ProbeAt(_)) => Phase::Probing,
        };
        if phase == self.phase {
            return;
        }
        match phase {
            Phase::Limited => tracing::info!("limite de requisições atingido (429): pausa"),
            Phase::Probing => tracing::warn!(
                "o TomTicket não responde; o envio espera e tenta de novo, uma linha por vez"
            ),
            Phase::Sending => tracing::info!("envio retomado"),
            Phase::Draining => self.log_draining(),
        }
        self.outbox.push(Event::Phase(phase));
        self.phase = phase;
    }
}
