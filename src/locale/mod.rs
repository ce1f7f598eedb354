//! How the program speaks Brazilian Portuguese where Rust and the system speak English: numbers,
//! durations, and the errors of the operating system.

pub mod format;
pub mod os_error;
