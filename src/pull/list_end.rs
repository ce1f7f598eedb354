//! Which page of a list is the last. Pure: pages go in, in order.
//!
//! The API documents no rule; what was recorded are `pages` and `next_page`, and a 404 past the end.
//! A page that could not be read is never the end.

use crate::api::{HeldPage, NextPage};
use crate::locale::format::counted;

/// What follows after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStep {
    /// The next page is read.
    Next,
    /// This was the last page.
    End,
    /// The pages make no sense; the text says how.
    Nonsense(String),
}

/// What was seen of a list so far.
#[derive(Debug)]
pub struct ListEnd<T> {
    /// The number of pages that the first page announced, itself or by the number of all items.
    announced: Option<u64>,
    /// The items of the page before.
    previous: Vec<T>,
    /// Whether the page before said anything about the ones after it.
    is_told: bool,
    taken: u64,
}

impl<T: PartialEq + Clone> ListEnd<T> {
    pub fn new() -> Self {
        Self { announced: None, previous: Vec::new(), is_told: false, taken: 0 }
    }

    /// The number of the page that comes next.
    pub fn next_page(&self) -> u64 {
        self.taken + 1
    }

    /// Takes the next page.
    pub fn take(&mut self, page: &HeldPage<T>) -> ListStep {
        self.taken += 1;
        let number = self.taken;
        if !page.items.is_empty() && page.items == self.previous {
            return ListStep::Nonsense(format!(
                "as páginas {} e {number} têm os mesmos clientes",
                number - 1
            ));
        }
        if number == 1 {
            let items = page.items.len() as u64;
            let by_size = || page.size.filter(|_| items > 0).map(|size| size.div_ceil(items));
            self.announced = page.pages.or_else(by_size);
        }
        // Customers are added while a list is read, but not that many.
        if let Some(announced) = self.announced {
            let most = announced.saturating_add(announced / 20 + 10);
            if number > most {
                return ListStep::Nonsense(format!(
                    "a lista anunciou {} e não termina na {most}",
                    counted(announced, "página", "páginas")
                ));
            }
        }
        self.previous.clone_from(&page.items);
        self.is_told = page.next != NextPage::Unsaid || page.pages.is_some();
        let is_past_the_end =
            page.next == NextPage::Unsaid && page.pages.is_none() && page.items.is_empty();
        match is_past_the_end || is_last(number, page) {
            true => ListStep::End,
            false => ListStep::Next,
        }
    }

    /// Takes a 404 in place of the next page: the end, if nothing announced that page.
    pub fn is_missing_page_the_end(&self) -> bool {
        self.taken > 0 && !self.is_told
    }
}

/// Whether a page says that it is the last one.
pub fn is_last<T>(number: u64, page: &HeldPage<T>) -> bool {
    page.next == NextPage::Last || page.pages.is_some_and(|pages| number >= pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[u32], pages: Option<u64>, next: NextPage) -> HeldPage<u32> {
        HeldPage { items: items.to_vec(), size: None, pages, next }
    }

    #[test]
    fn the_end_is_where_the_list_says_so() {
        use ListStep::{End, Next};
        use NextPage::{Last, More, Unsaid};
        for (name, pages, steps) in [
            (
                "next_page is null",
                vec![page(&[1], Some(9), More), page(&[2], Some(9), Last)],
                [Next, End],
            ),
            (
                "page is pages",
                vec![page(&[1], Some(2), More), page(&[2], Some(2), More)],
                [Next, End],
            ),
            (
                "the list shrank",
                vec![page(&[1], Some(9), More), page(&[2], Some(2), Unsaid)],
                [Next, End],
            ),
            (
                "an empty page, nothing said",
                vec![page(&[1], None, Unsaid), page(&[], None, Unsaid)],
                [Next, End],
            ),
            (
                "an empty page in between",
                vec![page(&[1], None, More), page(&[], None, More)],
                [Next, Next],
            ),
        ] {
            let mut end = ListEnd::new();
            let found: Vec<_> = pages.iter().map(|page| end.take(page)).collect();
            assert_eq!(found, steps, "{name}");
        }
    }

    #[test]
    fn a_missing_page_is_the_end_only_where_none_was_announced() {
        let mut end = ListEnd::new();
        assert!(!end.is_missing_page_the_end(), "on page 1 it is a wrong address");
        end.take(&page(&[1], None, NextPage::Unsaid));
        assert!(end.is_missing_page_the_end());
        end.take(&page(&[2], Some(5), NextPage::Unsaid));
        assert!(!end.is_missing_page_the_end());
    }

    #[test]
    fn a_list_that_repeats_itself_or_never_ends_is_noticed() {
        let mut end = ListEnd::new();
        assert_eq!(end.take(&page(&[1], None, NextPage::More)), ListStep::Next);
        assert!(matches!(end.take(&page(&[1], None, NextPage::More)), ListStep::Nonsense(_)));
        let mut end = ListEnd::new();
        let steps: Vec<_> = (0..13)
            .map(|item| end.take(&page(&[item], Some(2 + u64::from(item)), NextPage::More)))
            .collect();
        assert_eq!(steps.iter().position(|step| *step != ListStep::Next), Some(12));
        // 2 items a page, of 3 in all.
        let mut end = ListEnd::new();
        let steps = (0..13).map(|item| {
            let page = page(&[2 * item, 2 * item + 1], None, NextPage::More);
            end.take(&HeldPage { size: Some(3), ..page })
        });
        assert_eq!(steps.into_iter().position(|step| step != ListStep::Next), Some(12));
    }
}
