//! The ledger from outside: its file ([`file`]), what of it is not in its tables yet ([`recent`]), and
//! its part in a run ([`run`]).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

mod file;
mod recent;
mod run;
mod support;
