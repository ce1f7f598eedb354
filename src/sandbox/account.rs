//! What the simulated account remembers between requests, and the one decision per request that
//! changes it: counted or rejected, executed or not, answered or failed.
//!
//! It neither waits nor knows HTTP: time is handed in, and the reply is a value.

use std::collections::BTreeMap;
use std::time::Instant;

use hyper::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::config::{FailureKind, SandboxConfig};
use super::customers::CustomerStore;
use super::fault_injector::{FaultInjector, InjectedFailure, RequestFaults};
use super::limit::SlidingWindow;
use super::update_rules::UpdateRequest;

/// What an update that leaves these parameters out sets them to, where that is chosen.
const DEFAULTS: [(&str, &str); 2] = [("criarchamados", "true"), ("idioma", "pt_BR")];

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

impl SandboxRefusal {
    /// The API reports a broken rule with status 200 and `erro: true`.
    pub(super) fn of_rule(mensagem: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, mensagem: mensagem.into() }
    }
}

/// What the client gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SandboxReply {
    Done,
    Refused(SandboxRefusal),
    /// 429 is over the limit, or injected.
    Failed(FailureKind),
}

/// One account: its token, its customers, its limit, its faults.
#[derive(Debug)]
pub(super) struct SimulatedAccount {
    /// The only one that is accepted; `None` accepts any.
    token: Option<SecretString>,
    pub(super) customers: CustomerStore,
    reset_defaults: bool,
    limit: SlidingWindow,
    faults: FaultInjector,
    counters: Counters,
}

impl SimulatedAccount {
    /// The account of a sandbox that starts.
    pub(super) fn new(config: SandboxConfig) -> Self {
        let injected = FailureKind::NAMED.into_iter().map(|(name, _)| (name, 0)).collect();
        Self {
            token: config.token,
            customers: config.customers,
            reset_defaults: config.reset_defaults,
            limit: SlidingWindow::new(config.rate),
            faults: FaultInjector::new(config.seed, config.jitter, config.latency, config.failures),
            counters: Counters { injected, ..Counters::default() },
        }
    }

    /// Counts an update request that arrived whole, and draws its faults. With another account's
    /// token it is refused (`None`), and does not count against the limit.
    pub(super) fn arrive(&mut self, token: &str) -> Option<RequestFaults> {
        self.counters.requests += 1;
        let faults = self.faults.draw();
        if self.token.as_ref().is_some_and(|known| known.expose_secret() != token) {
            self.counters.refused += 1;
            return None;
        }
        Some(faults)
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
        let is_limited = failure.is_some_and(|failure| failure.kind == FailureKind::Limited);
        if !is_limited && !self.limit.admit(now) {
            self.counters.limited += 1;
            return SandboxReply::Failed(FailureKind::Limited);
        }
        let Some(InjectedFailure { kind, executed }) = failure else {
            return self.execute(request);
        };
        for (name, _) in FailureKind::NAMED.iter().filter(|(_, named)| *named == kind) {
            *self.counters.injected.entry(name).or_default() += 1;
        }
        if is_limited {
            self.counters.limited += 1;
        } else if executed {
            self.execute(request);
        } else {
            self.counters.lost += 1;
        }
        SandboxReply::Failed(kind)
    }

    fn execute(&mut self, request: Result<UpdateRequest, SandboxRefusal>) -> SandboxReply {
        let executed = request.and_then(|mut update| {
            if self.reset_defaults {
                let values = &mut update.values;
                for (name, value) in DEFAULTS {
                    if values.iter().all(|(sent, _)| sent != name) {
                        values.push((name.to_owned(), value.to_owned()));
                    }
                }
            }
            match self.customers.update(&update) {
                true => Ok(()),
                false => Err(SandboxRefusal::of_rule("Cliente não encontrado.")),
            }
        });
        match executed {
            Ok(()) => {
                self.counters.executed += 1;
                SandboxReply::Done
            }
            Err(refusal) => {
                self.counters.refused += 1;
                SandboxReply::Refused(refusal)
            }
        }
    }

    /// The counters as they stand.
    pub(super) fn counters(&self) -> Counters {
        Counters { customers: self.customers.len() as u64, ..self.counters.clone() }
    }
}
