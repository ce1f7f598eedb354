//! A list of lines for a warning: the first few are named, the others counted.

use crate::locale::format::number;

/// Lines that a warning names.
const NAMED: usize = 5;

/// Lines on which something was found, added in file order.
#[derive(Debug, Clone)]
pub struct LineList {
    first: Vec<u64>,
    found: u64,
    named: usize,
}

impl Default for LineList {
    fn default() -> Self {
        Self::naming(NAMED)
    }
}

impl LineList {
    /// A list that names so many lines.
    pub const fn naming(named: usize) -> Self {
        Self { first: Vec::new(), found: 0, named }
    }

    /// Adds a line.
    pub fn add(&mut self, linha: u64) {
        self.found += 1;
        if self.first.len() < self.named {
            self.first.push(linha);
        }
    }

    /// The number of lines.
    pub const fn count(&self) -> u64 {
        self.found
    }

    /// Whether there are several lines; `None` if there are none.
    pub const fn several(&self) -> Option<bool> {
        match self.found {
            0 => None,
            found => Some(found > 1),
        }
    }

    /// `linha 3`, `linhas 3, 4`, `linhas 3, 4, 5, 6, 7 e mais 4`.
    pub fn text(&self) -> String {
        let first: Vec<_> = self.first.iter().map(ToString::to_string).collect();
        let word = if self.found == 1 { "linha" } else { "linhas" };
        let more = match self.found - self.first.len() as u64 {
            0 => String::new(),
            more => format!(" e mais {}", number(more)),
        };
        format!("{word} {}{more}", first.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_named_and_the_others_counted() {
        let text = |lines: u64| {
            let mut found = LineList::default();
            (3..3 + lines).for_each(|linha| found.add(linha));
            found.several().map(|_| found.text())
        };
        assert_eq!(text(0), None);
        assert_eq!(text(1).as_deref(), Some("linha 3"));
        assert_eq!(text(2).as_deref(), Some("linhas 3, 4"));
        assert_eq!(text(5).as_deref(), Some("linhas 3, 4, 5, 6, 7"));
        assert_eq!(text(9).as_deref(), Some("linhas 3, 4, 5, 6, 7 e mais 4"));
    }
}
