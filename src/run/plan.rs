//! All that `check` does with a preflight: prints the plan, and writes what was asked for on the
//! command line. What a variable or the configuration file names is meant for `run`.

use super::row_meaning::RowMeaning;
use super::{Run, RunError, outputs};
use crate::config::LedgerChoice;
use crate::exit_code;
use crate::input::rows;
use crate::model::Situacao;
use crate::output::{Output, Rejects, tolerated};

/// Flags as they are typed.
pub(super) fn flags(names: &[&str]) -> String {
    names.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(", ")
}

impl Run<'_> {
    /// Shows the plan, and gives the exit code.
    pub(super) fn show_plan(&self) -> Result<u8, RunError> {
        let Self { settings, terminal, preflight, .. } = self;
        if !settings.without_effect.is_empty() {
            terminal.print(&format!(
                "aviso: nada é enviado, então não há resultados a gravar; sem efeito aqui: {}\n",
                flags(&settings.without_effect)
            ));
        }
        let unknown = match &settings.ledger {
            LedgerChoice::At(_) => {
                "sem token ou --account, não dá para saber o que o registro já conhece"
            }
            LedgerChoice::Declined => "--no-ledger: tudo é enviado",
            LedgerChoice::None => "endereço local, sem registro: tudo é enviado",
        };
        let tolerates = preflight.invalid <= self.ok_with();
        let code = if tolerates { exit_code::OK } else { exit_code::ROWS_TO_FIX };
        let per_second = settings.rate.per_second();
        if let Err(broken) = preflight.guard(&settings.guards, settings.limit) {
            // The plan shows what is wrong with the file.
            terminal.print(&preflight.plan_text(per_second, settings.limit, unknown));
            return Err(broken.into());
        }
        self.write_plan(code)?;
        if !settings.quiet || !tolerates {
            terminal.print(&preflight.plan_text(per_second, settings.limit, unknown));
        }
        if !settings.quiet && tolerates && preflight.invalid > 0 {
            terminal.print(&tolerated(preflight.invalid));
        }
        Ok(code)
    }

    fn write_plan(&self, code: u8) -> Result<(), RunError> {
        let Self { settings, preflight, input, .. } = self;
        let wanted = &settings.plan_outputs;
        let rejects = wanted.rejects.then_some(&settings.rejects);
        let summary = settings.summary_json.as_ref().filter(|_| wanted.summary_json);
        if rejects.is_none() && summary.is_none() {
            return Ok(());
        }
        outputs::check(settings)?;
        if let Some(destination) = rejects {
            Rejects::check(destination, &preflight.inspection, preflight.rows)?;
            let mut output = Output::open(destination, outputs::mode_limit(settings))?;
            output.begin()?;
            let mut rejects = Rejects::new(output, &preflight.inspection)?;
            let meaning = RowMeaning {
                plan: &preflight.plan,
                customers: self.snapshot.as_ref().map(|snapshot| &**snapshot.customers()),
                selection: self.selection.as_ref(),
            };
            for record in rows(input, &preflight.inspection)? {
                let row = meaning.row(0, record?)?;
                if let Err(invalid) = &row.update
                    && row.left_out.is_none()
                {
                    rejects.write_row(&row.record, Situacao::Invalido, &invalid.mensagem)?;
                }
            }
            rejects.file.complete()?;
            rejects.file.output().persist()?;
        }
        if let Some(destination) = summary {
            let mut output = Output::open(destination, outputs::mode_limit(settings))?;
            output.begin()?;
            let per_second = settings.rate.per_second();
            let text = preflight.plan_json(&settings.input_label, per_second, settings.limit, code);
            output.write_whole(&text)?;
        }
        Ok(())
    }
}
