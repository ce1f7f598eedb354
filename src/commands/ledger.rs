//! `ledger status` and `ledger forget`. The ledger itself is [`crate::ledger`].

use super::error::CommandError;
use super::print;
use crate::cli::{LedgerCommand, LedgerFileArgs, LedgerForgetArgs};
use crate::config::{SettingsError, base_url, exposed_token_file, ledger_path, token};
use crate::ledger::admin::{self, AccountStatus};
use crate::ledger::{Account, AccountLocation};
use crate::locale::foreign_text::{visible, visible_path};
use crate::locale::format::number;
use crate::model::Name;
use crate::output::Terminal;

pub(super) fn run(command: LedgerCommand) -> Result<u8, CommandError> {
    match command {
        LedgerCommand::Status(args) => status(&args),
        LedgerCommand::Forget(args) => forget(&args),
    }
}

fn status(args: &LedgerFileArgs) -> Result<u8, CommandError> {
    let path = ledger_path(args.ledger.as_deref())?;
    let accounts = admin::status(&path)?;
    let mut text = format!("Registro: {}\n", visible_path(&path));
    if accounts.is_empty() {
        text.push_str("Nenhuma conta: nada foi enviado com este registro ainda.\n");
    }
    for AccountStatus { account, customers, in_flight } in &accounts {
        let label = account
            .label
            .as_deref()
            .map_or("(pelo token)".to_owned(), |label| format!("\"{}\"", visible(label)));
        let changed = account.changed_at.map_or("nunca".to_owned(), |at| at.to_string());
        text.push_str(&format!(
            "\nConta {label} em {}\n  código:         {}\n  clientes:       {}\n  última mudança: {changed}\n  em andamento:   {}\n",
            visible(&account.base_url),
            account.hash,
            number(*customers),
            number(*in_flight)
        ));
    }
    text.push_str("\nO registro só sabe o que este programa enviou com ele. O que mudou no painel, por outro programa,\noutra máquina ou com --no-ledger é invisível: use --full, --max-age ou ledger forget.\n");
    print(&text)
}

fn forget(args: &LedgerForgetArgs) -> Result<u8, CommandError> {
    let path = ledger_path(args.file.ledger.as_deref())?;
    if let Some(code) = &args.account_id {
        let id = code.trim().parse().map_err(|()| SettingsError::AccountCode(code.clone()))?;
        return print_forgotten(admin::forget_account(&path, id)?, "a conta");
    }
    let base_url = base_url(args.account.base_url.as_ref())?;
    let read;
    let account = match &args.account.label {
        Some(label) => Account::Label(label),
        None => {
            if let Some(warning) = exposed_token_file(args.account.token_file.as_deref()) {
                Terminal::default().print(&warning);
            }
            read = token(args.account.token_file.as_deref()).map_err(|error| match error {
                SettingsError::NoToken => SettingsError::NoAccount,
                error => error,
            })?;
            Account::Token(read.expose_for_key())
        }
    };
    let place = AccountLocation { path: &path, base_url: base_url.as_str(), account };
    if let (Some(identificador), Some(ctype)) = (&args.identificador, args.id_type) {
        let name = Name { ctype, text: identificador.trim() };
        return print_forgotten(admin::forget_customer(&place, name)?, "o cliente");
    }
    let known = match admin::find_account(&place)? {
        Some(id) => admin::forget_account(&path, id)?,
        None => false,
    };
    print_forgotten(known, "a conta")
}

/// That there was nothing to forget is no failure.
fn print_forgotten(known: bool, what: &str) -> Result<u8, CommandError> {
    print(&match known {
        true => format!("Feito: o registro esqueceu {what}.\n"),
        false => format!("Nada a fazer: o registro não conhecia {what}.\n"),
    })
}
