//! A strict reader of the CSV that the product writes: a torn line, a bare carriage return or text
//! after a closing quote is an error.

/// All records of `text`, the header included; every record must end in a line break.
pub fn parse(text: &str, delimiter: char) -> Result<Vec<Vec<String>>, String> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut cell = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let place = || format!("record {}", records.len() + 1);
        match c {
            '"' if cell.is_empty() => {
                loop {
                    match chars.next() {
                        None => return Err(format!("{}: a quote never closes", place())),
                        Some('"') if chars.peek() == Some(&'"') => {
                            chars.next();
                            cell.push('"');
                        }
                        Some('"') => break,
                        Some(c) => cell.push(c),
                    }
                }
                match chars.peek() {
                    Some(&c) if c == delimiter || c == '\n' || c == '\r' => {}
                    other => return Err(format!("{}: {other:?} after a quote", place())),
                }
            }
            '"' => return Err(format!("{}: a quote inside a plain cell", place())),
            '\r' if chars.peek() != Some(&'\n') => {
                return Err(format!("{}: a bare carriage return", place()));
            }
            '\r' => {}
            '\n' => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            c if c == delimiter => record.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if !record.is_empty() || !cell.is_empty() {
        return Err(format!("record {}: torn, no line break at the end", records.len() + 1));
    }
    Ok(records)
}

/// One CSV cell, always quoted.
pub fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

/// One CSV line of quoted cells, ending in a line feed.
pub fn line<S: AsRef<str>>(cells: impl IntoIterator<Item = S>, delimiter: char) -> String {
    let cells: Vec<_> = cells.into_iter().map(|cell| quoted(cell.as_ref())).collect();
    format!("{}\n", cells.join(&delimiter.to_string()))
}

/// `identificador,tipo_identificador,nome` and `count` rows of type `I`: `C00002` on line 2, and so
/// on, each with its own name.
pub fn customers(count: usize) -> String {
    let mut text = String::from("identificador,tipo_identificador,nome\n");
    for line in 2..count + 2 {
        text.push_str(&format!("C{line:05},I,Cliente {line}\n"));
    }
    text
}
