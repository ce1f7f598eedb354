//! What the simulated account remembers between requests, and the one decision per request that
//! changes it: counted or rejected, executed or not, answered or failed.
//!
//! It neither waits nor knows HTTP: time is handed in, and the reply is a value.

use std::collections::BTreeMap;
use std::time::Instant;

use hyper::StatusCode;
use serde::Serialize;

use super::config::{FailureKind, SandboxConfig};
use super::customer_list::Customers;
use super::customers::CustomerStore;
use super::fault_injector::{FaultInjector, InjectedFailure, RequestFaults};
use super::limit::SlidingWindow;
use super::update_rules::UpdateRequest;

/// What `GET /_sandbox/contagem` tells. Every request is in exactly one of `executed`, `refused`,
/// `limited` and `lost`, once it is decided.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Counters {
    /// Update requests (a POST to such a path) that arrived whole.
    #[serde(rename = "requisicoes")]
    pub requests: u64,
    /// Updates that changed a customer, those with an injected failure for an answer included.
    #[serde(rename = "executadas")]
    pub executed: u64,
    /// Requests that were refused (`erro: true` or a 4xx other than 429), those with an injected
    /// failure for an answer included.
    #[serde(rename = "recusadas")]
    pub refused: u64,
    /// Requests rejected with 429, over the limit or injected.
    #[serde(rename = "limitadas_429")]
    pub limited: u64,
    /// Requests that an injected failure kept from being executed, 429 apart.
    #[serde(rename = "perdidas")]
    pub lost: u64,
    /// Failures injected, by the kind as `--fail` spells it; kinds without one too.
    #[serde(rename = "falhas_injetadas")]
    pub injected: BTreeMap<&'static str, u64>,
    /// Customers held.
    #[serde(rename = "clientes")]
    pub customers: u64,
}

/// Why a request is not executed, where the request itself is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SandboxRefusal {
    pub status: StatusCode,
    /// Portuguese.
    pub mensagem: String,
}

/// What the client gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SandboxReply {
    Done,
    Refused(SandboxRefusal),
    Limited,
    /// Never of kind 429.
    Failed(FailureKind),
}

/// One account: its customers, its limit, its faults.
#[derive(Debug)]
pub(super) struct SimulatedAccount {
    customers: CustomerStore,
    limit: SlidingWindow,
    faults: FaultInjector,
    counters: Counters,
}

impl SimulatedAccount {
    /// The account of a sandbox that starts.
    pub(super) fn new(config: SandboxConfig) -> Self {
        let mut customers =
            config.customers.map_or_else(CustomerStore::with_every_customer, Customers::into_store);
        customers.set_reset_defaults(config.reset_defaults);
        Self {
            customers,
            limit: SlidingWindow::new(config.rate),
            faults: FaultInjector::new(config.seed, config.jitter, config.latency, config.failures),
            counters: Counters {
                injected: FailureKind::ALL.iter().map(|kind| (kind.as_str(), 0)).collect(),
                ..Counters::default()
            },
        }
    }

    /// Counts an update request that arrived whole, and draws its faults.
    pub(super) fn arrive(&mut self) -> RequestFaults {
        self.counters.requests += 1;
        self.faults.draw()
    }

    /// Refuses a request without counting it against the limit, because it belongs to another
    /// account.
    pub(super) fn refuse_unknown_token(&mut self) {
        self.counters.refused += 1;
    }

    /// Counts a request at `now` and executes it. A request with an injected failure counts against
    /// the limit, executed or not, unless the failure is a 429. Over the limit the reply is a 429,
    /// whatever was drawn.
    pub(super) fn decide(
        &mut self,
        now: Instant,
        failure: Option<InjectedFailure>,
        request: Result<UpdateRequest, SandboxRefusal>,
    ) -> SandboxReply {
        if let Some(InjectedFailure { kind: FailureKind::Limited, .. }) = failure {
            self.inject(FailureKind::Limited);
            self.counters.limited += 1;
            return SandboxReply::Limited;
        }
        if !self.limit.admit(now) {
            self.counters.limited += 1;
            return SandboxReply::Limited;
        }
        if let Some(InjectedFailure { kind, executed: false }) = failure {
            self.inject(kind);
            self.counters.lost += 1;
            return SandboxReply::Failed(kind);
        }
        let answer = self.execute(request);
        match failure {
            Some(InjectedFailure { kind, .. }) => {
                self.inject(kind);
                SandboxReply::Failed(kind)
            }
            None => answer,
        }
    }

