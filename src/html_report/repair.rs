//! The rows that a person or the next run must see to, as the page lists them: by what to do, then by
//! message, so that a message stands once however many rows have it.

use super::stats::{MessageGroup, ResultStats, RowToFix};
use crate::locale::format::counted;
use crate::model::Situacao::{self, Falhou, Incerto, Invalido, NaoEnviado, Recusado};
use crate::output::excerpt;

/// Message groups that are listed.
const MAX_GROUPS: usize = 50;
/// Characters of a message that are shown.
const TEXT_LENGTH: usize = 400;

/// Rows for which there is the same to do.
pub struct Chore {
    pub title: &'static str,
    pub groups: Vec<RowGroup>,
}

/// Rows with one message.
pub struct RowGroup {
    /// `61 linhas inválidas`.
    pub title: String,
    pub situacao: &'static str,
    pub text: String,
    /// The numbers of the first lines, or empty.
    pub lines: String,
    pub rows: Vec<ListedRow>,
    /// Rows of the group beyond those that are listed.
    pub more: Option<String>,
}

pub struct ListedRow {
    pub linha: u64,
    pub identificador: String,
    pub tipo_identificador: String,
    /// The row's own message, where it says more than the group's.
    pub says: Option<String>,
}

/// The word for rows that ended so, for one and for many.
pub fn word(situacao: Situacao) -> (&'static str, &'static str) {
    match situacao {
        Situacao::Atualizado => ("atualizada", "atualizadas"),
        Situacao::Inalterado => ("já em dia", "já em dia"),
        Recusado => ("recusada", "recusadas"),
        Invalido => ("inválida", "inválidas"),
        Falhou => ("não confirmada", "não confirmadas"),
        Incerto => ("incerta", "incertas"),
        NaoEnviado => ("não enviada", "não enviadas"),
    }
}

/// `1 linha`, `2 linhas`.
pub fn lines(count: u64) -> String {
    counted(count, "linha", "linhas")
}

pub fn some_lines(count: u64) -> Option<String> {
    (count > 0).then(|| lines(count))
}

/// What there is to do, most urgent first. Rows that the user left out are nothing to do.
pub fn chores(stats: &ResultStats, left_out: bool) -> Vec<Chore> {
    let groups = stats.messages.top(MAX_GROUPS);
    let unsent = if left_out { &[Falhou][..] } else { &[Falhou, NaoEnviado] };
    let mut chores: Vec<Chore> = [
        ("Conferir no TomTicket", &[Incerto][..]),
        ("Corrigir", &[Recusado, Invalido]),
        ("Enviar de novo", unsent),
    ]
    .into_iter()
    .map(|(title, situacoes)| {
        let groups = groups.iter().filter(|group| situacoes.contains(&group.situacao));
        Chore { title, groups: groups.map(|group| row_group(group, &stats.to_fix)).collect() }
    })
    .collect();
    let others = stats.messages.rows() - groups.iter().map(|group| group.count).sum::<u64>();
    if others > 0 {
        let is_other = |row: &&RowToFix| !groups.iter().any(|group| group.holds(row));
        let rows = stats.to_fix.iter().filter(is_other);
        let rows: Vec<_> = rows.map(|row| listed(row, Some(&row.mensagem))).collect();
        chores.push(Chore {
            title: "Outras mensagens",
            groups: vec![RowGroup {
                title: lines(others),
                situacao: "",
                text: "Cada mensagem em poucas linhas".to_owned(),
                lines: String::new(),
                more: more(others, rows.len()),
                rows,
            }],
        });
    }
    chores.retain(|chore| !chore.groups.is_empty());
    chores
}

fn row_group(group: &MessageGroup<'_>, kept: &[RowToFix]) -> RowGroup {
    // The text that stands for differing ones hides what a person must see.
    let rows: Vec<ListedRow> = kept
        .iter()
        .filter(|row| group.holds(row))
        .map(|row| listed(row, Some(&row.mensagem).filter(|own| *own != group.text)))
        .collect();
    let (one, many) = word(group.situacao);
    RowGroup {
        title: counted(group.count, &format!("linha {one}"), &format!("linhas {many}")),
        situacao: group.situacao.as_str(),
        text: excerpt(group.text, TEXT_LENGTH),
        lines: first_lines(group),
        more: more(group.count, rows.len()),
        rows,
    }
}

/// Where the group's rows stand in the file. Nobody looks for those that the next run sends.
fn first_lines(group: &MessageGroup<'_>) -> String {
    if group.situacao == NaoEnviado {
        return String::new();
    }
    let lines: Vec<String> = group.lines.iter().map(u64::to_string).collect();
    let dots = if group.count > group.lines.len() as u64 { " …" } else { "" };
    let what = if group.count == 1 { "linha do arquivo" } else { "linhas do arquivo" };
    format!("{what}: {}{dots}", lines.join(" · "))
}

fn listed(row: &RowToFix, says: Option<&String>) -> ListedRow {
    ListedRow {
        linha: row.linha,
        identificador: row.identificador.clone(),
        tipo_identificador: row.tipo_identificador.clone(),
        says: says.cloned(),
    }
}

/// The rows that a list leaves out, where there is a list.
fn more(count: u64, listed: usize) -> Option<String> {
    some_lines(count.saturating_sub(listed as u64)).filter(|_| listed > 0)
}
