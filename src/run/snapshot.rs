//! The snapshot of a run: opening it under the run's settings, and what is said about it.

use std::sync::Arc;

use super::Run;
use crate::config::{Remote, Settings};
use crate::input::{InputArg, InputFile};
use crate::ledger::AccountMark;
use crate::locale::format::{counted, local_time};
use crate::mapping::Target;
use crate::model::Situacao;
use crate::output::{SnapshotSavings, Tally, Terminal};
use crate::snapshot::{Snapshot, SnapshotError, SnapshotRules};

/// Opens the snapshot, if the run has one, and says what it is.
pub(super) fn open(
    settings: &Settings,
    terminal: &Terminal,
) -> Result<Option<Snapshot>, SnapshotError> {
    let Some(given) = &settings.snapshot else { return Ok(None) };
    let assumed = Target::fields_of_flag(&given.assume, "--assume")?;
    let file = InputFile::open(&given.input)?;
    let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let max_age = settings.policy.max_age.map(|most| most.as_secs());
    let not_before = max_age.map_or(0, |most| u64::from(now).saturating_sub(most));
    let rules = SnapshotRules {
        account: account(settings),
        max_age: given.max_age,
        not_before: u32::try_from(not_before).unwrap_or(now),
    };
    let snapshot = Snapshot::open(&file, &rules, Arc::from(assumed), now)?;
    if !settings.quiet {
        let (first, last) = snapshot.times();
        let when = match (local_time(first), local_time(last)) {
            _ if snapshot.len() == 0 => String::new(),
            (first, last) if first == last => format!(", lido às {first}"),
            (first, last) => format!(", lido das {first} às {last}"),
        };
        let mut text = format!(
            "{}: retrato de {}{when}\n",
            snapshot.label(),
            counted(snapshot.len() as u64, "cliente", "clientes")
        );
        if snapshot.len() == 0 {
            text.push_str(
                "aviso: o retrato não tem nenhum cliente: nada é comparado com ele, e todas as linhas contam como fora do retrato\n",
            );
        }
        if is_the_input(settings, &given.input) {
            text.push_str(
                "aviso: o retrato é a própria entrada: nada pode diferir dele, e o que você mudou no arquivo passa por já feito. Compare com um retrato lido à parte (tomticket-sync pull)\n",
            );
        }
        terminal.print(&text);
    }
    Ok(Some(snapshot))
}

/// The account that a snapshot must be of; `None` where it is simulated, or unknown to a check.
pub(super) fn account(settings: &Settings) -> Option<AccountMark> {
    let Remote::Server { base_url, token } = &settings.remote else { return None };
    match &settings.account {
        Some(label) => Some(AccountMark::Label(label.clone())),
        // A simulator has another address each time.
        None if base_url.is_loopback() => None,
        None => Some(AccountMark::of_token(base_url.as_str(), token.as_ref()?.expose_for_key())),
    }
}

fn is_the_input(settings: &Settings, snapshot: &InputArg) -> bool {
    let (InputArg::File(input), InputArg::File(snapshot)) = (&settings.input, snapshot) else {
        return false;
    };
    let place = |path: &std::path::Path| dunce::canonicalize(path).ok();
    place(input).is_some_and(|input| place(snapshot) == Some(input))
}

impl Run<'_> {
    /// What the snapshot saved: the rows that ended unchanged, and what the others changed.
    pub(super) fn snapshot_savings(&self, tally: &Tally) -> Option<SnapshotSavings> {
        self.settings.snapshot.as_ref()?;
        let poupadas = tally.count_decided(&[Situacao::Inalterado]);
        Some(SnapshotSavings { poupadas, colunas: tally.changed.counts() })
    }
}