    fn execute(&mut self, request: Result<UpdateRequest, SandboxRefusal>) -> SandboxReply {
        let refusal = match request {
            Ok(update) if self.customers.update(&update) => {
                self.counters.executed += 1;
                return SandboxReply::Done;
            }
            Ok(_) => SandboxRefusal {
                status: StatusCode::OK,
                mensagem: "Cliente não encontrado.".to_owned(),
            },
            Err(refusal) => refusal,
        };
        self.counters.refused += 1;
        SandboxReply::Refused(refusal)
    }

    fn inject(&mut self, kind: FailureKind) {
        *self.counters.injected.entry(kind.as_str()).or_default() += 1;
    }

    /// The counters as they stand.
    pub(super) fn counters(&self) -> Counters {
        Counters { customers: self.customers.len() as u64, ..self.counters.clone() }
    }

    /// The customers.
    pub(super) fn customers(&self) -> &CustomerStore {
        &self.customers
    }
}

#[cfg(test)]
mod tests {
    use super::super::update_rules;
    use super::*;
    use crate::scheduler::Rate;

    fn update(identifier: &str) -> Result<UpdateRequest, SandboxRefusal> {
        let values = vec![("nome".to_owned(), "Ana".to_owned())];
        update_rules::check("E", identifier.to_owned(), values)
            .map_err(|mensagem| SandboxRefusal { status: StatusCode::OK, mensagem })
    }

    fn account(rate: Rate) -> SimulatedAccount {
        SimulatedAccount::new(SandboxConfig { rate, ..SandboxConfig::default() })
    }

    #[test]
    fn a_rejected_request_is_neither_executed_nor_in_the_window() {
        let (now, mut account) = (Instant::now(), account(Rate::PerSecond(1.0)));
        assert_eq!(account.decide(now, None, update("a@x")), SandboxReply::Done);
        assert_eq!(account.decide(now, None, update("b@x")), SandboxReply::Limited);
        let counters = account.counters();
        assert_eq!((counters.executed, counters.limited, counters.customers), (1, 1, 1));
        let later = now + std::time::Duration::from_secs(1);
        assert_eq!(account.decide(later, None, update("b@x")), SandboxReply::Done);
    }

    #[test]
    fn a_refused_request_takes_its_place_in_the_window() {
        let (now, mut account) = (Instant::now(), account(Rate::PerSecond(1.0)));
        assert!(matches!(account.decide(now, None, update("a\tb")), SandboxReply::Refused(_)));
        assert_eq!(account.decide(now, None, update("a@x")), SandboxReply::Limited);
        assert_eq!((account.counters().refused, account.counters().limited), (1, 1));
    }

    #[test]
    fn failures_strike_before_or_after_the_execution() {
        let (now, mut account) = (Instant::now(), account(Rate::Unlimited));
        let failure = |kind, executed| Some(InjectedFailure { kind, executed });
        let reset = FailureKind::Reset;
        assert_eq!(
            account.decide(now, failure(reset, false), update("a@x")),
            SandboxReply::Failed(reset)
        );
        assert_eq!(account.counters().customers, 0);
        assert_eq!(
            account.decide(now, failure(reset, true), update("a@x")),
            SandboxReply::Failed(reset)
        );
        assert_eq!(account.counters().customers, 1);
        let limited = FailureKind::Limited;
        assert_eq!(
            account.decide(now, failure(limited, false), update("b@x")),
            SandboxReply::Limited
        );
        let counters = account.counters();
        assert_eq!((counters.executed, counters.lost, counters.limited), (1, 1, 1));
        assert_eq!(
            (counters.injected[reset.as_str()], counters.injected[limited.as_str()]),
            (2, 1)
        );
        assert_eq!(counters.injected.values().sum::<u64>(), 3);
    }

    #[test]
    fn injected_429s_leave_the_window_alone_and_other_failures_do_not() {
        let (now, mut account) = (Instant::now(), account(Rate::PerSecond(1.0)));
        let failure = |kind| Some(InjectedFailure { kind, executed: false });
        assert_eq!(
            account.decide(now, failure(FailureKind::Limited), update("a@x")),
            SandboxReply::Limited
        );
        let hang = FailureKind::Hang;
        assert_eq!(account.decide(now, failure(hang), update("a@x")), SandboxReply::Failed(hang));
        assert_eq!(account.decide(now, failure(hang), update("a@x")), SandboxReply::Limited);
        assert_eq!(account.counters().injected[hang.as_str()], 1);
    }

    #[test]
    fn counters_are_spelled_for_pipelines() {
        let json = serde_json::to_value(account(Rate::Unlimited).counters()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "requisicoes": 0, "executadas": 0, "recusadas": 0, "limitadas_429": 0,
                "perdidas": 0, "clientes": 0,
                "falhas_injetadas": {"429": 0, "500": 0, "502": 0, "reset": 0, "close": 0,
                    "hang": 0, "html": 0, "truncated": 0}
            })
        );
    }
}
