//! One line of the results file, parsed strictly: any value that contradicts another is an error.

use super::table;

/// The columns of the results file, in order.
pub const RESULT_COLUMNS: &str = "linha,identificador,tipo_identificador,situacao,erro,mensagem,\
                                  http_status,tentativas,duracao_ms,concluido_em,identificador_atual";
/// Every outcome of a row.
pub const SITUACOES: [&str; 7] =
    ["atualizado", "inalterado", "recusado", "invalido", "falhou", "incerto", "nao_enviado"];

/// One line of the results file.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct ResultRow {
    pub linha: u64,
    pub identificador: String,
    pub tipo: String,
    pub situacao: String,
    pub erro: bool,
    pub mensagem: String,
    pub http_status: Option<u16>,
    pub tentativas: u32,
    pub duracao_ms: u64,
    pub concluido_em: String,
    pub identificador_atual: String,
}

impl ResultRow {
    fn parse(cells: &[String]) -> Result<Self, String> {
        let row = Self::read(cells)?;
        let disagreements = [
            (!SITUACOES.contains(&&*row.situacao), "an unknown situacao"),
            (
                row.erro == matches!(&*row.situacao, "atualizado" | "inalterado"),
                "situacao and erro that disagree",
            ),
            (row.erro && row.mensagem.trim().is_empty(), "an error without a message"),
            (
                matches!(&*row.situacao, "invalido" | "inalterado" | "nao_enviado")
                    && row.tentativas != 0,
                "attempts of a row that was not sent",
            ),
            (
                matches!(&*row.situacao, "atualizado" | "recusado")
                    && (row.tentativas == 0
                        || (row.http_status.is_none()
                            && row.mensagem != "Confirmado por leitura.")),
                "a reply without an attempt",
            ),
            (
                !row.identificador_atual.is_empty() && (row.erro || row.tipo != "E"),
                "an identificador_atual without an accepted rename",
            ),
            (!is_utc_time(&row.concluido_em), "a concluido_em that is not RFC 3339 in UTC"),
        ];
        match disagreements.iter().find(|(found, _)| *found) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(row),
        }
    }

    fn read(cells: &[String]) -> Result<Self, String> {
        fn number<T: std::str::FromStr>(cell: &str, column: &str) -> Result<T, String> {
            cell.parse().map_err(|_| format!("no number in {column}"))
        }
        let columns = RESULT_COLUMNS.split(',').count();
        if cells.len() != columns {
            return Err(format!("{} cells instead of {columns}", cells.len()));
        }
        Ok(Self {
            linha: number(&cells[0], "linha")?,
            identificador: cells[1].clone(),
            tipo: cells[2].clone(),
            situacao: cells[3].clone(),
            erro: cells[4].parse().map_err(|_| "erro is neither true nor false")?,
            mensagem: cells[5].clone(),
            http_status: match &*cells[6] {
                "" => None,
                status if status.len() == 3 => Some(number(status, "http_status")?),
                _ => return Err("no status in http_status".to_owned()),
            },
            tentativas: number(&cells[7], "tentativas")?,
            duracao_ms: number(&cells[8], "duracao_ms")?,
            concluido_em: cells[9].clone(),
            identificador_atual: cells[10].clone(),
        })
    }
}

/// Parses a results file with the default dialect.
pub fn parse(text: &str) -> Result<Vec<ResultRow>, String> {
    let records =
        table::parse(text, ',').map_err(|why| format!("the results are broken: {why}"))?;
    let (header, rows) = records.split_first().ok_or("the results have no header")?;
    if header.join(",") != RESULT_COLUMNS {
        return Err(format!("the results have the columns {header:?}"));
    }
    let row = |cells: &Vec<String>| {
        ResultRow::parse(cells).map_err(|what| format!("{what} in the result {cells:?}"))
    };
    rows.iter().map(row).collect()
}

/// The column `mensagem` of a results file; empty for any other text.
pub fn mensagens(text: &str) -> Vec<String> {
    let mut records = table::parse(text, ',').unwrap_or_default();
    if records.is_empty() || records.remove(0).join(",") != RESULT_COLUMNS {
        return Vec::new();
    }
    records.into_iter().filter_map(|cells| cells.into_iter().nth(5)).collect()
}

/// Whether the text has the form `2026-01-31T23:59:59Z`, with or without a fraction.
fn is_utc_time(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")) else {
        return false;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let shape = "dddd-dd-ddTdd:dd:dd";
    whole.len() == shape.len()
        && whole.chars().zip(shape.chars()).all(|(c, s)| match s {
            'd' => c.is_ascii_digit(),
            s => c == s,
        })
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}
