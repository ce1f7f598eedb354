//! The settings of a run as the page lists them. Which settings a summary holds is
//! [`crate::config`]'s; this puts them in order and into words.

use serde_json::{Map, Value};

use crate::html_report::stats::cut;
use crate::output::one_line;

/// Characters of a value that are shown.
const LENGTH: usize = 400;

/// The settings in the order in which they are listed, with what each is.
const WORDS: [(&str, &str); 30] = [
    ("sandbox", "Ensaio com o TomTicket simulado"),
    ("base-url", "Endereço da API"),
    ("account", "Nome da conta no registro"),
    ("rate", "Requisições por segundo, no máximo"),
    ("concurrency", "Requisições ao mesmo tempo, no máximo"),
    ("timeout", "Tempo máximo de cada requisição"),
    ("limit", "Linhas a enviar, no máximo"),
    ("max-errors", "Linhas com erro toleradas"),
    ("max-duration", "Duração máxima"),
    ("give-up-after", "Desiste da API fora do ar depois de"),
    ("no-breaker", "Segue mesmo se as primeiras linhas forem todas recusadas"),
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
    ("no-trim", "Mantém os espaços em volta dos valores"),
    ("require", "Destinos obrigatórios"),
    ("delimiter", "Separador da entrada"),
    ("encoding", "Codificação da entrada"),
    ("results", "Resultados"),
    ("results-dialect", "Formato dos resultados"),
    ("rejects", "Rejeitados"),
];

/// One setting.
pub struct Setting {
    /// What it is; the option's name where this program does not know it.
    pub words: String,
    /// `--rate`.
    pub option: String,
    /// Its value.
    pub value: String,
}

/// What was set, in order; what was not set is left out.
pub fn list(settings: &Map<String, Value>) -> Vec<Setting> {
    let place = |name: &str| WORDS.iter().position(|(known, _)| *known == name);
    let mut listed: Vec<(usize, Setting)> = settings
        .iter()
        .filter_map(|(name, value)| {
            let value = words(value)?;
            let (place, words) = match place(name) {
                Some(place) => (place, WORDS[place].1.to_owned()),
                None => (WORDS.len(), one_line(cut(name, LENGTH)).into_owned()),
            };
            let option = format!("--{}", one_line(cut(name, LENGTH)));
            Some((place, Setting { words, option, value }))
        })
        .collect();
    listed.sort_by(|a, b| (a.0, &a.1.option).cmp(&(b.0, &b.1.option)));
    listed.into_iter().map(|(_, setting)| setting).collect()
}

fn words(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null | Value::Bool(false) => return None,
        Value::Bool(true) => "sim".to_owned(),
        Value::Number(number) => number.to_string().replace('.', ","),
        Value::String(text) if text == "unlimited" => "sem limite".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => join(values.iter().filter_map(words))?,
        Value::Object(pairs) => join(
            pairs.iter().filter_map(|(name, value)| Some(format!("{name} → {}", words(value)?))),
        )?,
    };
    let shown = cut(&text, LENGTH);
    let more = if shown.len() < text.len() { "…" } else { "" };
    Some(format!("{}{more}", one_line(shown)))
}

fn join(values: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<String> = values.collect();
    (!values.is_empty()).then(|| values.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_set_stands_in_order_and_in_words() {
        let settings = json!({
            "rate": 2.5, "sandbox": true, "full": false, "limit": null, "ignore": [],
            "map": {"E-mail": "email", "Nome": "nome"}, "novo": "x\u{1b}y", "max-age": "30d",
        });
        let listed: Vec<String> = list(settings.as_object().unwrap())
            .into_iter()
            .map(|setting| format!("{}|{}|{}", setting.words, setting.option, setting.value))
            .collect();
        assert_eq!(
            listed,
            [
                "Ensaio com o TomTicket simulado|--sandbox|sim",
                "Requisições por segundo, no máximo|--rate|2,5",
                "Envia de novo o que foi aceito há mais de|--max-age|30d",
                "Colunas renomeadas|--map|E-mail → email; Nome → nome",
                "novo|--novo|x y",
            ]
        );
    }
}
