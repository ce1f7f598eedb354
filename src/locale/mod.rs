//! Brazilian Portuguese where Rust and the operating system give English: numbers, durations and
//! system errors. Messages of the program stand where they arise.

pub mod format;
pub mod os_error;
