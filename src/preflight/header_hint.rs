//! Where the header may be, for the message that what was read as one gives no mapping. What is wrong
//! with the mapping is the mapping's to say.

use super::remarks::sheet_text;
use crate::init::KnownNames;
use crate::input::{InputError, InputFile, Inspection, ReadOptions, Record, inspect};
use crate::mapping::{MappingOptions, looks_like_header};

/// A sentence about another line that looks like the header, or another sheet; empty if there is none.
pub(super) fn header_hint(
    file: &InputFile,
    inspection: &Inspection,
    read: &ReadOptions,
    mapping: &MappingOptions,
) -> Result<String, InputError> {
    let known = KnownNames::read();
    let is_header = |record: &Record| looks_like_header(record, mapping) || known.are_in(record);
    if is_header(&inspection.header) {
        return Ok(String::new());
    }
    let name = inspection.header.cell(0).unwrap_or_default();
    if inspection.delimiter.is_none() && name.contains([',', ';', '\t', '|']) {
        return Ok("\nNeste arquivo, cada linha é uma célula só, entre aspas: um CSV aberto numa planilha sem separar as colunas e salvo de novo fica assim. Exporte outra vez da origem, ou tire as aspas de fora e deixe simples as dobradas".to_owned());
    }
    let mut found = inspection.header_further_down(file, is_header)?;
    if found.is_none() && read.skip_lines.is_some() {
        // Too many lines may be left out.
        let whole = inspect(file, &ReadOptions { skip_lines: None, ..read.clone() })?;
        found = match is_header(&whole.header) {
            true => Some(whole.header.linha()),
            false => whole.header_further_down(file, is_header)?,
        };
    }
    if found.is_none()
        && let Some(sheet) = &inspection.sheet
        && !sheet.others.is_empty()
    {
        return Ok(format!("\nFoi lida a {}", sheet_text(sheet)));
    }
    Ok(match found.map(|linha| (linha, linha - 1)) {
        None => String::new(),
        Some((linha, 0)) => {
            format!("\nO cabeçalho parece estar na linha {linha}: tire --skip-lines")
        }
        Some((linha, before)) => {
            format!("\nO cabeçalho parece estar na linha {linha}: use --skip-lines {before}")
        }
    })
}
