//! The settings of a simulated TomTicket, and how they are spelled on a command line. A value of one
//! of these types is valid. Nothing is done with the settings here.

use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::customer_list::Customers;
use crate::scheduler::Rate;

/// The longest delay that can be asked for.
const DELAY_MAX: Duration = Duration::from_secs(3600);

/// All settings. By default there is the real limit, no delay and no failure; any token is accepted
/// and every customer exists.
#[derive(Debug)]
pub struct SandboxConfig {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Requests that are counted a second at most; further ones get 429.
    pub rate: Rate,
    /// The delay after a request is counted, before the response.
    pub latency: DelayRange,
    /// The delay after a request is received, before it is counted.
    pub jitter: DelayRange,
    /// The only customers there are; `None` lets every customer exist.
    pub customers: Option<Customers>,
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
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            port: 0,
            rate: Rate::DEFAULT,
            latency: DelayRange::ZERO,
            jitter: DelayRange::ZERO,
            customers: None,
            token: None,
            failures: Failures::default(),
            seed: 0,
            reset_defaults: false,
        }
    }
}

/// Why a setting is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxConfigError {
    /// Not a delay.
    #[error("\"{0}\" não é uma duração; escreva por exemplo 20ms, 1.5s ou 50ms..200ms")]
    Delay(String),
    /// Over one hour.
    #[error("\"{0}\" passa do máximo de 1 hora")]
    DelayTooLong(String),
    /// `200ms..50ms`.
    #[error("\"{0}\" começa depois de terminar; escreva o menor tempo primeiro")]
    DelayReversed(String),
    /// Not a token that a client could send.
    #[error("o token {0}")]
    Token(&'static str),
    /// No `=`.
    #[error("\"{0}\" não tem a forma TIPO=PERCENTUAL; escreva por exemplo 500=2.5")]
    Share(String),
    /// Not one of [`FailureKind::ALL`].
    #[error(
        "\"{0}\" não é um tipo de falha; os tipos são 429, 500, 502, reset, close, hang, html e truncated"
    )]
    Kind(String),
    /// Not a number from 0 to 100.
    #[error("\"{0}\" não é um percentual de 0 a 100")]
    Percent(String),
    /// A request has one failure at most, so the shares cannot exceed the whole.
    #[error("os percentuais de falha somam {0}; o máximo é 100")]
    Sum(String),
}

/// Reads the only token that a sandbox accepts. One that no client can send is refused, because
/// otherwise every request would be. The text is never quoted.
///
/// # Errors
/// [`SandboxConfigError::Token`].
pub fn only_token(text: &str) -> Result<SecretString, SandboxConfigError> {
    match text {
        "" => Err("está vazio; deixe a opção de fora para aceitar qualquer um"),
        "." | ".." => Err("não pode ser só um ponto ou dois"),
        _ if text.chars().any(char::is_control) => {
            Err("contém quebra de linha ou caractere de controle")
        }
        _ if text.trim() != text => Err("começa ou termina com espaço"),
        _ => Ok(text.into()),
    }
    .map_err(SandboxConfigError::Token)
}

/// A delay drawn evenly between two bounds, both included; at most one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DelayRange {
    min: Duration,
    max: Duration,
}

impl DelayRange {
    /// No delay.
    pub const ZERO: Self = Self { min: Duration::ZERO, max: Duration::ZERO };

    /// The delay at `part` of the way from the least (0) to the most (1).
    pub(super) fn at(self, part: f64) -> Duration {
        self.min + (self.max - self.min).mul_f64(part.clamp(0.0, 1.0))
    }
}

impl FromStr for DelayRange {
    type Err = SandboxConfigError;

    /// `20ms`, `1s..2s`, `0..1.5s`, `0,5h`; a bare number is seconds, and a decimal comma is fine.
    fn from_str(text: &str) -> Result<Self, SandboxConfigError> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let read = |part| delay(part).ok_or_else(|| SandboxConfigError::Delay(text.to_owned()));
        let (min, max) = (read(min)?, read(max)?);
        if max > DELAY_MAX || min > DELAY_MAX {
            return Err(SandboxConfigError::DelayTooLong(text.to_owned()));
        }
        if min > max {
            return Err(SandboxConfigError::DelayReversed(text.to_owned()));
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

impl FailureKind {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 8] = [
        Self::Limited,
        Self::Status500,
        Self::Status502,
        Self::Reset,
        Self::Close,
        Self::Hang,
        Self::Html,
        Self::Truncated,
    ];

    /// As the command line and the counters spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limited => "429",
            Self::Status500 => "500",
            Self::Status502 => "502",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Hang => "hang",
            Self::Html => "html",
            Self::Truncated => "truncated",
        }
    }
}

impl FromStr for FailureKind {
    type Err = SandboxConfigError;

