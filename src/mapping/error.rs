//! What can be wrong with the mapping of a file as a whole.
//!
//! Every message names the place and the way out; the caller puts the file in front. What is wrong
//! with one row is not an error but part of that row's result.

use crate::model::CustomerType;

/// Why header and mapping flags do not give a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error("coluna \"{column}\": {why}. Exemplo: campo:abc01")]
    CampoId { column: String, why: &'static str },

    #[error(
        "a coluna \"{column}\" parece um engano: você quis dizer \"{suggestion}\"? Corrija o cabeçalho, use --map \"{flag_name}={suggestion}\" ou, se ela não deve ser enviada, --ignore \"{flag_name}\""
    )]
    Typo { column: String, flag_name: String, suggestion: String },

    #[error(
        "com --strict, toda coluna precisa ser conhecida, e estas não são: {columns}. Use --map \"COLUNA=destino\" para aproveitar ou --ignore \"COLUNA\" para descartar"
    )]
    Unknown { columns: String },

    #[error("{0}")]
    NoHeader(String),

    #[error(
        "mais de uma coluna alimenta \"{target}\": {columns}. Fique com uma e descarte o resto com --ignore (pela posição: {positions}), ou mude o --map"
    )]
    Duplicate { target: String, columns: String, positions: String },

    #[error("{flag}: a coluna \"{column}\" não existe no arquivo. {found}")]
    NoSuchColumn { flag: String, column: String, found: String },

    #[error(
        "{flag}: a coluna \"{column}\" aparece mais de uma vez no cabeçalho. No lugar do nome, dê a posição: {positions}"
    )]
    AmbiguousColumn { flag: String, column: String, positions: String },

    #[error(
        "{flag}: \"{target}\" não é um destino conhecido. Destinos: identificador, tipo_identificador, nome, email, criarchamados, telefone, id_organizacao, id_interno, idioma, portfolio_id e campo:<id>{hint}"
    )]
    UnknownTarget { flag: String, target: String, hint: String },

    #[error(
        "{flag}: \"{target}\" diz quem é o cliente; não é um valor dele. Dê uma coluna de valores, como nome ou campo:<id>"
    )]
    NotAField { flag: String, target: String },

    #[error(
        "--map e --ignore pedem coisas diferentes para a coluna \"{column}\". Fique com um dos dois"
    )]
    MapAndIgnore { column: String },

    #[error(
        "--set {target}=…: \"{target}\" já vem da coluna \"{column}\", por um --map. Retire um dos dois"
    )]
    SetTwice { target: String, column: String },

    #[error(
        "{flag}: a coluna \"{column}\" é das três que o programa acrescenta a um arquivo de rejeitados (situacao, erro, mensagem), e essas não são lidas. Se ela é sua, mude o nome dela no arquivo"
    )]
    RejectsColumn { flag: String, column: String },

    #[error("--set {target}=…: {why}")]
    Template { target: String, why: &'static str },

    #[error(
        "--set {target}=…: \"{value}\" {why}. O valor seria o mesmo em todas as linhas, e nenhuma poderia ser enviada"
    )]
    InvalidConstant { target: String, value: String, why: String },

    #[error(
        "--clear-marker: o texto só tem espaços, e os espaços em volta dos valores são tirados. Use outro texto, ou --no-trim"
    )]
    BlankMarker,

    #[error(
        "--null e --clear-marker têm o mesmo texto, \"{text}\": o primeiro deixa o valor como está no TomTicket, o segundo o apaga. Retire um dos dois"
    )]
    NullAndMarker { text: String },

    #[error(
        "não sei quem é o cliente: falta a coluna \"identificador\". Peça uma proposta com `tomticket-sync init ARQUIVO`, ou use --map \"COLUNA=identificador\", ou --key email / --key id_interno para tirar o identificador de uma dessas colunas. {found}"
    )]
    NoIdentifier { found: String },

    #[error("--key {key} precisa de uma coluna \"{key}\". Use --map \"COLUNA={key}\". {found}")]
    NoKeyColumn { key: &'static str, found: String },

    #[error(
        "--key {key} e {other} dizem ambos quem é o cliente. Descarte a coluna com --ignore ou retire o --key"
    )]
    KeyAndIdentifier { key: &'static str, other: String },

    #[error(
        "não sei o tipo do identificador: falta a coluna \"tipo_identificador\" (I = identificador interno, E = e-mail). Use --id-type E ou --id-type I, ou --key"
    )]
    NoType,

    #[error(
        "--key {key} quer dizer --id-type {implied}, mas foi dado --id-type {given}. Retire um dos dois"
    )]
    KeyAndType { key: &'static str, implied: CustomerType, given: CustomerType },

    #[error(
        "{flag} e {column} dizem ambos o tipo do identificador. Descarte a coluna com --ignore ou retire {flag}"
    )]
    TypeTwice { flag: String, column: String },

    #[error(
        "nenhuma coluna tem algo para enviar: além do identificador, o arquivo precisa de pelo menos uma entre nome, email, criarchamados, telefone, id_organizacao, id_interno, idioma, portfolio_id ou campo:<id>. {found}"
    )]
    NothingToSend { found: String },

    #[error("{}", several(.0))]
    Several(Vec<Self>),

    #[error("a mesma configuração foi dada duas vezes: {what}. Retire uma delas")]
    Repeated { what: String },
}

