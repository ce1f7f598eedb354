//! ResultStats and facts → the page's words, and these → HTML through `templates/relatorio.html`.
//!
//! Text from outside is cut and freed of control characters here; the template escapes it.

use askama::Template;
use serde_json::Value;

use super::charts::{self, Figure};
use super::error::ReportError;
use super::facts::RunFacts;
use super::settings::{self, Setting};
use super::words::{Clock, percent};
use crate::exit_code;
use crate::html_report::stats::{ResultStats, RowToFix, cut};
use crate::model::Situacao;
use crate::output::{capital, counted, duration_words, meaning, number, one_line};

/// Message groups that are listed.
const GROUPS: usize = 50;
/// Characters of a path or a reason that are shown.
const TEXT: usize = 400;

#[derive(Template)]
#[template(path = "relatorio.html")]
struct Page {
    name: String,
    rehearsal: bool,
    verdict: Verdict,
    motivo: Option<String>,
    when: Option<String>,
    zone: Option<String>,
    tiles: Vec<Tile>,
    rows: String,
    outcomes: Vec<OutcomeRow>,
    accepted: Option<Figure>,
    latency: Option<Figure>,
    limited: Limited,
    messages: Vec<MessageRow>,
    /// Rows with messages that are not listed.
    other_messages: Option<String>,
    partial_messages: bool,
    to_fix: Vec<FixRow>,
    to_fix_title: String,
    to_fix_rest: Option<String>,
    not_sent: Option<String>,
    rejects: Option<String>,
    settings: Vec<Setting>,
    program: Option<String>,
}

/// How it went, in a word, a sentence, and what to do.
struct Verdict {
    class: &'static str,
    headline: &'static str,
    next: String,
}

/// What the same command would do, as far as the summary tells.
enum Repeat {
    /// There is no summary.
    Unknown,
    /// A ledger knows what was accepted.
    Continues,
    /// Nobody does, or nobody is to be believed.
    StartsOver,
    /// It was a rehearsal.
    Rehearsal,
}

impl Repeat {
    fn of(facts: Option<&RunFacts>) -> Self {
        let Some(facts) = facts.filter(|facts| facts.configuracao.is_some()) else {
            return Self::Unknown;
        };
        let is_set = |name| facts.setting(name).and_then(Value::as_bool).unwrap_or(false);
        let ledger = facts.setting("ledger").is_some_and(Value::is_string);
        match (is_set("sandbox"), ledger && !is_set("full")) {
            (true, _) => Self::Rehearsal,
            (false, true) => Self::Continues,
            (false, false) => Self::StartsOver,
        }
    }

    /// How to send the rows that are left, to stand after `when`.
    fn words(&self, when: &str) -> String {
        match self {
            Self::Unknown => format!(
                "rode o mesmo comando de novo{when}; com o registro (ledger) ligado, ele continua de onde parou."
            ),
            Self::Continues => {
                format!("rode o mesmo comando de novo{when}; ele continua de onde parou.")
            }
            Self::StartsOver => format!(
                "rode{when} o arquivo de rejeitados com as mesmas opções: sem um registro que valha, o mesmo comando recomeçaria do zero."
            ),
            Self::Rehearsal => {
                format!("rode o mesmo comando de novo{when}; um ensaio recomeça sempre do zero.")
            }
        }
    }
}

struct Tile {
    value: String,
    label: &'static str,
    note: String,
}

struct OutcomeRow {
    situacao: &'static str,
    meaning: &'static str,
    count: String,
    percent: String,
    /// Its part of the bar, which is 1000 wide.
    x: f64,
    width: f64,
}

enum Limited {
    /// Without a summary nobody knows.
    Unknown,
    Nothing,
    Some(Figure),
}

struct MessageRow {
    count: String,
    situacao: &'static str,
    text: String,
    lines: String,
}

struct FixRow {
    linha: String,
    identificador: String,
    tipo: String,
    situacao: &'static str,
    mensagem: String,
}

