//! Codes and phones that went through a spreadsheet or a program as numbers.

/// Digits before `,00` that are no amount of money.
const LONG: usize = 8;

/// `1234.0`, `12345678000190,00`: digits with a decimal part of zeros. Of money (`1500,00`) that says
/// nothing, so two zeros count behind long numbers only.
pub fn is_decimal_number(text: &str) -> bool {
    let Some((whole, zeros)) = text.rsplit_once(['.', ',']) else { return false };
    let is_long = whole.len() >= LONG;
    let ends = match zeros {
        "0" => text.ends_with(".0") || is_long,
        "00" => is_long,
        _ => false,
    };
    ends && !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit())
}
