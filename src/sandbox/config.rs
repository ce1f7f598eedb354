//! The settings of a simulated TomTicket, and how they are spelled on a command line. A value of one
//! of these types is valid. Nothing is done with the settings here.

use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::customers::CustomerStore;
use crate::scheduler::Rate;

/// The longest delay that can be asked for.
const DELAY_MAX: Duration = Duration::from_secs(3600);

/// All settings. By default there is the real limit, no delay and no failure; any token is accepted
/// and every customer exists.
#[derive(Debug, Default)]
pub struct SandboxConfig {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Requests that are counted a second at most; further ones get 429.
    pub rate: Rate,
    /// The delay after a request is counted, before the response.
    pub latency: DelayRange,
    /// The delay after a request is received, before it is counted.
    pub jitter: DelayRange,
    /// The customers that exist.
    pub customers: CustomerStore,
    /// The only token that is accepted; `None` accepts any.
    pub token: Option<SecretString>,
    /// The failures to inject.
    pub failures: Failures,
    /// The same seed and the same order of requests draw the same failures and delays.
    pub seed: u64,
    /// Whether an update that leaves out `criarchamados` or `idioma` sets it to its documented
    /// default (`true`, `pt_BR`) instead of leaving it alone. The documentation can be read either
    /// way.
    pub reset_defaults: bool,
    /// How much later reads show what was written.
    pub read_lag: DelayRange,
    /// Whether reads are answered with 403, as on an account without the permission to read.
    pub no_reads: bool,
    /// The ids of the custom fields that exist, those that customers have already apart; `None` if
    /// every id exists.
    pub custom_fields: Option<Vec<String>>,
}

/// Why a setting is not valid, in Portuguese.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SandboxConfigError(pub(super) String);

/// Reads the only token that a sandbox accepts. One that no client can send is refused, because
/// otherwise every request would be. The text is never quoted.
pub fn only_token(text: &str) -> Result<SecretString, SandboxConfigError> {
    let problem = match text {
        "" => "está vazio; deixe a opção de fora para aceitar qualquer um",
        "." | ".." => "não pode ser só um ponto ou dois",
        _ if text.chars().any(char::is_control) => {
            "contém quebra de linha ou caractere de controle"
        }
        _ if text.trim() != text => "começa ou termina com espaço",
        _ => return Ok(text.into()),
    };
    Err(SandboxConfigError(format!("o token {problem}")))
}

/// A delay drawn evenly between two bounds, both included; at most one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DelayRange {
    min: Duration,
    max: Duration,
}

impl DelayRange {
    /// The delay at `part` of the way from the least (0) to the most (1).
    pub(super) fn at(self, part: f64) -> Duration {
        self.min + (self.max - self.min).mul_f64(part.clamp(0.0, 1.0))
    }
}

impl FromStr for DelayRange {
    type Err = SandboxConfigError;

    /// `20ms`, `1s..2s`, `0..1.5s`, `0,5h`; a bare number is seconds, and a decimal comma is fine.
    fn from_str(text: &str) -> Result<Self, SandboxConfigError> {
        let refused = |why| Err(SandboxConfigError(format!("\"{text}\" {why}")));
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (Some(min), Some(max)) = (delay(min), delay(max)) else {
            return refused("não é uma duração; escreva por exemplo 20ms, 1.5s ou 50ms..200ms");
        };
        if min.max(max) > DELAY_MAX {
            return refused("passa do máximo de 1 hora");
        }
        if min > max {
            return refused("começa depois de terminar; escreva o menor tempo primeiro");
        }
        Ok(Self { min, max })
    }
}

fn delay(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(decimal(digits)? * unit).ok()
}

/// Digits, perhaps a decimal point or comma and digits; neither signs nor exponents.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', ".");
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    if digits(whole) && digits(fraction) { text.parse().ok() } else { None }
}

/// A failure that can be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// HTTP 429; such a request is never executed.
    Limited,
    /// HTTP 500.
    Status500,
    /// HTTP 502 with a gateway's HTML page.
    Status502,
    /// The connection is reset (RST) after the request was read.
    Reset,
    /// The connection is closed without an answer.
    Close,
    /// No answer until the client gives up.
    Hang,
    /// HTTP 200 with an HTML page.
    Html,
    /// An answer that ends before its `Content-Length`.
    Truncated,
    /// The connection is closed without an answer, and the update is executed up to 20 s later.
    Late,
}

impl FailureKind {
    /// All of them, as the command line and the counters spell them.
    pub(super) const NAMED: [(&str, Self); 9] = [
        ("429", Self::Limited),
        ("500", Self::Status500),
        ("502", Self::Status502),
        ("reset", Self::Reset),
        ("close", Self::Close),
        ("hang", Self::Hang),
        ("html", Self::Html),
        ("truncated", Self::Truncated),
        ("late", Self::Late),
    ];
}

const UNKNOWN_KIND: &str = "não é um tipo de falha; os tipos são 429, 500, 502, reset, close, hang, html, truncated e late";

/// A kind of failure and the percentage of requests that get it: one `--fail`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureShare {
    kind: FailureKind,
    percent: f64,
}

impl FromStr for FailureShare {
    type Err = SandboxConfigError;

