//! Statistics and summary → the texts of the page → HTML, through `templates/relatorio.html`.
//!
//! Text from outside is cut and freed of control characters here or before; the template escapes it.

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;

use super::charts::{self, Figure};
use super::error::ReportError;
use super::format::{Clock, percent};
use super::repair::{Chore, chores, lines, word};
use super::settings::{self, Setting};
use super::stats::ResultStats;
use super::time_axis::TimeAxis;
use super::verdict::{RunVerdict, verdict};
use crate::exit_code;
use crate::locale::format::{capital, counted, duration_words, number};
use crate::model::Situacao;
use crate::output::{RunSummary, excerpt, meaning};

/// Lists of at most this many rows are not folded.
const MAX_OPEN: usize = 12;
/// Characters of a path or a reason that are shown.
const TEXT_LENGTH: usize = 400;

#[derive(Template)]
#[template(path = "relatorio.html")]
struct ReportPage {
    name: String,
    rehearsal: bool,
    verdict: RunVerdict,
    when: Option<String>,
    zone: Option<String>,
    tiles: Vec<Tile>,
    rows: String,
    outcomes: Vec<OutcomeRow>,
    figures: Vec<Figure>,
    /// Characters of the longest vertical label, so that the axes stand below one another.
    gutter: usize,
    chores: Vec<Chore>,
    /// Whether the lists of rows begin unfolded.
    open: bool,
    /// Whether the counts of messages are lower bounds.
    partial_messages: bool,
    rejects: Option<String>,
    settings: Vec<Setting>,
    program: Option<String>,
}

struct Tile {
    value: String,
    label: &'static str,
    note: String,
}

struct OutcomeRow {
    situacao: &'static str,
    word: String,
    meaning: &'static str,
    count: String,
    percent: String,
    /// Its place in the bar, which is 1000 wide.
    x: String,
    width: String,
}

/// Makes the page. `name` is the name of the results file, used where no summary names the input.
pub fn html(
    stats: &ResultStats,
    summary: Option<&RunSummary>,
    name: &str,
    clock: &Clock,
) -> Result<String, ReportError> {
    let code = summary
        .map_or_else(|| exit_code::of_run(None, &stats.counts, 0), |summary| summary.codigo_saida);
    // In a run that did not end early, rows that were not sent were left out by `--limit` or `--only`.
    let left_out = summary.is_some_and(|summary| summary.motivo.is_none());
    let axis = TimeAxis::of(stats, summary, clock);
    let axis = axis.as_ref();
    let figures: Vec<Figure> = [
        axis.and_then(|axis| charts::accepted(stats, summary, axis)),
        axis.zip(summary).and_then(|(axis, summary)| charts::limited(summary, axis)),
        charts::latency(stats),
    ]
    .into_iter()
    .flatten()
    .collect();
    let name = match summary.map_or(name, |summary| &summary.entrada) {
        "-" => "entrada padrão",
        name => name,
    };
    let page = ReportPage {
        name: text(name),
        rehearsal: summary.is_some_and(RunSummary::is_rehearsal),
        verdict: verdict(code, &stats.counts, summary),
        when: stats.span.map(|(first, last)| {
            format!("de {} a {}", clock.moment(first), clock.until(first, last))
        }),
        zone: stats.span.map(|(first, _)| clock.zone(first)),
        tiles: tiles(stats, summary, left_out),
        rows: lines(stats.rows()),
        outcomes: outcomes(stats),
        gutter: figures.iter().map(|figure| figure.chart.gutter).max().unwrap_or(0),
        figures,
        chores: chores(stats, left_out),
        open: stats.to_fix.len() <= MAX_OPEN,
        partial_messages: stats.messages.is_partial(),
        rejects: summary.map(|summary| text(&summary.rejeitados)).filter(|path| path != "-"),
        settings: summary
            .and_then(|summary| summary.configuracao.as_ref())
            .map_or_else(Vec::new, settings::list),
        program: summary.and_then(|summary| summary.programa.as_deref()).map(text),
    };
    Ok(page.render()?)
}

fn text(said: &str) -> String {
    excerpt(said, TEXT_LENGTH)
}

