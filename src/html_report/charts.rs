//! The three charts: the data, text and table of each. Their geometry is [`super::chart`]'s.

use jiff::Timestamp;

use super::chart::{Chart, Plot};
use super::format::{amount, interval, millis};
use super::stats::{Bin, ResultStats};
use super::time_axis::{MAX_TICKS, TimeAxis};
use crate::locale::format::number;
use crate::output::RunSummary;
use crate::scheduler::Rate;

/// Fewer response times are no distribution.
const MIN_LATENCIES: u64 = 2;

pub struct Figure {
    pub title: &'static str,
    pub chart: Chart,
    /// What the vertical axis counts.
    pub unit: &'static str,
    /// Class of the style sheet for the bars.
    pub bars: &'static str,
    /// What a screen reader says instead of the picture.
    pub label: String,
    pub note: String,
    /// The legend, where there are several colours: class of the style sheet and name.
    pub legend: Vec<(&'static str, String)>,
    pub head: Vec<&'static str>,
    /// Rows of the table of values.
    pub rows: Vec<Vec<String>>,
}

/// The limit in requests a minute, and its text for the legend: it is the run's or the documented one.
fn rate_limit(summary: Option<&RunSummary>) -> Option<(f64, String)> {
    let known = summary.and_then(|summary| summary.setting("rate"));
    let per_second = match known {
        Some(rate) => rate.as_f64(),
        None => Rate::DEFAULT.per_second(),
    }?;
    let per_minute = per_second * 60.0;
    let whose =
        if known.is_some() { "limite da execução" } else { "limite documentado da conta" };
    Some((per_minute, format!("{whose}: {} por minuto", amount(per_minute))))
}

/// Rows accepted a minute and the limit; `None` when no row was accepted.
pub fn accepted(
    stats: &ResultStats,
    summary: Option<&RunSummary>,
    axis: &TimeAxis,
) -> Option<Figure> {
    let (first, last) = stats.accepted_span?;
    let intervals = axis.intervals(10);
    let counts = stats.accepted.counts(intervals.count, |second| intervals.place(second));
    let per_minute = |n: &u64| *n as f64 * 60.0 / intervals.width as f64;
    let heights: Vec<f64> = counts.iter().map(per_minute).collect();
    let best = heights.iter().copied().fold(0.0, f64::max);
    let mean = mean(last.duration_since(first).as_secs_f64(), counts.iter().sum())
        .filter(|mean| *mean <= best)
        .map_or_else(String::new, |mean| format!("Em média, {} por minuto. ", amount(mean)));
    let best = amount(best);
    let limit = rate_limit(summary);
    let chart = Plot {
        x: axis.range(),
        ticks: axis.ticks(),
        bars: axis.bars(&intervals, &heights),
        limit: limit.as_ref().map(|(per_minute, _)| *per_minute),
        ..Plot::default()
    }
    .draw();
    let width = interval(intervals.width);
    let mut label = format!(
        "Gráfico de barras: linhas aceitas por minuto, {}, em intervalos de {width}; no melhor intervalo, {best}",
        axis.in_words()
    );
    let mut legend = vec![("bar", format!("linhas aceitas (média a cada {width})"))];
    if let Some((_, text)) = limit {
        label.push_str(&format!("; {text}"));
        legend.push(("limit", text));
    }
    Some(Figure {
        title: "Linhas aceitas por minuto",
        chart,
        unit: "linhas por minuto",
        bars: "bar",
        label,
        note: format!(
            "{mean}No melhor intervalo, {best} por minuto. O último intervalo pode não estar cheio."
        ),
        legend,
        head: vec!["a partir de", "linhas aceitas", "por minuto"],
        rows: axis.rows(&intervals, |index| vec![number(counts[index]), amount(heights[index])]),
    })
}

/// The mean of accepted rows a minute, from the first to the last. Nothing for less than a minute:
/// the best of a few intervals, none of them full, would be less than the mean.
fn mean(seconds: f64, accepted: u64) -> Option<f64> {
    // Between n rows lie n − 1 intervals.
    (accepted > 2 && seconds >= 60.0).then(|| (accepted - 1) as f64 * 60.0 / seconds)
}

/// The response times; `None` when too few rows were sent exactly once to show more than a number.
pub fn latency(stats: &ResultStats) -> Option<Figure> {
    let latencies = &stats.latencies;
    if latencies.total() < MIN_LATENCIES {
        return None;
    }
    let [half, most, nearly] = [50, 95, 99].map(|percent| latencies.percentile(percent));
    let [half, most, nearly] = [half?, most?, nearly?].map(millis);
    let longest = millis(latencies.longest());
    let bins = latencies.bins();
    let width = bins.first().and_then(|bin| bin.to).unwrap_or(1);
    let end = bins.iter().filter_map(|bin| bin.to).max().unwrap_or(width);
    let upper = |bin: &Bin| bin.to.unwrap_or(end + width);
    // One label less, because both ends of the axis have one.
    let step = (end / width).div_ceil(MAX_TICKS as u64 - 1).max(1) * width;
    let ticks = (0..)
        .map(|index| index * step)
        .take_while(|ms| *ms <= end)
        .map(|ms| (ms as f64, millis(ms)))
        .collect();
    let chart = Plot {
        x: 0.0..bins.iter().map(upper).max().unwrap_or(width) as f64,
        ticks,
        bars: bins
            .iter()
            .map(|bin| (bin.from as f64, upper(bin) as f64, bin.count as f64))
            .collect(),
        ..Plot::default()
    }
    .draw();
    let rest = match bins.last() {
        Some(Bin { from, to: None, .. }) => {
            format!(" A última barra reúne tudo a partir de {}.", millis(*from))
        }
        _ => String::new(),
    };
    Some(Figure {
        title: "Tempo de resposta",
        chart,
        unit: "linhas",
        bars: "bar",
        label: format!(
            "Histograma: número de linhas por tempo de resposta, em intervalos de {}; metade em até {half}, 95 % em até {most}, a mais demorada {longest}",
            millis(width)
        ),
        note: format!(
            "Metade das respostas veio em até {half}; 95 % em até {most}; 99 % em até {nearly}; a mais demorada levou {longest}. Contam as linhas com uma só tentativa ({}); onde uma delas foi adiada por um 429, a espera está no tempo.{rest}",
            number(latencies.total())
        ),
        legend: Vec::new(),
        head: vec!["de", "a menos de", "linhas"],
        rows: bins
            .iter()
            .map(|bin| {
                let to = bin.to.map_or_else(|| "–".to_owned(), millis);
                vec![millis(bin.from), to, number(bin.count)]
            })
            .collect(),
    })
}

/// Requests over the limit and repeats; `None` when there were none.
pub fn limited(summary: &RunSummary, axis: &TimeAxis) -> Option<Figure> {
    if summary.limitadas_429 == 0 && summary.repeticoes == 0 {
        return None;
    }
    let begun: Option<Timestamp> = summary.inicio.as_deref().and_then(|at| at.parse().ok());
    let begun = begun.map_or(axis.start(), Timestamp::as_second);
    let intervals = axis.intervals(60);
    let mut limited = vec![0; intervals.count];
    let mut repeated = vec![0; intervals.count];
    for minute in &summary.por_minuto {
        let since = i64::try_from(minute.minuto).unwrap_or(i64::MAX).saturating_mul(60);
        let place = intervals.place(begun.saturating_add(since));
        limited[place] += minute.limitadas_429;
        repeated[place] += minute.repeticoes;
    }
    let bars = |counts: &[u64]| {
        let heights: Vec<f64> = counts.iter().map(|n| *n as f64).collect();
        axis.bars(&intervals, &heights)
    };
    let steps = bars(&repeated).into_iter().flat_map(|(from, to, n)| [(from, n), (to, n)]);
    let chart = Plot {
        x: axis.range(),
        ticks: axis.ticks(),
        bars: bars(&limited),
        line: steps.collect(),
        ..Plot::default()
    }
    .draw();
    let width = interval(intervals.width);
    let [total, repeats] = [summary.limitadas_429, summary.repeticoes].map(number);
    Some(Figure {
        title: "Além do limite e repetições",
        chart,
        unit: "requisições",
        bars: "limited",
        label: format!(
            "Gráfico de barras e linha: requisições além do limite e repetições, {}, em intervalos de {width}; no total {total} além do limite e {repeats} repetições",
            axis.in_words()
        ),
        note: format!(
            "{} requisições ao todo. Uma requisição além do limite (HTTP 429) foi só adiada: nenhuma linha se perde por isso. Repetição é uma nova tentativa depois de uma sem resposta clara.",
            number(summary.requisicoes)
        ),
        legend: vec![
            ("limited", format!("além do limite, 429 (a cada {width})")),
            ("line", format!("repetições (a cada {width})")),
        ],
        head: vec!["a partir de", "além do limite (429)", "repetições"],
        rows: axis.rows(&intervals, |index| vec![number(limited[index]), number(repeated[index])]),
    })
}
