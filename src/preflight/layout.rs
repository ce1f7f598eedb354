//! Oddities of a file's layout, told once: rows with surplus or missing empty cells, the header once
//! more, and cells in columns without a name. What makes a row invalid is said in its own message.

use std::collections::BTreeMap;

use super::line_list::LineList;
use crate::input::{Record, RepeatedHeaders};
use crate::locale::format::{counted, number};
use crate::mapping::{MappingPlan, shortened};

#[derive(Debug, Default)]
pub struct LayoutOddities {
    /// Rows that are whole although their number of cells is not the header's.
    pub uneven: LineList,
    pub repeated_headers: RepeatedHeaders,
    /// By column, rows with a cell in one that has no name and is not used.
    nameless: BTreeMap<usize, LineList>,
}

impl LayoutOddities {
    /// Adds a whole row.
    pub fn add(&mut self, plan: &MappingPlan, record: &Record) {
        if plan.is_uneven(record) {
            self.uneven.add(record.linha());
        }
        for column in plan.nameless_cells(record) {
            self.nameless.entry(column).or_default().add(record.linha());
        }
    }

    /// Which columns without a name have cells, and what to do; `None` if there are none.
    pub fn nameless(&self) -> Option<String> {
        let columns = self.nameless.iter().map(|(index, lines)| {
            let cells = counted(lines.count(), "célula", "células");
            format!("#{} ({cells}: {})", index + 1, lines.text())
        });
        let columns: Vec<_> = columns.collect();
        let (first, _) = self.nameless.first_key_value()?;
        let first = first + 1;
        Some(format!(
            "colunas sem nome no cabeçalho, com valores que não são enviados: {} (use --map \"#{first}=destino\" para aproveitar, --ignore \"#{first}\" para calar este aviso)",
            shortened(&columns)
        ))
    }

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
        uneven.into_iter().chain(repeated).chain(self.nameless())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::MappingOptions;
    use crate::model::CustomerType;

    #[test]
    fn cells_without_a_name_above_them_are_told_by_column() {
        let options =
            MappingOptions { id_type: Some(CustomerType::Internal), ..Default::default() };
        let header = Record::from_cells(1, ["identificador", "", "nome", ""]);
        let plan = MappingPlan::new(&header, &options, false).unwrap();
        let mut layout = LayoutOddities::default();
        layout.add(&plan, &Record::from_cells(2, ["1", " ", "Ana", ""]));
        assert_eq!(layout.nameless(), None);
        layout.add(&plan, &Record::from_cells(3, ["1", "x", "Ana", ""]));
        layout.add(&plan, &Record::from_cells(4, ["1", "y", "Ana", "z"]));
        let told = layout.nameless().unwrap();
        assert!(told.contains(": #2 (2 células: linhas 3, 4), #4 (1 célula: linha 4) ("), "{told}");
    }
}
