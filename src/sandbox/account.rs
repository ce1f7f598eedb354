//! What the simulated account remembers between requests, and the one decision per request that
//! changes it: counted or rejected, executed or not, answered or failed.
//!
//! It neither waits nor knows HTTP: time is handed in, and the reply is a value.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::config::{DelayRange, FailureKind, SandboxConfig};
use super::customers::CustomerStore;
use super::fault_injector::{FaultInjector, RequestFaults};
use super::limit::SlidingWindow;
use super::replica::Replica;
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
    /// Read requests that arrived. They are in none of the others but `injected`.
    #[serde(rename = "leituras")]
    pub reads: u64,
    /// Of these, those that were rejected with 429.
    #[serde(rename = "leituras_429")]
    pub reads_limited: u64,
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

/// An update that is executed later: when, and how much later reads show it.
type LateUpdate = (Instant, Duration, Result<UpdateRequest, SandboxRefusal>);

/// One account: its token, its customers, its limit, its faults.
#[derive(Debug)]
pub(super) struct SimulatedAccount {
    /// The only one that is accepted; `None` accepts any.
    token: Option<SecretString>,
    pub(super) customers: CustomerStore,
    /// What reads show where that is not `customers`.
    replica: Option<Replica>,
    pub(super) no_reads: bool,
    reset_defaults: bool,
    limit: SlidingWindow,
    faults: FaultInjector,
    /// Few at a time; in no order.
    late: Vec<LateUpdate>,
    counters: Counters,
}

impl SimulatedAccount {
    /// The account of a sandbox that starts.
    pub(super) fn new(config: SandboxConfig) -> Self {
        let injected = FailureKind::NAMED.into_iter().map(|(name, _)| (name, 0)).collect();
        let faults = FaultInjector::new(&config);
        let mut customers = config.customers;
        if let Some(ids) = &config.custom_fields {
            customers.close_campos(ids);
        }
        let lags = config.read_lag != DelayRange::default();
        Self {
            token: config.token,
            replica: lags.then(|| Replica::of(customers.clone())),
            customers,
            no_reads: config.no_reads,
            reset_defaults: config.reset_defaults,
            limit: SlidingWindow::new(config.rate),
            faults,
            late: Vec::new(),
            counters: Counters { injected, ..Counters::default() },
        }
    }

    /// Counts an update request that arrived whole, and draws its faults. With another account's
    /// token it is refused (`None`), and does not count against the limit.
    pub(super) fn arrive(&mut self, token: Option<&str>) -> Option<RequestFaults> {
        self.counters.requests += 1;
        let faults = self.admit(token);
        self.counters.refused += u64::from(faults.is_none());
        faults
    }

    /// The same for a read request.
    pub(super) fn arrive_to_read(&mut self, token: Option<&str>) -> Option<RequestFaults> {
        self.counters.reads += 1;
        self.admit(token)
    }

    fn admit(&mut self, token: Option<&str>) -> Option<RequestFaults> {
        let faults = self.faults.draw();
        let token = token?;
        self.token.as_ref().is_none_or(|known| known.expose_secret() == token).then_some(faults)
    }

    /// Executes updates that are late and due by `now`. Everything else must find them executed.
    pub(super) fn execute_late(&mut self, now: Instant) {
        let mut due: Vec<_> = self.late.extract_if(.., |(due, ..)| *due <= now).collect();
        due.sort_by_key(|(due, ..)| *due);
        for (due, read_lag, request) in due {
            self.execute(due + read_lag, request);
        }
    }

    /// Counts an update at `now` and executes it. A request with an injected failure counts against
    /// the limit, executed or not, unless the failure is a 429. Over the limit the reply is a 429,
    /// whatever was drawn.
    pub(super) fn decide(
        &mut self,
        now: Instant,
        faults: RequestFaults,
        request: Result<UpdateRequest, SandboxRefusal>,
    ) -> SandboxReply {
        let shown = now + faults.read_lag;
        let Some(kind) = self.failure_at(now, faults) else {
            return self.execute(shown, request);
        };
        match kind {
            FailureKind::Limited => self.counters.limited += 1,
            FailureKind::Late => {
                self.late.push((now + faults.late_by, faults.read_lag, request));
            }
            _ if faults.failure.is_some_and(|failure| failure.executed) => {
                self.execute(shown, request);
            }
            _ => self.counters.lost += 1,
        }
        SandboxReply::Failed(kind)
    }

