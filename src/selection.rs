//! `--only RESULTS`: of the input, only the rows whose customer an earlier run may have changed, each
//! addressed as that customer answers now. It makes the way back: what TomTicket held before, sent to
//! those that were touched.

mod handed_over;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::html_report::{ReportError, each_result};
use crate::locale::foreign_text::visible_path;
use crate::mapping::MappingPlan;
use crate::model::{
    ACCEPTED_SINCE, Customer, CustomerType, FieldName, FieldValues, Identifier, LeftOut, Name,
    Param, Row, Situacao, Update,
};
use crate::output::ResultLine;

pub use handed_over::HandedOver;

/// Why a file cannot say which rows to send.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    #[error(
        "{0} é de uma execução que não terminou: os resultados dela não estão completos. Rode o mesmo comando de novo até o fim e use os resultados que ele gravar"
    )]
    Partial(String),
    #[error("--only: {0}")]
    Results(#[from] ReportError),
}

impl SelectionError {
    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        crate::exit_code::USAGE
    }
}

/// The warning about results of a rehearsal, which changed nobody.
pub fn rehearsal_warning(results: &Path) -> Option<String> {
    let name = results.file_name()?.to_string_lossy();
    name.contains(".simulado.").then(|| {
        format!(
            "aviso: {} é de um ensaio (--sandbox): nada do que ele diz foi enviado ao TomTicket, e não há o que desfazer\n",
            visible_path(results)
        )
    })
}

/// Customers that a run may have changed, by every name that its results give.
#[derive(Debug, Default)]
pub struct Selection {
    /// How each of them is addressed after the run, and the line that said so last.
    addresses: Vec<(Customer, usize)>,
    /// Who had a name before the run, by type and lower-case name.
    before: HashMap<(CustomerType, String), usize>,
    /// Who has it after the run.
    after: HashMap<(CustomerType, String), usize>,
    lines: usize,
}

impl Selection {
    /// Reads a results file.
    pub fn read(path: &Path) -> Result<Self, SelectionError> {
        if path.extension().is_some_and(|ending| ending == "parcial") {
            return Err(SelectionError::Partial(visible_path(path).to_string()));
        }
        let mut selection = Self::default();
        each_result(path, |line| selection.add(line))?;
        Ok(selection)
    }

    fn add(&mut self, line: &ResultLine<'_>) {
        let is_of_earlier =
            line.situacao == Situacao::Inalterado && line.mensagem == ACCEPTED_SINCE;
        if !is_of_earlier && !Situacao::MAY_HAVE_CHANGED.contains(&line.situacao) {
            return;
        }
        let Ok(ctype) = line.tipo_identificador.parse::<CustomerType>() else { return };
        let now = match line.identificador_atual {
            "" => line.identificador,
            renamed => renamed,
        };
        let Ok(identifier) = Identifier::held(now) else { return };
        let key = |name: &str| (ctype, name.to_lowercase());
        self.lines += 1;
        // A name may be given away and used again within a run: lines are followed in their order.
        let number = self.after.remove(&key(line.identificador)).unwrap_or_else(|| {
            self.before.entry(key(line.identificador)).or_insert(self.addresses.len());
            self.addresses.len()
        });
        let address = (Customer { ctype, identifier }, self.lines);
        match self.addresses.get_mut(number) {
            Some(earlier) => *earlier = address,
            None => self.addresses.push(address),
        }
        self.after.insert(key(now), number);
    }

    /// Customers that the run may have changed.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Leaves a row out, or addresses it as its customer answers now. Returns which customer that is.
    pub fn apply(&self, row: &mut Row, plan: &MappingPlan) -> Option<usize> {
        let Ok(update) = &row.update else {
            let names = plan.names(row);
            let number = self.find(names.iter().map(|(ctype, text)| Name { ctype: *ctype, text }));
            row.left_out = number.is_none().then_some(LeftOut::NotChosen);
            return number;
        };
        let number = self.find(update.names());
        let Some((address, _)) = number.and_then(|number| self.addresses.get(number)) else {
            row.left_out = Some(LeftOut::NotChosen);
            return None;
        };
        if address != update.customer() {
            row.tipo = Some(address.ctype);
            row.update = Ok(Arc::new(readdressed(update, address)));
        }
        number
    }

    /// The row's customer, found by any name that the row gives: names as they were before the run, as
    /// the input has them, or else as they are now. Of several, the one that a line named last.
    fn find<'n>(&self, names: impl Iterator<Item = Name<'n>>) -> Option<usize> {
        let keys: Vec<_> = names.map(|name| (name.ctype, name.text.to_lowercase())).collect();
        [&self.before, &self.after].into_iter().find_map(|known| {
            let found = keys.iter().filter_map(|key| known.get(key).copied());
            found.max_by_key(|number| self.addresses.get(*number).map(|(_, line)| *line))
        })
    }
}

