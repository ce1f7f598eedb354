//! The settings of a run as the page lists them: their order and their Portuguese names. Which settings
//! a summary holds is [`crate::config`]'s.

use serde_json::{Map, Value};

use crate::output::excerpt;

/// Characters of a value that are shown.
const VALUE_LENGTH: usize = 400;

/// The names of the settings, in the order of the list.
const NAMES: &[(&str, &str)] = &[
    ("sandbox", "Ensaio com o TomTicket simulado"),
    ("base-url", "Endereço da API"),
    ("api", "Versão da API"),
    ("account", "Nome da conta no registro"),
    ("rate", "Requisições por segundo, no máximo"),
    ("concurrency", "Requisições ao mesmo tempo, no máximo"),
    ("timeout", "Tempo máximo de cada requisição"),
    ("limit", "Linhas a enviar, no máximo"),
    ("max-errors", "Para quando as linhas com erro passam de"),
    ("ok-with", "Linhas a corrigir que ainda são sucesso"),
    ("max-duration", "Duração máxima"),
    ("give-up-after", "Desiste da API fora do ar depois de"),
    ("no-breaker", "Segue mesmo se as primeiras linhas forem todas recusadas"),
    ("verify", "Primeiras linhas aceitas que são lidas de volta"),
    ("settle-wait", "Espera depois de uma tentativa sem resposta"),
    ("ledger", "Registro (ledger) do que já foi aceito"),
    ("no-ledger", "Sem registro"),
    ("full", "Envia também o que não mudou"),
    ("max-age", "Envia de novo o que foi aceito há mais de"),
    ("key", "Coluna que identifica o cliente"),
    ("id-type", "Tipo do identificador"),
    ("map", "Colunas renomeadas"),
    ("set", "Valores dados a todas as linhas"),
    ("ignore", "Colunas descartadas"),
    ("strict", "Coluna desconhecida é erro"),
    ("send-empty", "Célula vazia apaga"),
    ("clear-marker", "Texto que apaga"),
    ("null", "Textos que contam como célula vazia"),
    ("no-trim", "Mantém os espaços em volta dos valores"),
    ("require", "Destinos obrigatórios"),
    ("delimiter", "Separador da entrada"),
    ("encoding", "Codificação da entrada"),
    ("skip-lines", "Linhas puladas no começo da entrada"),
    ("sheet", "Planilha"),
    ("hidden", "Linhas ocultas da planilha"),
    ("results", "Resultados"),
    ("results-dialect", "Formato dos resultados"),
    ("rejects", "Rejeitados"),
];

pub struct Setting {
    /// Its name; that of the option where this program does not know it.
    pub name: String,
    /// The option, such as `--rate`.
    pub option: String,
    pub value: String,
}

/// The settings that were set, in order.
pub fn list(settings: &Map<String, Value>) -> Vec<Setting> {
    let known = |option: &str| NAMES.iter().position(|(known, _)| *known == option);
    let mut listed: Vec<(usize, Setting)> = settings
        .iter()
        .filter_map(|(option, value)| {
            let value = text(value)?;
            let at = known(option);
            let option = excerpt(option, VALUE_LENGTH);
            let name = at.map_or(&*option, |at| NAMES[at].1).to_owned();
            let option = format!("--{option}");
            Some((at.unwrap_or(NAMES.len()), Setting { name, option, value }))
        })
        .collect();
    listed.sort_by(|a, b| (a.0, &a.1.option).cmp(&(b.0, &b.1.option)));
    listed.into_iter().map(|(_, setting)| setting).collect()
}

/// A value in Portuguese; `None` for one that was not set.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null | Value::Bool(false) => return None,
        Value::Bool(true) => "sim".to_owned(),
        Value::Number(number) => number.to_string().replace('.', ","),
        Value::String(text) if text == "unlimited" => "sem limite".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => join(values.iter().filter_map(text))?,
        Value::Object(pairs) => join(
            pairs.iter().filter_map(|(name, value)| Some(format!("{name} → {}", text(value)?))),
        )?,
    };
    Some(excerpt(&text, VALUE_LENGTH))
}

fn join(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| values.join("; "))
}