impl MappingError {
    /// What the file has, at the end of the message, and the same in every one.
    fn found(&self) -> Option<&str> {
        match self {
            Self::NoSuchColumn { found, .. }
            | Self::NoIdentifier { found }
            | Self::NoKeyColumn { found, .. }
            | Self::NothingToSend { found } => Some(found),
            _ => None,
        }
    }
}

/// Several errors, one a line, and what the file has once.
fn several(errors: &[MappingError]) -> String {
    const SHOWN: usize = 30;
    let mut text = format!("{} problemas no cabeçalho e nas opções das colunas:", errors.len());
    for error in errors.iter().take(SHOWN) {
        let message = error.to_string();
        let own = error.found().and_then(|found| message.strip_suffix(found));
        text.push_str(&format!("\n  - {}", own.unwrap_or(&message).trim_end_matches([' ', '.'])));
    }
    if errors.len() > SHOWN {
        text.push_str(&format!("\n  … e mais {}", errors.len() - SHOWN));
    }
    if let Some(found) = errors.iter().find_map(MappingError::found) {
        text.push_str(&format!("\n{found}"));
    }
    text
}

/// What is found wrong with a header and the flags, so that all of it is told at once.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<MappingError>,
    /// Targets that something wrong was meant to feed: that they are missing is no news.
    meant: Vec<String>,
}

impl Problems {
    pub fn add(&mut self, error: MappingError) {
        self.found.push(error);
    }

    /// Adds an error of something that was meant to feed `target`.
    pub fn add_about(&mut self, target: &str, error: MappingError) {
        self.meant.push(target.trim().to_lowercase());
        self.found.push(error);
    }

    /// Takes the error out of a result.
    pub fn keep<T>(&mut self, result: Result<T, MappingError>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// As [`keep`](Self::keep), of something that was meant to feed `target`.
    pub fn keep_about<T>(&mut self, target: &str, result: Result<T, MappingError>) -> Option<T> {
        result.map_err(|error| self.add_about(target, error)).ok()
    }

    /// As [`keep`](Self::keep), of something that misses `target`.
    pub fn keep_missing<T>(&mut self, target: &str, result: Result<T, MappingError>) -> Option<T> {
        let is_news = !self.meant.iter().any(|meant| meant == target);
        result
            .map_err(|error| {
                if is_news {
                    self.add(error)
                }
            })
            .ok()
    }

    /// Whether something wrong was meant to feed a field.
    pub fn mean_a_field(&self) -> bool {
        self.meant.iter().any(|meant| meant != "identificador" && meant != "tipo_identificador")
    }

    /// What was made, if nothing was found.
    pub fn finish<T>(mut self, made: Option<T>) -> Result<T, MappingError> {
        match (made, self.found.len()) {
            (Some(made), 0) => Ok(made),
            (_, 1) => Err(self.found.remove(0)),
            _ => Err(MappingError::Several(self.found)),
        }
    }
}
