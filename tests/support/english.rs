//! A search for English in text for users. Messages of libraries and of the system are English and
//! must not reach the user; only the debug log of `-vv` may contain them.

use serde_json::Value;

/// Words and phrases that are neither Portuguese nor the whole name of a flag. The grammar words
/// find messages that no other word of the list covers.
const ENGLISH: &[&str] = &[
    // Grammar words.
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
    // Words for failures.
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
    // Words for things that fail.
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

/// The first English word in `text` with its line. Texts that the test `fed` to the program do not
/// count.
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

/// The words of a text, separated by single spaces. A flag, a path or the name of a file or field
/// (`--timeout`, `x/error.csv`, `http_status`) is one word.
fn words(text: &str) -> String {
    let apart = |c: char| !(c.is_alphanumeric() || "-_./\\@<>".contains(c));
    let words = text.split(apart).map(|word| word.trim_matches('.'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

/// Standard error without debug lines; of a JSON log only the texts of its fields.
pub fn for_people(stderr: &str) -> String {
    let said = |line: &str| {
        let Ok(entry) = serde_json::from_str::<Value>(line) else {
            return (!line.contains(" DEBUG ")).then(|| line.to_owned());
        };
        (entry["level"] != "DEBUG").then(|| texts(&entry["fields"]))
    };
    stderr.lines().filter_map(said).collect::<Vec<_>>().join("\n")
}

/// The text for users in standard output: the values of JSON, the visible text of an HTML page, or
/// anything else unchanged.
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