fn tiles(stats: &ResultStats, summary: Option<&RunSummary>, left_out: bool) -> Vec<Tile> {
    let count = |situacao: Situacao| stats.counts[situacao.index()];
    let all = stats.rows();
    let done = count(Situacao::Atualizado) + count(Situacao::Inalterado);
    let part = |n: u64| format!("{} das linhas", percent(n, all));
    let tile = |value, label, note| Tile { value, label, note };
    let mut tiles = vec![tile(number(done), "em dia", part(done))];
    let not_sent = count(Situacao::NaoEnviado);
    let (again, chosen) = if left_out { (0, not_sent) } else { (not_sent, 0) };
    let again = again + count(Situacao::Falhou);
    let to_repair = count(Situacao::Recusado) + count(Situacao::Invalido);
    for (n, label) in [
        (count(Situacao::Incerto), "a conferir"),
        (to_repair, "a corrigir"),
        (again, "a enviar de novo"),
        (chosen, "fora desta execução"),
    ] {
        if n > 0 {
            tiles.push(tile(number(n), label, part(n)));
        }
    }
    if let Some(summary) = summary {
        let note = format!(
            "{}, {} além do limite",
            counted(summary.repeticoes, "repetição", "repetições"),
            number(summary.limitadas_429)
        );
        let requests = one_or_more(summary.requisicoes, "requisição", "requisições");
        tiles.push(tile(number(summary.requisicoes), requests, note));
        if let Some(retrato) = &summary.retrato {
            let differing = text(&retrato.differing());
            let saved =
                one_or_more(retrato.poupadas, "poupada pelo retrato", "poupadas pelo retrato");
            tiles.push(tile(number(retrato.poupadas), saved, differing));
        }
    }
    let between = |(first, last): (Timestamp, Timestamp)| last.duration_since(first).as_secs_f64();
    let seconds = match summary {
        Some(summary) => Some((summary.duracao_s, "do início ao último resultado")),
        None => stats.span.map(|span| (between(span), "do primeiro ao último resultado")),
    };
    if let Some((seconds, note)) = seconds {
        let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        tiles.push(tile(duration_words(duration), "de duração", note.to_owned()));
    }
    tiles
}

fn one_or_more(n: u64, one: &'static str, more: &'static str) -> &'static str {
    if n == 1 { one } else { more }
}

fn outcomes(stats: &ResultStats) -> Vec<OutcomeRow> {
    let all = stats.rows();
    let present = |situacao: &Situacao| stats.counts[situacao.index()] > 0;
    let present: Vec<Situacao> = Situacao::ALL.into_iter().filter(present).collect();
    // Even one row must be visible.
    let part =
        |situacao: &Situacao| (stats.counts[situacao.index()] as f64 / all as f64).max(0.006);
    let parts: f64 = present.iter().map(part).sum();
    let mut x = 0.0;
    let row = |situacao: Situacao| {
        let n = stats.counts[situacao.index()];
        let width = part(&situacao) / parts * 1_000.0;
        x += width;
        OutcomeRow {
            situacao: situacao.as_str(),
            word: capital(if n == 1 { word(situacao).0 } else { word(situacao).1 }),
            meaning: meaning(situacao, n),
            count: number(n),
            percent: percent(n, all),
            x: format!("{:.1}", x - width),
            width: format!("{width:.1}"),
        }
    };
    present.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::output::ResultLine;

    fn clock() -> Clock {
        Clock(TimeZone::get("America/Sao_Paulo").unwrap())
    }

    fn line(linha: u64, situacao: Situacao, text: &str, second: u64) -> ResultLine<'_> {
        ResultLine {
            linha,
            identificador: "ana@exemplo.com.br",
            tipo_identificador: "E",
            situacao,
            erro: situacao.erro(),
            mensagem: text,
            http_status: None,
            tentativas: u32::from(situacao == Situacao::Atualizado),
            duracao_ms: 100 + second,
            concluido_em: Timestamp::from_second(1_795_493_106 + second as i64).unwrap(),
            identificador_atual: "",
        }
    }

    fn stats(rows: &[(Situacao, &str, u64)]) -> ResultStats {
        let mut stats = ResultStats::default();
        for ((situacao, mensagem, second), linha) in rows.iter().zip(2..) {
            stats.add(&line(linha, *situacao, mensagem, *second));
        }
        stats
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
    fn a_page_from_results_alone_invents_nothing() {
        let page = html(&stats(&rows()), None, "clientes.resultado.csv", &clock()).unwrap();
        insta::assert_snapshot!("so_resultados", text(&page));
    }

    #[test]
    fn a_page_with_a_summary_tells_the_rest() {
        let summary = serde_json::json!({
            "versao": 1, "entrada": "clientes.csv", "linhas": 65, "situacoes": {},
            "requisicoes": 1234, "repeticoes": 2, "limitadas_429": 1, "duracao_s": 21.5,
            "por_minuto": [{"minuto": 0, "aceitas": 60, "limitadas_429": 1, "repeticoes": 2}],
            "resultados": "clientes.resultado.csv", "rejeitados": "clientes.rejeitados.csv",
            "codigo_saida": 130, "motivo": "interrompido por SIGINT (Ctrl-C)",
            "inicio": "2026-11-24T04:05:05.500Z", "programa": "0.0.0",
            "configuracao": {
                "rate": 2.5, "ledger": "/x/ledger.db", "sandbox": true, "full": false, "limit": null,
                "ignore": [], "map": {"E-mail": "email", "Nome": "nome"}, "novo": "x\u{1b}y",
                "max-age": "30d",
            },
        });
        let summary: RunSummary = serde_json::from_value(summary).unwrap();
        let page = html(&stats(&rows()), Some(&summary), "", &clock()).unwrap();
        insta::assert_snapshot!("com_resumo", text(&page));
    }
}