/// The same update for the customer under another name. By e-mail, the internal identifier is a value;
/// by internal identifier, the API takes none.
fn readdressed(update: &Update, to: &Customer) -> Update {
    let id_interno = FieldName::Param(Param::IdInterno);
    let types = (update.customer().ctype, to.ctype);
    let drops_id = types == (CustomerType::Email, CustomerType::Internal);
    let adds_id = types == (CustomerType::Internal, CustomerType::Email);
    let kept = update.values().filter(|(field, _)| !(drops_id && **field == id_interno));
    let mut values: FieldValues = kept.map(|(field, value)| (field.clone(), value)).collect();
    if adds_id {
        values.push(id_interno, update.customer().identifier.as_str());
    }
    Update::new(to.clone(), values)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::input::Record;
    use crate::mapping::MappingOptions;

    fn selection(lines: &[(&str, &str, Situacao, &str)]) -> Selection {
        let mut selection = Selection::default();
        for (identificador, tipo_identificador, situacao, identificador_atual) in lines {
            selection.add(&ResultLine {
                linha: 2,
                identificador,
                tipo_identificador,
                situacao: *situacao,
                erro: false,
                mensagem: "",
                http_status: None,
                tentativas: 1,
                duracao_ms: 0,
                concluido_em: Timestamp::UNIX_EPOCH,
                identificador_atual,
            });
        }
        selection
    }

    fn update(ctype: CustomerType, name: &str, values: &[(Param, &str)]) -> Update {
        let customer = Customer { ctype, identifier: Identifier::new(name).unwrap() };
        Update::new(customer, values.iter().map(|(p, v)| (FieldName::Param(*p), *v)).collect())
    }

    #[test]
    fn a_row_belongs_to_a_line_that_gives_any_of_its_names() {
        use CustomerType::{Email, Internal};
        use Situacao::{Atualizado, Falhou, Inalterado, Incerto, Recusado};
        let selection = selection(&[
            ("a@x", "E", Atualizado, "novo@x"),
            ("7", "I", Falhou, ""),
            ("c@x", "E", Inalterado, ""),
            ("d@x", "E", Recusado, ""),
            ("e@x", "E", Incerto, ""),
            ("f@x", "E", Atualizado, "g@x"),
            ("G@x", "E", Atualizado, ""),
            ("g@x", "E", Atualizado, "h@x"),
        ]);
        for (row, address) in [
            (update(Email, "A@x", &[(Param::Email, "a@x")]), Some("E novo@x")),
            (update(Email, "novo@x", &[]), Some("E novo@x")),
            (update(Email, "b@x", &[(Param::IdInterno, "7")]), Some("I 7")),
            (update(Internal, "9", &[(Param::Email, "e@x")]), Some("E e@x")),
            (update(Internal, "8", &[(Param::Email, "f@x")]), Some("E h@x")),
            (update(Email, "c@x", &[]), None),
            (update(Email, "d@x", &[]), None),
            (update(Internal, "a@x", &[]), None),
        ] {
            let found = selection.find(row.names()).map(|number| &selection.addresses[number].0);
            let found = found.map(|it| format!("{} {}", it.ctype, it.identifier.as_str()));
            assert_eq!(found.as_deref(), address, "{row:?}");
        }
    }

    #[test]
    fn a_name_that_was_given_away_and_used_again_finds_its_first_owner() {
        use CustomerType::{Email, Internal};
        use Situacao::Atualizado;
        let selection = selection(&[
            ("a@x", "E", Atualizado, "c@x"),
            ("b@x", "E", Atualizado, "a@x"),
            ("c@x", "E", Atualizado, "d@x"),
        ]);
        for (name, address) in [("a@x", "d@x"), ("b@x", "a@x"), ("d@x", "d@x")] {
            let row = update(Internal, "9", &[(Param::Email, name)]);
            let found = selection.find(row.names()).map(|number| &selection.addresses[number].0);
            assert_eq!(found.map(|it| it.identifier.as_str()), Some(address), "{name}");
        }
        assert_eq!(selection.find(update(Email, "z@x", &[]).names()), None);
    }

    #[test]
    fn the_results_name_a_row_as_it_is_sent() {
        let selection = selection(&[("a@x", "E", Situacao::Atualizado, "n@x")]);
        let options = MappingOptions { id_type: Some(CustomerType::Email), ..Default::default() };
        let header = Record::from_cells(1, ["identificador", "nome", "email"]);
        let plan = MappingPlan::new(&header, &options, false).unwrap();
        for (cells, name, left_out) in [
            (["a@x", "Ana", ""], "n@x", None),
            (["a@x", "Ana", "?"], "a@x", None),
            (["b@x", "Bia", ""], "b@x", Some(LeftOut::NotChosen)),
        ] {
            let mut row = plan.map(0, Record::from_cells(2, cells), &[]);
            let _ = selection.apply(&mut row, &plan);
            assert_eq!((row.identificador(), row.left_out), (name, left_out), "{cells:?}");
        }
    }

    #[test]
    fn the_other_name_becomes_a_value_or_none() {
        use CustomerType::{Email, Internal};
        let to = |ctype, name| update(ctype, name, &[]).customer().clone();
        let values = |update: &Update| -> Vec<String> {
            update.values().map(|(field, value)| format!("{field}={value}")).collect()
        };
        let by_id = update(Internal, "7", &[(Param::Email, "a@x")]);
        assert_eq!(values(&readdressed(&by_id, &to(Email, "n@x"))), ["email=a@x", "id_interno=7"]);
        let by_email = update(Email, "a@x", &[(Param::Nome, "A"), (Param::IdInterno, "7")]);
        assert_eq!(values(&readdressed(&by_email, &to(Internal, "7"))), ["nome=A"]);
    }
}