/// The page. `name` is what the results are called where no summary names the input.
///
/// # Errors
/// None in practice: a template writes into a string.
pub fn html(
    findings: &ResultStats,
    facts: Option<&RunFacts>,
    name: &str,
    clock: &Clock,
) -> Result<String, ReportError> {
    let count = |situacao: Situacao| findings.counts[situacao.index()];
    let code =
        facts.map_or_else(|| exit_code::of_run(None, &findings.counts), |facts| facts.codigo_saida);
    let rejects = facts.map(|facts| text(&facts.rejeitados)).filter(|path| path != "-");
    let top = findings.messages.top(GROUPS);
    let listed: u64 = top.iter().map(|group| group.count).sum();
    let others = findings.messages.rows() - listed;
    let rest = findings.rows_to_fix() - findings.to_fix.len() as u64;
    let name = match facts.map_or(name, |facts| &facts.entrada) {
        "-" => "entrada padrão",
        name => name,
    };
    let page = Page {
        name: text(name),
        rehearsal: facts.and_then(|facts| facts.setting("sandbox")?.as_bool()).unwrap_or(false),
        verdict: verdict(code, findings, facts),
        motivo: facts.and_then(|facts| facts.motivo.as_deref()).map(text),
        when: findings
            .span
            .map(|(first, last)| format!("de {} a {}", clock.moment(first), clock.moment(last))),
        zone: findings.span.map(|(first, _)| clock.zone(first)),
        tiles: tiles(findings, facts),
        rows: counted(findings.rows(), "linha", "linhas"),
        outcomes: outcomes(findings),
        accepted: charts::accepted(findings, facts, clock),
        latency: charts::latency(findings),
        limited: match facts {
            None => Limited::Unknown,
            Some(facts) => charts::limited(facts, clock).map_or(Limited::Nothing, Limited::Some),
        },
        messages: top
            .into_iter()
            .map(|group| {
                let lines: Vec<String> =
                    group.lines.iter().map(|linha| linha.to_string()).collect();
                let more = if group.count > group.lines.len() as u64 { " …" } else { "" };
                MessageRow {
                    count: number(group.count),
                    situacao: group.situacao.as_str(),
                    text: text(&group.text),
                    lines: lines.join(" · ") + more,
                }
            })
            .collect(),
        other_messages: (others > 0).then(|| counted(others, "linha", "linhas")),
        partial_messages: findings.messages.is_partial(),
        to_fix: findings.to_fix.iter().map(fix_row).collect(),
        to_fix_title: counted(findings.rows_to_fix(), "linha", "linhas"),
        to_fix_rest: (rest > 0).then(|| counted(rest, "linha", "linhas")),
        not_sent: match count(Situacao::NaoEnviado) {
            0 => None,
            n => Some(counted(n, "linha", "linhas")),
        },
        rejects,
        settings: facts
            .and_then(|facts| facts.configuracao.as_ref())
            .map_or_else(Vec::new, settings::list),
        program: facts.and_then(|facts| facts.programa.as_deref()).map(text),
    };
    Ok(page.render()?)
}

/// One line without control characters, not too long.
fn text(said: &str) -> String {
    let kept = cut(said, TEXT);
    let more = if kept.len() < said.len() { "…" } else { "" };
    format!("{}{more}", one_line(kept))
}

fn fix_row(row: &RowToFix) -> FixRow {
    FixRow {
        linha: row.linha.to_string(),
        identificador: text(&row.identificador),
        tipo: text(&row.tipo_identificador),
        situacao: row.situacao.as_str(),
        mensagem: text(&row.mensagem),
    }
}

fn verdict(code: u8, findings: &ResultStats, facts: Option<&RunFacts>) -> Verdict {
    let count = |situacao: Situacao| findings.counts[situacao.index()];
    let not_sent = count(Situacao::NaoEnviado) > 0;
    let to_repair = count(Situacao::Recusado) + count(Situacao::Invalido);
    let repeat = Repeat::of(facts);
    let (class, headline, mut next) = match code {
        exit_code::OK if not_sent => (
            "ok",
            "O que foi enviado está em dia",
            "As linhas que ficaram de fora vão na próxima execução.".to_owned(),
        ),
        exit_code::OK => ("ok", "Tudo em dia", "Não há nada a fazer.".to_owned()),
        exit_code::ROWS_TO_FIX if not_sent => (
            "fix",
            "Terminou, e há linhas a corrigir",
            format!(
                "Confira os resultados; as linhas que ficaram de fora vão na próxima execução. Só {} de correção.",
                counted(to_repair, "linha precisa", "linhas precisam")
            ),
        ),
        exit_code::ROWS_TO_FIX => (
            "fix",
            "Terminou, e há linhas a corrigir",
            "Corrija as linhas no arquivo de rejeitados e rode esse arquivo com as mesmas opções."
                .to_owned(),
        ),
        exit_code::REFUSED => {
            ("bad", "Parou antes do fim", format!("Resolva o motivo. Depois, {}", repeat.words("")))
        }
        exit_code::TEMPORARY => {
            ("fix", "Não chegou ao fim de todas as linhas", capital(&repeat.words(" mais tarde")))
        }
        exit_code::UNCERTAIN => {
            let left = not_sent || count(Situacao::Falhou) > 0;
            let next = if left { format!("Depois, {}", repeat.words("")) } else { String::new() };
            ("bad", "Há linhas incertas", next)
        }
        exit_code::LOCAL => (
            "bad",
            "Parou por um problema na máquina",
            "Resolva o problema e rode o mesmo comando de novo.".to_owned(),
        ),
        _ => ("fix", "Foi interrompida", capital(&repeat.words(""))),
    };
    if count(Situacao::Incerto) > 0 {
        let look_up = "Confira no TomTicket os clientes marcados como incerto antes de repetir essas linhas: repetir não é seguro.";
        next = format!("{look_up} {next}").trim_end().to_owned();
    }
    Verdict { class, headline, next }
}

