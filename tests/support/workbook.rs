//! Workbooks made of parts that a test writes by hand: what spreadsheets write, and what none should.

use std::io::{Cursor, Write};

use calamine::{Data, Reader, Xlsx};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// A workbook by its parts.
#[derive(Clone)]
pub struct Workbook {
    parts: Vec<(String, Vec<u8>)>,
    sheets: Vec<(String, String)>,
}

impl Workbook {
    /// A workbook with one visible sheet `Clientes` that has this content.
    pub fn of(sheet: &str) -> Self {
        let mut styles = String::new();
        // 0 General, 1 `0`, 2 Text, 3 date, 4 `0.00`, 5 an own format of zeros, 6 LibreOffice's General.
        for id in [0, 1, 49, 14, 2, 165, 164] {
            styles.push_str(&format!("<xf numFmtId=\"{id}\"/>"));
        }
        let styles = format!(
            "<styleSheet xmlns=\"{MAIN}\"><numFmts><numFmt numFmtId=\"165\" formatCode=\"00000000000\"/><numFmt numFmtId=\"164\" formatCode=\"General\"/></numFmts><cellXfs>{styles}</cellXfs></styleSheet>"
        );
        Self { parts: Vec::new(), sheets: Vec::new() }
            .part("[Content_Types].xml", "<Types/>")
            .part(
                "_rels/.rels",
                format!(
                    "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            )
            .part("xl/styles.xml", styles)
            .sheet("Clientes", "visible", sheet)
    }

    /// A sheet behind the others. `content` is what stands in its `worksheet`.
    pub fn sheet(mut self, name: &str, state: &str, content: &str) -> Self {
        self.sheets.push((name.to_owned(), state.to_owned()));
        let number = self.sheets.len();
        let (mut list, mut relations) = (String::new(), String::new());
        for (number, (name, state)) in (1..).zip(&self.sheets) {
            list.push_str(&format!(
                "<sheet name=\"{name}\" sheetId=\"{number}\" state=\"{state}\" r:id=\"r{number}\"/>"
            ));
            relations.push_str(&format!(
                "<Relationship Id=\"r{number}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
            ));
        }
        self.part(
            &format!("xl/worksheets/sheet{number}.xml"),
            format!("<worksheet xmlns=\"{MAIN}\">{content}</worksheet>"),
        )
        .part(
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{list}</sheets></workbook>"
            ),
        )
        .part(
            "xl/_rels/workbook.xml.rels",
            format!("<Relationships xmlns=\"{RELATIONS}\">{relations}</Relationships>"),
        )
    }

    /// Adds a part, or replaces it.
    pub fn part(self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        let mut without = self.without(name);
        without.parts.push((name.to_owned(), content.into()));
        without
    }

    /// Takes a part away.
    pub fn without(mut self, name: &str) -> Self {
        self.parts.retain(|(own, _)| own != name);
        self
    }

    /// The texts that cells of the type `s` name by number; each is the inside of its `si`.
    pub fn shared(self, texts: &[&str]) -> Self {
        let texts: String = texts.iter().map(|text| format!("<si>{text}</si>")).collect();
        self.part("xl/sharedStrings.xml", format!("<sst xmlns=\"{MAIN}\">{texts}</sst>"))
    }

    /// The file.
    pub fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in &self.parts {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// The content of a sheet of these texts. An empty one has no cell.
pub fn sheet_of(rows: &[&[&str]]) -> String {
    let mut data = String::new();
    for (number, row) in (1..).zip(rows) {
        data.push_str(&format!("<row r=\"{number}\">"));
        for (letter, text) in ('A'..).zip(*row).filter(|(_, text)| !text.is_empty()) {
            data.push_str(&format!(
                "<c r=\"{letter}{number}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>"
            ));
        }
        data.push_str("</row>");
    }
    format!("<sheetData>{data}</sheetData>")
}

/// All cells of the first sheet; fails where one is no text.
pub fn texts(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut xlsx = Xlsx::new(Cursor::new(bytes)).unwrap();
    let range = xlsx.worksheet_range_at(0).unwrap().unwrap();
    let text = |cell: &Data| match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        other => panic!("no text: {other:?}"),
    };
    range.rows().map(|row| row.iter().map(text).collect()).collect()
}