    /// Counts a read at `now`. Gives the customers as it shows them, or the failure that it meets.
    pub(super) fn read(
        &mut self,
        now: Instant,
        faults: RequestFaults,
    ) -> Result<&CustomerStore, FailureKind> {
        match self.failure_at(now, faults) {
            Some(kind) => {
                self.counters.reads_limited += u64::from(kind == FailureKind::Limited);
                Err(kind)
            }
            None => Ok(match &mut self.replica {
                Some(replica) => replica.at(now),
                None => &self.customers,
            }),
        }
    }

    /// Counts a request against the limit. Gives the failure that it meets, and counts an injected one.
    fn failure_at(&mut self, now: Instant, faults: RequestFaults) -> Option<FailureKind> {
        let drawn = faults.failure.map(|failure| failure.kind);
        if drawn != Some(FailureKind::Limited) && !self.limit.admit(now) {
            return Some(FailureKind::Limited);
        }
        let (name, kind) = FailureKind::NAMED.into_iter().find(|(_, kind)| drawn == Some(*kind))?;
        *self.counters.injected.entry(name).or_default() += 1;
        Some(kind)
    }

    /// Executes an update that reads show from `shown` on.
    fn execute(
        &mut self,
        shown: Instant,
        request: Result<UpdateRequest, SandboxRefusal>,
    ) -> SandboxReply {
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
                true => Ok(update),
                false => Err(SandboxRefusal::of_rule("Cliente não encontrado.")),
            }
        });
        match executed {
            Ok(update) => {
                self.counters.executed += 1;
                if let Some(replica) = &mut self.replica {
                    replica.add(shown, update);
                }
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

#[cfg(test)]
mod tests {
    use super::super::config::Failures;
    use super::super::update_rules::NameType;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// An account whose only customer is `a@x`, and the instant at which it starts.
    fn account(fail: &str, read_lag: &str) -> (SimulatedAccount, Instant) {
        let failures = Failures::new(vec![fail.parse().unwrap()]).unwrap();
        let mut customers = CustomerStore::of_a_list();
        customers.add(&BTreeMap::from([("email", "a@x")]));
        let read_lag = read_lag.parse().unwrap();
        let config = SandboxConfig { failures, customers, read_lag, ..SandboxConfig::default() };
        (SimulatedAccount::new(config), Instant::now())
    }

    /// Sends an update of the name at `now`; gives by how much it is late if it is.
    fn send(account: &mut SimulatedAccount, now: Instant, nome: &str) -> Duration {
        let faults = account.arrive(Some("t")).unwrap();
        let values = vec![("nome".to_owned(), nome.to_owned())];
        let identifier = "a@x".to_owned();
        let request = UpdateRequest { name_type: NameType::Email, identifier, values };
        account.decide(now, faults, Ok(request));
        faults.late_by
    }

    fn nome(customers: &CustomerStore) -> Option<&str> {
        customers.view(NameType::Email, "a@x")?.value("nome")
    }

    #[test]
    fn late_updates_are_executed_when_each_is_due() {
        let (mut account, start) = account("late=100", "0");
        // The second one overtakes the first if it is less late.
        let mut due = ["1", "2"].map(|name| (start + send(&mut account, start, name), name));
        due.sort();
        account.execute_late(due[0].0 - SECOND / 1000);
        assert_eq!((nome(&account.customers), account.counters().executed), (None, 0));
        for (executed, (at, name)) in (1..).zip(due) {
            assert!(at <= start + 20 * SECOND);
            account.execute_late(at);
            assert_eq!(nome(&account.customers), Some(name));
            assert_eq!(account.counters().executed, executed);
        }
    }

    #[test]
    fn reads_show_updates_when_the_lag_is_over() {
        let (mut account, start) = account("500=0", "2s");
        send(&mut account, start, "1");
        send(&mut account, start + SECOND, "2");
        assert_eq!(nome(&account.customers), Some("2"));
        for (after, shown) in
            [(1999, None), (2000, Some("1")), (2999, Some("1")), (3000, Some("2"))]
        {
            let faults = account.arrive_to_read(Some("t")).unwrap();
            let customers = account.read(start + SECOND * after / 1000, faults).unwrap();
            assert_eq!(nome(customers), shown, "{after} ms");
        }
    }
}