fn tiles(findings: &ResultStats, facts: Option<&RunFacts>) -> Vec<Tile> {
    let count = |situacao: Situacao| findings.counts[situacao.index()];
    let all = findings.rows();
    let done = count(Situacao::Atualizado) + count(Situacao::Inalterado);
    let part = |n: u64| format!("{} das linhas", percent(n, all));
    let mut tiles = vec![
        Tile { value: number(done), label: "em dia", note: part(done) },
        Tile {
            value: number(findings.rows_to_fix()),
            label: "a corrigir ou conferir",
            note: part(findings.rows_to_fix()),
        },
    ];
    let not_sent = count(Situacao::NaoEnviado);
    if not_sent > 0 {
        tiles.push(Tile { value: number(not_sent), label: "não enviadas", note: part(not_sent) });
    }
    if let Some(facts) = facts {
        tiles.push(Tile {
            value: number(facts.requisicoes),
            label: "requisições",
            note: format!(
                "{}, {} além do limite",
                counted(facts.repeticoes, "repetição", "repetições"),
                number(facts.limitadas_429)
            ),
        });
    }
    let seconds = match (facts, findings.span) {
        (Some(facts), _) => Some((facts.duracao_s, "do início ao último resultado")),
        (None, Some((first, last))) => {
            Some((last.duration_since(first).as_secs_f64(), "do primeiro ao último resultado"))
        }
        (None, None) => None,
    };
    if let Some((seconds, note)) = seconds {
        let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        tiles.push(Tile {
            value: duration_words(duration),
            label: "de duração",
            note: note.to_owned(),
        });
    }
    tiles
}

