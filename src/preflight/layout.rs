//! Oddities of a file's layout that do no harm, told once: rows with surplus or missing empty cells,
//! and the header once more. What makes a row invalid is said in its own message.

use super::line_list::LineList;
use crate::input::RepeatedHeaders;
use crate::locale::format::number;

#[derive(Debug, Default)]
pub struct LayoutOddities {
    /// Rows that are whole although their number of cells is not the header's.
    pub uneven: LineList,
    pub repeated_headers: RepeatedHeaders,
}

impl LayoutOddities {
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let uneven = self.uneven.several().map(|several| {
            let verb = if several { "têm" } else { "tem" };
            format!(
                "{} {verb} células vazias a mais ou a menos no fim; isso não muda nada",
                self.uneven.text()
            )
        });
        let RepeatedHeaders { count, first } = self.repeated_headers;
        let repeated = match count {
            0 => None,
            1 => Some(format!("a linha {first} repete o cabeçalho e não conta como cliente")),
            _ => Some(format!(
                "{} linhas repetem o cabeçalho (a primeira é a linha {first}) e não contam como clientes",
                number(count)
            )),
        };
        uneven.into_iter().chain(repeated)
    }
}
