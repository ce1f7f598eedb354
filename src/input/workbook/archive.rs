//! The zip file that a workbook is: whether it is one, its bounds, its checksums, and its parts as
//! XML. What the parts mean is not known here.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Write};

use memchr::memrchr;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;
use zip::read::ZipFile;

use super::error::{WorkbookError, damaged};

/// The most that all parts may hold, unpacked.
const UNPACKED_MAX: u64 = 200 << 20;
/// The most that the part with the texts may hold. It is kept in memory.
const SHARED_STRINGS_MAX: u64 = 64 << 20;
/// The most that any other part may hold which is kept in memory.
const KEPT_MAX: u64 = 16 << 20;
/// The most formats that a workbook may have; Excel keeps 65 490.
const FORMATS_MAX: usize = 200_000;
/// The longest text between two tags. A cell holds 32 767 characters; the parsers keep a text whole.
const TEXT_MAX: usize = 4 << 20;
/// The shortest text in the part with the texts is `<si/>`.
const SHORTEST_TEXT: u64 = 5;

/// Parts by which a zip file is recognised that is no `.xlsx`, and what it is.
const OTHER_FORMATS: [(&str, &str); 5] = [
    ("xl/workbook.bin", "é uma planilha binária do Excel (.xlsb); salve como .xlsx ou CSV"),
    ("content.xml", "é um arquivo do LibreOffice ou OpenOffice (.ods); salve como .xlsx ou CSV"),
    ("index/document.iwa", "é uma planilha do Numbers; exporte como .xlsx ou CSV"),
    ("word/document.xml", "é um documento do Word, e não uma planilha"),
    ("ppt/presentation.xml", "é uma apresentação, e não uma planilha"),
];
const MISSING: &str = "falta uma parte";
const PLAIN_ZIP: &str =
    "é um arquivo zip, e não uma planilha .xlsx; descompacte-o e use o que há dentro";

/// The beginning of every zip file with content.
pub(in crate::input) fn is_workbook(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04")
}

/// An open workbook, checked as a whole.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// Where each part stands, by its name as it is looked for.
    parts: HashMap<String, usize>,
}

pub(super) type Part<'a> = Reader<BufReader<ZipFile<'a, BufReader<File>>>>;

impl Archive {
    /// Refuses what is no workbook, or too large a one, and checks every byte.
    pub(super) fn open(file: File) -> Result<Self, WorkbookError> {
        let cut = |error| WorkbookError::of(error, "o fim do arquivo falta");
        let mut zip = ZipArchive::new(BufReader::with_capacity(1 << 16, file)).map_err(cut)?;
        let mut parts = HashMap::new();
        let mut unpacked = 0u64;
        for index in 0..zip.len() {
            let part = zip.by_index_raw(index).map_err(bad_part)?;
            let name = normalised(&part.name().map_err(bad_part)?);
            // What unpacks to more than it announces is an error of the zip crate.
            unpacked = unpacked.saturating_add(part.size());
            let most = match &name {
                name if name.ends_with("sharedstrings.xml") => SHARED_STRINGS_MAX,
                name if is_kept(name) => KEPT_MAX,
                _ => UNPACKED_MAX,
            };
            if part.size() > most {
                let what = format!("{} tem mais de {} MiB", last_name(&name), most >> 20);
                return Err(WorkbookError::TooLarge { what });
            }
            if parts.insert(name, index).is_some() {
                return Err(damaged("duas partes têm o mesmo nome"));
            }
        }
        if unpacked > UNPACKED_MAX {
            let what = format!("tem mais de {} MiB descompactada", UNPACKED_MAX >> 20);
            return Err(WorkbookError::TooLarge { what });
        }
        let mut archive = Self { zip, parts };
        archive.recognise()?;
        archive.verify()?;
        archive.check_counts()?;
        Ok(archive)
    }

    fn recognise(&self) -> Result<(), WorkbookError> {
        let has = |part: &str| self.parts.contains_key(part);
        match OTHER_FORMATS.iter().find(|(part, _)| has(part)) {
            Some((_, what)) => Err(WorkbookError::OtherFormat { what }),
            None if has("_rels/.rels") => Ok(()),
            None if has("[content_types].xml") || has("xl/workbook.xml") => Err(damaged(MISSING)),
            None => Err(WorkbookError::OtherFormat { what: PLAIN_ZIP }),
        }
    }

    /// Unpacks everything once, so that each checksum is looked at.
    fn verify(&mut self) -> Result<(), WorkbookError> {
        for index in 0..self.zip.len() {
            let bad = |error| WorkbookError::of(error, "uma parte está danificada ou tem senha");
            let mut part = self.zip.by_index(index).map_err(bad)?;
            let name = normalised(&part.name().map_err(bad_part)?);
            let is_read = name.contains("worksheets/") || name.ends_with("sharedstrings.xml");
            let mut text = TextLength { length: 0, is_bounded: is_read || is_kept(&name) };
            let copied = io::copy(&mut part, &mut text);
            if text.length > TEXT_MAX {
                let what = format!("{} tem um texto de mais de 4 MiB", last_name(&name));
                return Err(WorkbookError::TooLarge { what });
            }
            copied.map_err(bad_part)?;
        }
        Ok(())
    }