fn outcomes(findings: &ResultStats) -> Vec<OutcomeRow> {
    let all = findings.rows();
    let mut x = 0.0;
    Situacao::ALL
        .into_iter()
        .filter_map(|situacao| {
            let n = findings.counts[situacao.index()];
            if n == 0 {
                return None;
            }
            let width = (n as f64 * 10_000.0 / all as f64).round() / 10.0;
            let row = OutcomeRow {
                situacao: situacao.as_str(),
                meaning: meaning(situacao),
                count: number(n),
                percent: percent(n, all),
                x,
                // What is there must be seen.
                width: width.max(3.0),
            };
            x += width;
            Some(row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::html_report::stats::Entry;

    fn clock() -> Clock {
        Clock::new(TimeZone::get("America/Sao_Paulo").unwrap())
    }

    fn findings(rows: &[(Situacao, &str, u64)]) -> ResultStats {
        let mut findings = ResultStats::default();
        for ((situacao, mensagem, second), linha) in rows.iter().zip(2..) {
            findings.add(&Entry {
                linha,
                identificador: "ana@exemplo.com.br",
                tipo_identificador: "E",
                situacao: *situacao,
                mensagem,
                tentativas: u32::from(*situacao == Situacao::Atualizado),
                duracao_ms: 100 + second,
                concluido_em: jiff::Timestamp::from_second(1_795_493_106 + *second as i64).unwrap(),
            });
        }
        findings
    }

    fn rows() -> Vec<(Situacao, &'static str, u64)> {
        let mut rows: Vec<_> = (0..60).map(|n| (Situacao::Atualizado, "ok", n / 3)).collect();
        rows.push((Situacao::Inalterado, "", 20));
        rows.push((Situacao::Recusado, "Cliente não encontrado.", 20));
        rows.push((Situacao::Invalido, "nome: \"a\" passa de 250 caracteres", 20));
        rows.push((Situacao::Invalido, "nome: \"b\" passa de 250 caracteres", 21));
        rows.push((Situacao::NaoEnviado, "Não enviado.", 21));
        rows
    }

    /// The page without style sheet and pictures, a tag a line.
    fn text(page: &str) -> String {
        let mut text = String::new();
        let mut rest = page;
        while let Some(start) = rest.find("<style>").into_iter().chain(rest.find("<svg")).min() {
            text.push_str(&rest[..start]);
            let end = if rest[start..].starts_with("<svg") { "</svg>" } else { "</style>" };
            rest = rest[start..].split_once(end).unwrap().1;
        }
        text.push_str(rest);
        text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_page_from_results_alone_fakes_nothing() {
        let page = html(&findings(&rows()), None, "clientes.resultado.csv", &clock()).unwrap();
        insta::assert_snapshot!("so_resultados", text(&page));
    }

    #[test]
    fn a_page_with_a_summary_tells_the_rest() {
        let facts = serde_json::json!({
            "versao": 1, "entrada": "clientes.csv", "linhas": 65, "situacoes": {},
            "requisicoes": 1234, "repeticoes": 2, "limitadas_429": 1, "duracao_s": 21.5,
            "por_minuto": [{"minuto": 0, "aceitas": 60, "limitadas_429": 1, "repeticoes": 2}],
            "resultados": "clientes.resultado.csv", "rejeitados": "clientes.rejeitados.csv",
            "codigo_saida": 130, "motivo": "interrompido por SIGINT (Ctrl-C)",
            "inicio": "2026-11-24T04:05:05.500Z", "programa": "0.0.0",
            "configuracao": {"rate": 2.5, "ledger": "/x/ledger.db", "sandbox": true},
        });
        let facts = RunFacts::parse(&facts.to_string(), "x").unwrap();
        let page = html(&findings(&rows()), Some(&facts), "", &clock()).unwrap();
        insta::assert_snapshot!("com_resumo", text(&page));
    }

    #[test]
    fn the_next_step_fits_what_happened_and_what_is_remembered() {
        let facts = |code: u8, settings: Value| {
            let facts = serde_json::json!({
                "versao": 1, "entrada": "c.csv", "linhas": 1, "situacoes": {}, "requisicoes": 1,
                "repeticoes": 0, "limitadas_429": 0, "duracao_s": 1.0, "por_minuto": [],
                "resultados": "r.csv", "rejeitados": "j.csv", "codigo_saida": code,
                "motivo": null, "configuracao": settings,
            });
            RunFacts::parse(&facts.to_string(), "x").unwrap()
        };
        let settings = [
            ("com registro", serde_json::json!({"ledger": "/l.db", "full": false})),
            ("--full", serde_json::json!({"ledger": "/l.db", "full": true})),
            ("sem registro", serde_json::json!({"ledger": null})),
            ("ensaio", serde_json::json!({"ledger": null, "sandbox": true})),
        ];
        use Situacao::{Atualizado, Falhou, Incerto, Invalido, NaoEnviado};
        let mut told = String::new();
        for (code, situacoes) in [
            (exit_code::ROWS_TO_FIX, &[Invalido, NaoEnviado][..]),
            (exit_code::REFUSED, &[NaoEnviado]),
            (exit_code::TEMPORARY, &[Atualizado, Falhou]),
            (exit_code::UNCERTAIN, &[Incerto]),
            (exit_code::UNCERTAIN, &[Incerto, NaoEnviado]),
            (130, &[Incerto, NaoEnviado]),
        ] {
            let rows: Vec<_> = situacoes.iter().map(|situacao| (*situacao, "x", 1)).collect();
            for (what, settings) in &settings {
                let verdict = verdict(code, &findings(&rows), Some(&facts(code, settings.clone())));
                told.push_str(&format!("[{code}, {what}] {}\n", verdict.next));
            }
        }
        let falhou = findings(&[(Falhou, "x", 1)]);
        told.push_str(&format!("[4, só os resultados] {}", verdict(4, &falhou, None).next));
        insta::assert_snapshot!("proximo_passo", told);
    }

    #[test]
    fn a_run_of_nothing_has_a_page() {
        let page = html(&ResultStats::default(), None, "vazio.csv", &clock()).unwrap();
        assert!(page.contains("O arquivo não tem linhas."));
        assert!(!page.contains("NaN"), "{page}");
    }

    #[test]
    fn the_page_is_bounded_whatever_the_rows_say() {
        let mut findings = ResultStats::default();
        let long = "\u{1f9e8}<&\"'>".repeat(2_000);
        for linha in 0..20_000 {
            let mensagem = format!("{linha}{long}");
            findings.add(&Entry {
                linha,
                identificador: &long,
                tipo_identificador: &long,
                situacao: Situacao::Recusado,
                mensagem: &mensagem,
                tentativas: 1,
                duracao_ms: linha * linha * 997,
                concluido_em: jiff::Timestamp::from_second(linha as i64 * 100_003).unwrap(),
            });
        }
        let page = html(&findings, None, &long, &clock()).unwrap();
        assert!(page.len() < 2_000_000, "{}", page.len());
    }
}
