//! A search for English in what the user reads. The libraries and the system speak English, and what
//! they say must not come through: only the log of `-vv` may have it.

use serde_json::Value;

/// Words and phrases that Portuguese does not know, and that no flag is called alone. Those of
/// grammar find what nobody thought of.
const ENGLISH: &[&str] = &[
    // Grammar.
    "the",
    "of",
    "is",
    "was",
    "were",
    "not",
    "with",
    "from",
    "this",
    "that",
    "which",
    "while",
    "when",
    "must",
    "should",
    "cannot",
    "could",
    "unable",
    "already",
    "too many",
    // What goes wrong.
    "error",
    "errors",
    "failed",
    "failure",
    "invalid",
    "expected",
    "unexpected",
    "found",
    "refused",
    "denied",
    "permission",
    "timeout",
    "timed out",
    "unknown",
    "unsupported",
    "overflow",
    "underflow",
    "missing",
    "required",
    "broken",
    "closed",
    "malformed",
    "corrupt",
    "locked",
    "mismatch",
    "incomplete",
    "warning",
    "panicked",
    // With what.
    "file",
    "directory",
    "connection",
    "database",
    "disk",
    "handshake",
    "peer",
    "certificate",
    "address",
    "message",
    "request",
    "response",
    "value",
    "values",
    "argument",
    "usage",
    "duplicate key",
    "received",
];

/// The first of them in `text`, and where, apart from what the test itself `fed` to the program.
pub fn english(text: &str, fed: &[String]) -> Option<String> {
    text.lines().find_map(|line| {
        let said = fed
            .iter()
            .fold(line.to_lowercase(), |said, fed| said.replace(&fed.to_lowercase(), " "));
        let said = words(&said);
        let word = ENGLISH.iter().find(|word| said.contains(&format!(" {word} ")))?;
        Some(format!("{word:?} in: {line}"))
    })
}

/// The words of a text between single spaces. Flags, paths and names of files and of fields
/// (`--timeout`, `x/error.csv`, `http_status`) are one word each.
fn words(text: &str) -> String {
    let apart = |c: char| !(c.is_alphanumeric() || "-_./\\@<>".contains(c));
    let words = text.split(apart).map(|word| word.trim_matches('.'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

/// Standard error without the log for those who mend the program; of a JSON log only what is said.
pub fn for_people(stderr: &str) -> String {
    let said = |line: &str| {
        let Ok(entry) = serde_json::from_str::<Value>(line) else {
            return (!line.contains(" DEBUG ")).then(|| line.to_owned());
        };
        (entry["level"] != "DEBUG").then(|| texts(&entry["fields"]))
    };
    stderr.lines().filter_map(said).collect::<Vec<_>>().join("\n")
}

/// What is to be read of standard output: of JSON the texts without their keys, of a page the text
/// without tags, styles and scripts, of anything else all.
pub fn readable(stdout: &str) -> String {
    match serde_json::from_str(stdout) {
        Ok(json) => texts(&json),
        Err(_) if stdout.starts_with("<!") => visible(stdout),
        Err(_) => stdout.to_owned(),
    }
}

fn texts(json: &Value) -> String {
    let lines = |inner: Vec<&Value>| inner.into_iter().map(texts).collect::<Vec<_>>().join("\n");
    match json {
        Value::String(text) => text.clone(),
        Value::Array(items) => lines(items.iter().collect()),
        Value::Object(fields) => lines(fields.values().collect()),
        _ => String::new(),
    }
}

fn visible(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let end = ["style", "script"].iter().find(|name| tag.starts_with(**name));
        let end = end.map_or(">".to_owned(), |name| format!("</{name}>"));
        rest = tag.split_once(&end).map_or("", |(_, after)| after);
    }
    text + rest
}
