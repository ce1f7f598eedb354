//! Where the sheets of a workbook lie in its zip file. calamine knows it too, and does not tell.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::archive::{Archive, attribute, local};
use super::error::{WorkbookError, damaged};

/// A sheet of cells; what calamine lists in the same order.
#[derive(Debug)]
pub(super) struct SheetPart {
    pub path: String,
    pub is_worksheet: bool,
}

/// The sheets in the order of their tabs.
pub(super) fn sheets(archive: &mut Archive) -> Result<Vec<SheetPart>, WorkbookError> {
    let mut workbook = None;
    each(archive, "_rels/.rels", |element| {
        if attribute(element, "Type")?
            .is_some_and(|is| is.ends_with("/relationships/officeDocument"))
        {
            workbook = attribute(element, "Target")?;
        }
        Ok(())
    })?;
    let workbook = workbook.ok_or_else(|| damaged("falta uma parte"))?;
    let at = workbook.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, name) = workbook.split_at(at);
    let mut targets = HashMap::new();
    each(archive, &format!("{folder}_rels/{name}.rels"), |element| {
        if let Some(id) = attribute(element, "Id")? {
            let kind = attribute(element, "Type")?.unwrap_or_default();
            targets.insert(id, (attribute(element, "Target")?.unwrap_or_default(), kind));
        }
        Ok(())
    })?;
    let mut sheets = Vec::new();
    each(archive, &workbook, |element| {
        if local(element) == "sheet" {
            let id = attribute(element, "id")?.unwrap_or_default();
            let (target, kind) = targets.get(&id).ok_or_else(|| damaged("falta uma parte"))?;
            let path = match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("{folder}{target}"),
            };
            sheets.push(SheetPart { path, is_worksheet: kind.ends_with("/worksheet") });
        }
        Ok(())
    })?;
    Ok(sheets)
}

/// Hands every element of a part to `take`.
fn each(
    archive: &mut Archive,
    part: &str,
    mut take: impl FnMut(&BytesStart<'_>) -> Result<(), WorkbookError>,
) -> Result<(), WorkbookError> {
    archive.find(part, |element| take(element).err())?.map_or(Ok(()), Err)
}
