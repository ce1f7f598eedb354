//! `--only RESULTS`: of the input, only the rows whose customer an earlier run may have changed, each
//! addressed as that customer answers now. It makes the way back: what TomTicket held before, sent to
//! those that were touched.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::html_report::{ReportError, each_result};
use crate::locale::foreign_text::visible_path;
use crate::model::{Customer, CustomerType, FieldName, Identifier, Param, Row, Situacao, Update};
use crate::output::ResultLine;

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

/// Customers that a run may have changed, by every name that its results give.
#[derive(Debug, Default)]
pub struct Selection {
    /// How each line addresses its customer, and the later line that renamed it again.
    addresses: Vec<(Customer, Option<usize>)>,
    /// By type and lower-case name.
    by_name: HashMap<(CustomerType, String), usize>,
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
        use Situacao::{Atualizado, Falhou, Incerto};
        if !matches!(line.situacao, Atualizado | Falhou | Incerto) {
            return;
        }
        let Ok(ctype) = line.tipo_identificador.parse::<CustomerType>() else { return };
        let now = match line.identificador_atual {
            "" => line.identificador,
            renamed => renamed,
        };
        let Ok(identifier) = Identifier::new(now) else { return };
        let number = self.addresses.len();
        let key = |name: &str| (ctype, name.to_lowercase());
        // In a chain a→b, b→c the customer that was a is c now.
        if let Some(earlier) = self.by_name.get(&key(line.identificador))
            && let Some((address, later)) = self.addresses.get_mut(*earlier)
            && key(address.identifier.as_str()) == key(line.identificador)
        {
            *later = Some(number);
        }
        self.addresses.push((Customer { ctype, identifier }, None));
        for name in [line.identificador, now] {
            self.by_name.insert(key(name), number);
        }
    }

    /// Leaves a row out, or addresses it as its customer answers now.
    pub fn apply(&self, row: &mut Row) {
        let Ok(update) = &row.update else {
            row.left_out = !self.names(row.tipo, &row.identificador);
            return;
        };
        let Some(address) = self.address(update) else {
            row.left_out = true;
            return;
        };
        if address != update.customer() {
            row.identificador = address.identifier.as_str().into();
            row.tipo = Some(address.ctype);
            row.update = Ok(Arc::new(readdressed(update, address)));
        }
    }

    fn names(&self, ctype: Option<CustomerType>, name: &str) -> bool {
        ctype.is_some_and(|ctype| self.by_name.contains_key(&(ctype, name.to_lowercase())))
    }

    /// How the row's customer is addressed, found by any name that the row gives. The latest line of
    /// the results counts.
    fn address(&self, update: &Update) -> Option<&Customer> {
        let own = update.customer();
        let given = |param| update.param(param).filter(|name| !name.is_empty());
        let names = [
            Some((own.ctype, own.identifier.as_str())),
            given(Param::Email).map(|name| (CustomerType::Email, name)),
            given(Param::IdInterno).map(|name| (CustomerType::Internal, name)),
        ];
        let lines = names.into_iter().flatten();
        let lines = lines
            .filter_map(|(ctype, name)| self.by_name.get(&(ctype, name.to_lowercase())).copied());
        let first = self.addresses.get(lines.max()?)?;
        let (mut address, mut later) = (&first.0, first.1);
        while let Some(next) = later.and_then(|later| self.addresses.get(later)) {
            (address, later) = (&next.0, next.1);
        }
        Some(address)
    }
}

/// The same update for the customer under another name. By e-mail, the internal identifier is a value;
/// by internal identifier, the API takes none.
fn readdressed(update: &Update, to: &Customer) -> Update {
    let id_interno = FieldName::Param(Param::IdInterno);
    let mut values: Vec<(FieldName, Box<str>)> =
        update.values().map(|(field, value)| (field.clone(), value.into())).collect();
    match (update.customer().ctype, to.ctype) {
        (CustomerType::Internal, CustomerType::Email) => {
            let own = update.customer().identifier.as_str();
            values.push((id_interno, own.into()));
        }
        (CustomerType::Email, CustomerType::Internal) => {
            values.retain(|(field, _)| *field != id_interno);
        }
        _ => {}
    }
    Update::new(to.clone(), values)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

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
        Update::new(customer, values.iter().map(|(p, v)| (FieldName::Param(*p), *v)))
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
            let found = selection.address(&row);
            let found = found.map(|it| format!("{} {}", it.ctype, it.identifier.as_str()));
            assert_eq!(found.as_deref(), address, "{row:?}");
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