    /// Numbers of texts and formats decide how much memory is taken for them.
    fn check_counts(&mut self) -> Result<(), WorkbookError> {
        let names: Vec<String> = self.parts.keys().cloned().collect();
        for name in names {
            if name.ends_with("sharedstrings.xml") {
                self.check_shared_strings(&name)?;
            } else if name.ends_with("styles.xml") {
                self.check_styles(&name)?;
            }
        }
        Ok(())
    }

    fn check_shared_strings(&mut self, name: &str) -> Result<(), WorkbookError> {
        let size = self.size(name);
        let announced = self.find(name, |element| {
            (local(element) == "sst").then(|| attribute(element, "uniqueCount"))
        })?;
        let announced = announced.transpose()?.flatten().and_then(|text| text.parse::<u64>().ok());
        match announced.is_some_and(|count| count > size / SHORTEST_TEXT) {
            true => Err(damaged("a contagem dos textos não confere")),
            false => Ok(()),
        }
    }

    fn check_styles(&mut self, name: &str) -> Result<(), WorkbookError> {
        let mut formats = 0;
        let too_many = self.find(name, |element| {
            formats += usize::from(matches!(local(element), "xf" | "font" | "fill" | "border"));
            (formats > FORMATS_MAX).then_some(())
        })?;
        match too_many {
            Some(()) => Err(WorkbookError::TooLarge { what: "formatos demais".to_owned() }),
            None => Ok(()),
        }
    }

    fn size(&mut self, name: &str) -> u64 {
        let index = self.parts.get(name).copied().unwrap_or(usize::MAX);
        self.zip.by_index_raw(index).map_or(0, |part| part.size())
    }

    /// What `pick` gives for the first element for which it gives something.
    pub(super) fn find<T>(
        &mut self,
        name: &str,
        mut pick: impl FnMut(&BytesStart<'_>) -> Option<T>,
    ) -> Result<Option<T>, WorkbookError> {
        let mut part = self.part(name)?;
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match part.read_event_into(&mut buffer).map_err(bad_xml)? {
                Event::Start(element) => {
                    if let Some(found) = pick(&element) {
                        return Ok(Some(found));
                    }
                }
                Event::Eof => return Ok(None),
                _ => {}
            }
        }
    }

    /// A part as XML, read as calamine reads it.
    pub(super) fn part(&mut self, name: &str) -> Result<Part<'_>, WorkbookError> {
        let index = *self.parts.get(&normalised(name)).ok_or_else(|| damaged(MISSING))?;
        let part = self.zip.by_index(index).map_err(bad_part)?;
        let mut xml = Reader::from_reader(BufReader::with_capacity(1 << 16, part));
        let config = xml.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = false;
        Ok(xml)
    }
}

/// Takes XML, and refuses the end of a text that is too long.
struct TextLength {
    /// Bytes since the last tag began.
    length: usize,
    is_bounded: bool,
}

impl Write for TextLength {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_bounded {
            self.length = match memrchr(b'<', bytes) {
                Some(at) => bytes.len() - at,
                None => self.length + bytes.len(),
            };
        }
        match self.length > TEXT_MAX {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A part that cannot be read, or whose place in the file cannot be right.
fn bad_part(error: impl Error + 'static) -> WorkbookError {
    WorkbookError::of(error, "uma parte está danificada")
}

/// XML that cannot be read on.
pub(super) fn bad_xml(error: quick_xml::Error) -> WorkbookError {
    WorkbookError::of(error, "o XML de uma parte está danificado")
}

/// The name of an element, without the prefix that some programs give all of them.
pub(super) fn local<'e>(element: &'e BytesStart<'_>) -> &'e str {
    element.local_name().into_inner()
}

/// The attribute of this name, without its prefix.
pub(super) fn attribute(
    element: &BytesStart<'_>,
    name: &str,
) -> Result<Option<String>, WorkbookError> {
    for attribute in element.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| bad_xml(error.into()))?;
        if attribute.key.local_name().into_inner() == name {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            return Ok(Some(value.map_err(bad_xml)?.into_owned()));
        }
    }
    Ok(None)
}

/// Parts whose content is kept in memory while a sheet is read.
fn is_kept(name: &str) -> bool {
    name.ends_with(".rels")
        || ["styles.xml", "workbook.xml", "theme1.xml"].contains(&last_name(name))
}

/// Programs do not agree on upper case and slashes.
fn normalised(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

fn last_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
