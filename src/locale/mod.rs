//! Brazilian Portuguese where Rust and the operating system give English (numbers, durations, system
//! errors), and foreign text made fit to be shown. Messages of the program stand where they arise.

pub mod foreign_text;
pub mod format;
pub mod os_error;