    /// `500=2.5`, `reset=1%`, `hang=0,1%`.
    fn from_str(text: &str) -> Result<Self, SandboxConfigError> {
        let refused = |what: &str, why| SandboxConfigError(format!("\"{what}\" {why}"));
        let Some((name, percent)) = text.split_once('=') else {
            return Err(refused(
                text,
                "não tem a forma TIPO=PERCENTUAL; escreva por exemplo 500=2.5",
            ));
        };
        let mut kinds = FailureKind::NAMED.into_iter();
        let kind = kinds.find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        let (_, kind) = kind.ok_or_else(|| refused(name, UNKNOWN_KIND))?;
        let number = percent.trim().strip_suffix('%').unwrap_or(percent);
        match decimal(number) {
            Some(percent) if percent <= 100.0 => Ok(Self { kind, percent }),
            _ => Err(refused(percent, "não é um percentual de 0 a 100")),
        }
    }
}

/// The failures of a sandbox. Their shares sum up to 100 % at most, because a request gets at most
/// one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failures {
    shares: Vec<FailureShare>,
}

impl Failures {
    /// These shares; those of one kind add up. More than 100 % in all is an error.
    pub fn new(shares: Vec<FailureShare>) -> Result<Self, SandboxConfigError> {
        let sum: f64 = shares.iter().map(|share| share.percent).sum();
        // Allows for the rounding of ten times 10 %.
        if sum > 100.0 + 1e-9 {
            let sum = ((sum * 100.0).round() / 100.0).to_string().replace('.', ",");
            let text = format!("os percentuais de falha somam {sum}; o máximo é 100");
            return Err(SandboxConfigError(text));
        }
        Ok(Self { shares })
    }

    /// The failure at `point`, from 0 (included) to 100 (excluded), where the shares are laid end to
    /// end.
    pub(super) fn at(&self, point: f64) -> Option<FailureKind> {
        let mut end = 0.0;
        self.shares.iter().find_map(|share| {
            end += share.percent;
            (point < end).then_some(share.kind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn refusal<T: FromStr<Err = SandboxConfigError>>(text: &str) -> String {
        text.parse::<T>().err().map(|error| error.0).unwrap_or_default()
    }

    #[test]
    fn delays_are_read_within_their_bounds() {
        for (text, min, max) in [
            ("20ms", 20, 20),
            ("50ms..200ms", 50, 200),
            ("1s..2s", 1000, 2000),
            ("0..1,5s", 0, 1500),
            ("2", 2000, 2000),
            (" 0ms .. 1min ", 0, 60_000),
            ("0,5h..1h", 1_800_000, 3_600_000),
        ] {
            let range: DelayRange = text.parse().unwrap();
            assert_eq!([range.at(0.0), range.at(1.0)], [ms(min), ms(max)], "{text}");
            assert_eq!(range.at(0.5), ms((min + max) / 2), "{text}");
        }
        for text in ["", "ms", "x", "10w", "-1s", "1e3s", "1s..", "..1s", "1s...2s", "nan"] {
            assert!(refusal::<DelayRange>(text).contains("não é uma duração"), "{text}");
        }
        for text in ["61min", "2h", "1d", "0..1,01h"] {
            assert!(refusal::<DelayRange>(text).contains("1 hora"), "{text}");
        }
    }

    #[test]
    fn a_token_that_no_client_can_send_is_refused() {
        assert!(only_token("abc/=é x").is_ok());
        for bad in ["", ".", "..", " ", "a\nb", "a\u{7f}", "a "] {
            assert!(only_token(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn failure_shares_are_read() {
        for (text, kind, percent) in [
            ("429=1", FailureKind::Limited, 1.0),
            ("500=2.5", FailureKind::Status500, 2.5),
            ("502=2,5%", FailureKind::Status502, 2.5),
            ("Reset=1%", FailureKind::Reset, 1.0),
            ("close=0", FailureKind::Close, 0.0),
            ("hang = 3 %", FailureKind::Hang, 3.0),
            ("html=100", FailureKind::Html, 100.0),
            ("truncated=0.01", FailureKind::Truncated, 0.01),
        ] {
            assert_eq!(text.parse(), Ok(FailureShare { kind, percent }), "{text}");
        }
        assert!(refusal::<FailureShare>("500").contains("TIPO=PERCENTUAL"));
        for percent in ["", "x", "-1", "101", "100.1%", "1%%", "1e1", "inf"] {
            let refused = refusal::<FailureShare>(&format!("500={percent}"));
            assert_eq!(refused, format!("\"{percent}\" não é um percentual de 0 a 100"));
        }
    }

    #[test]
    fn shares_fill_the_line_end_to_end_and_never_more_than_it() {
        let failures =
            |shares: &[&str]| Failures::new(shares.iter().map(|s| s.parse().unwrap()).collect());
        let three = failures(&["500=10", "reset=5", "500=1"]).unwrap();
        for (point, kind) in [
            (0.0, Some(FailureKind::Status500)),
            (9.99, Some(FailureKind::Status500)),
            (10.0, Some(FailureKind::Reset)),
            (15.5, Some(FailureKind::Status500)),
            (16.0, None),
            (99.9, None),
        ] {
            assert_eq!(three.at(point), kind, "{point}");
        }
        assert!(failures(&["500=33.3", "reset=66.7"]).is_ok());
        assert!(failures(&["500=10"; 10]).is_ok());
        assert!(failures(&["500=60", "reset=41"]).unwrap_err().0.contains("somam 101;"));
    }
}
