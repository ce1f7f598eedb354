//! The exit codes, and the one of a run. An error's exit code is its own `exit_code()`.

use crate::model::Situacao;
use crate::stop::{Signal, StopReason};

/// Every row is updated or unchanged, but for those that `--ok-with` tolerates.
pub const OK: u8 = 0;
/// Finished; more rows were refused or are invalid than `--ok-with` tolerates.
pub const ROWS_TO_FIX: u8 = 1;
/// Usage, configuration, mapping, input or lock; nothing was sent.
pub const USAGE: u8 = 2;
/// The account or the server refuses everything.
pub const REFUSED: u8 = 3;
/// Temporary; run again later.
pub const TEMPORARY: u8 = 4;
/// Something on this machine failed; sending stopped at once.
pub const LOCAL: u8 = 5;
/// Some rows are `incerto`.
pub const UNCERTAIN: u8 = 6;

/// The exit code of a signal: 128 and its number, as shells count it.
pub const fn of_signal(signal: Signal) -> u8 {
    match signal {
        Signal::Hup => 129,
        Signal::Int => 130,
        Signal::Term => 143,
    }
}

/// The exit code of a run that ended for `stop` (`None`: after its last row), with its rows counted
/// by [`Situacao::index`]. `ok_with` rows to repair count as none. When several hold: 5, 3,
/// 129/130/143, 6, 4, 1.
pub fn of_run(stop: Option<&StopReason>, counts: &[u64; 7], ok_with: u64) -> u8 {
    let count = |situacao: Situacao| counts[situacao.index()];
    let any = |situacao| count(situacao) > 0;
    let by_rows = || match () {
        () if any(Situacao::Incerto) => UNCERTAIN,
        () if any(Situacao::Falhou) => TEMPORARY,
        () if count(Situacao::Recusado) + count(Situacao::Invalido) > ok_with => ROWS_TO_FIX,
        () => OK,
    };
    match stop {
        Some(StopReason::Local(_)) => LOCAL,
        Some(StopReason::Refused(_)) => REFUSED,
        Some(StopReason::Signal(signal)) => of_signal(*signal),
        Some(StopReason::Temporary(_)) => match by_rows() {
            UNCERTAIN => UNCERTAIN,
            _ => TEMPORARY,
        },
        None => by_rows(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rows: &[Situacao]) -> [u64; 7] {
        let mut counts = [0; 7];
        for row in rows {
            counts[row.index()] += 1;
        }
        counts
    }

    #[test]
    fn the_more_urgent_code_wins() {
        use Situacao::{Atualizado, Falhou, Inalterado, Incerto, Invalido, NaoEnviado, Recusado};
        let temporary = || Some(StopReason::Temporary(String::new()));
        let refused = || Some(StopReason::Refused(String::new()));
        for (stop, rows, code) in [
            (None, vec![Atualizado, Inalterado, NaoEnviado], OK),
            (None, vec![Recusado], ROWS_TO_FIX),
            (None, vec![Invalido, Falhou], TEMPORARY),
            (None, vec![Falhou, Incerto], UNCERTAIN),
            (temporary(), vec![Incerto], UNCERTAIN),
            (temporary(), vec![Recusado], TEMPORARY),
            (Some(StopReason::Signal(Signal::Int)), vec![Incerto], 130),
            (Some(StopReason::Signal(Signal::Term)), vec![], 143),
            (Some(StopReason::Signal(Signal::Hup)), vec![], 129),
            (refused(), vec![Incerto], REFUSED),
            (refused(), vec![], REFUSED),
            (Some(StopReason::Local("".into())), vec![Incerto], LOCAL),
        ] {
            assert_eq!(of_run(stop.as_ref(), &counts(&rows), 0), code, "{stop:?} {rows:?}");
            // Tolerance concerns rows to repair alone.
            let tolerant = if code == ROWS_TO_FIX { OK } else { code };
            assert_eq!(of_run(stop.as_ref(), &counts(&rows), 1), tolerant, "{stop:?} {rows:?}");
        }
        assert_eq!(of_run(None, &counts(&[Recusado, Invalido]), 1), ROWS_TO_FIX);
    }
}