    fn from_str(text: &str) -> Result<Self, SandboxConfigError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| SandboxConfigError::Kind(text.to_owned()))
    }
}

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
        let (kind, percent) =
            text.split_once('=').ok_or_else(|| SandboxConfigError::Share(text.to_owned()))?;
        let number = percent.trim().strip_suffix('%').unwrap_or(percent);
        let wrong = || SandboxConfigError::Percent(percent.to_owned());
        let valid = |percent: &f64| *percent <= 100.0;
        let (kind, percent) = (kind.parse()?, decimal(number).filter(valid).ok_or_else(wrong)?);
        Ok(Self { kind, percent })
    }
}

/// The failures of a sandbox. Their shares sum up to 100 % at most, because a request gets at most
/// one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Failures {
    shares: Vec<FailureShare>,
}

impl Failures {
    /// These shares; those of one kind add up.
    ///
    /// # Errors
    /// More than 100 % in all.
    pub fn new(shares: impl IntoIterator<Item = FailureShare>) -> Result<Self, SandboxConfigError> {
        let shares: Vec<_> = shares.into_iter().collect();
        let sum: f64 = shares.iter().map(|share| share.percent).sum();
        // Allows for the rounding of ten times 10 %.
        if sum > 100.0 + 1e-9 {
            return Err(SandboxConfigError::Sum(
                format!("{}", (sum * 100.0).round() / 100.0).replace('.', ","),
            ));
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

    #[test]
    fn delays_are_read() {
        for (text, min, max) in [
            ("20ms", 20, 20),
            ("50ms..200ms", 50, 200),
            ("1s..2s", 1000, 2000),
            ("0..1,5s", 0, 1500),
            ("2", 2000, 2000),
            (" 0ms .. 1min ", 0, 60_000),
            ("0,5h..1h", 1_800_000, 3_600_000),
        ] {
            assert_eq!(text.parse(), Ok(DelayRange { min: ms(min), max: ms(max) }), "{text}");
        }
    }

    #[test]
    fn wrong_delays_are_refused() {
        for text in ["", "ms", "x", "10w", "-1s", "1e3s", "1s..", "..1s", "1s...2s", "nan"] {
            assert_eq!(text.parse::<DelayRange>(), Err(SandboxConfigError::Delay(text.to_owned())));
        }
        let reversed = "200ms..50ms";
        assert_eq!(
            reversed.parse::<DelayRange>(),
            Err(SandboxConfigError::DelayReversed(reversed.to_owned()))
        );
        for long in ["61min", "2h", "1d", "0..1,01h"] {
            let refused = Err(SandboxConfigError::DelayTooLong(long.to_owned()));
            assert_eq!(long.parse::<DelayRange>(), refused);
        }
    }

    #[test]
    fn a_token_that_no_client_can_send_is_refused() {
        assert!(only_token("abc/=é x").is_ok());
        for bad in ["", ".", "..", " ", "a\nb", "a\u{7f}", "a "] {
            assert!(matches!(only_token(bad), Err(SandboxConfigError::Token(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_delay_stays_within_its_bounds() {
        let range = DelayRange { min: ms(100), max: ms(200) };
        assert_eq!([0.0, 0.5, 1.0].map(|part| range.at(part)), [ms(100), ms(150), ms(200)]);
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
        assert_eq!("500".parse::<FailureShare>(), Err(SandboxConfigError::Share("500".to_owned())));
        assert_eq!(
            "503=1".parse::<FailureShare>(),
            Err(SandboxConfigError::Kind("503".to_owned()))
        );
        for percent in ["", "x", "-1", "101", "100.1%", "1%%", "1e1", "inf"] {
            assert_eq!(
                format!("500={percent}").parse::<FailureShare>(),
                Err(SandboxConfigError::Percent(percent.to_owned()))
            );
        }
    }

    #[test]
    fn shares_fill_the_line_end_to_end_and_never_more_than_it() {
        let share = |text: &str| text.parse::<FailureShare>().unwrap();
        let failures = Failures::new([share("500=10"), share("reset=5"), share("500=1")]).unwrap();
        for (point, kind) in [
            (0.0, Some(FailureKind::Status500)),
            (9.99, Some(FailureKind::Status500)),
            (10.0, Some(FailureKind::Reset)),
            (15.5, Some(FailureKind::Status500)),
            (16.0, None),
            (99.9, None),
        ] {
            assert_eq!(failures.at(point), kind, "{point}");
        }
        assert!(Failures::new([share("500=33.3"), share("reset=66.7")]).is_ok());
        assert!(Failures::new((0..10).map(|_| share("500=10"))).is_ok());
        assert_eq!(
            Failures::new([share("500=60"), share("reset=41")]),
            Err(SandboxConfigError::Sum("101".to_owned()))
        );
    }
}
