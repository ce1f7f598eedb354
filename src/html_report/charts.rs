//! The three charts: the data, text and table of each. Their geometry is [`super::chart`]'s.

use jiff::Timestamp;

use super::chart::{Chart, MAX_TICKS, Plot};
use super::format::{Clock, amount, interval, millis};
use super::stats::{Bin, ResultStats, Series, Timeline};
use super::ticks::{Tick, times};
use crate::locale::format::number;
use crate::output::RunSummary;
use crate::scheduler::Rate;

/// The most intervals of a time axis.
const MAX_INTERVALS: usize = 150;

pub struct Figure {
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
    clock: &Clock,
) -> Option<Figure> {
    let series = stats.accepted.series(MAX_INTERVALS, 10)?;
    let per_minute = |n: u64| n as f64 * 60.0 / series.width as f64;
    let limit = rate_limit(summary);
    let heights: Vec<f64> = series.counts.iter().map(|n| per_minute(*n)).collect();
    let best = heights.iter().copied().fold(0.0, f64::max);
    let total: u64 = series.counts.iter().sum();
    let mean = mean(stats, total);
    let axis = TimeAxis::new(&series, Some(clock));
    let chart = Plot {
        x: axis.range(),
        ticks: axis.ticks(),
        bars: axis.bars(heights.iter().copied()),
        limit: limit.as_ref().map(|(per_minute, _)| *per_minute),
        ..Plot::default()
    }
    .draw();
    let width = interval(series.width);
    let mut label = format!(
        "Gráfico de barras: linhas aceitas por minuto, {}, em intervalos de {width}; no melhor intervalo, {}",
        axis.in_words(),
        amount(best)
    );
    let mut legend = vec![("bar", format!("linhas aceitas (média a cada {width})"))];
    if let Some((_, text)) = limit {
        label.push_str(&format!("; {text}"));
        legend.push(("limit", text));
    }
    Some(Figure {
        chart,
        unit: "linhas por minuto",
        bars: "bar",
        label,
        note: format!(
            "{mean}No melhor intervalo, {} por minuto. O primeiro e o último intervalo podem não estar cheios.",
            amount(best)
        ),
        legend,
        head: vec!["a partir de", "linhas aceitas", "por minuto"],
        rows: axis.rows(|index| vec![number(series.counts[index]), amount(heights[index])]),
    })
}

/// The mean of accepted rows a minute, from the first to the last. Nothing for less than a minute:
/// the best of a few intervals, none of them full, would be less than the mean.
fn mean(stats: &ResultStats, accepted: u64) -> String {
    let Some((first, last)) = stats.accepted_span else { return String::new() };
    let minutes = last.duration_since(first).as_secs_f64() / 60.0;
    if accepted < 3 || minutes < 1.0 {
        return String::new();
    }
    // Between n rows lie n − 1 intervals.
    format!("Em média, {} por minuto. ", amount((accepted - 1) as f64 / minutes))
}

/// The response times; `None` when no row was sent exactly once.
pub fn latency(stats: &ResultStats) -> Option<Figure> {
    let latencies = &stats.latencies;
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
pub fn limited(summary: &RunSummary, clock: &Clock) -> Option<Figure> {
    if summary.limitadas_429 == 0 && summary.repeticoes == 0 {
        return None;
    }
    let start: Option<Timestamp> = summary.inicio.as_deref().and_then(|at| at.parse().ok());
    let origin = start.map_or(0, |at| at.as_second());
    let (mut limited, mut repeated) = (Timeline::default(), Timeline::default());
    for minute in &summary.por_minuto {
        // A century of minutes bounds the memory.
        let second = origin + i64::try_from(minute.minuto.min(60_000_000)).unwrap_or(0) * 60;
        limited.add(second, minute.limitadas_429);
        repeated.add(second, minute.repeticoes);
    }
    let (limited, repeated) =
        (limited.series(MAX_INTERVALS, 60)?, repeated.series(MAX_INTERVALS, 60)?);
    let axis = TimeAxis::new(&limited, start.map(|_| clock));
    let chart = Plot {
        x: axis.range(),
        ticks: axis.ticks(),
        bars: axis.bars(limited.counts.iter().map(|n| *n as f64)),
        line: axis
            .bars(repeated.counts.iter().map(|n| *n as f64))
            .into_iter()
            .flat_map(|(from, to, n)| [(from, n), (to, n)])
            .collect(),
        ..Plot::default()
    }
    .draw();
    let width = interval(limited.width);
    let [total, repeats] = [summary.limitadas_429, summary.repeticoes].map(number);
    Some(Figure {
        chart,
        unit: "requisições",
        bars: "bad",
        label: format!(
            "Gráfico de barras e linha: requisições além do limite e repetições, {}, em intervalos de {width}; no total {total} além do limite e {repeats} repetições",
            axis.in_words()
        ),
        note: format!(
            "{} requisições ao todo. Uma requisição além do limite (HTTP 429) foi só adiada: nenhuma linha se perde por isso. Repetição é uma nova tentativa depois de uma sem resposta clara.",
            number(summary.requisicoes)
        ),
        legend: vec![
            ("bad", format!("além do limite, 429 (a cada {width})")),
            ("line", format!("repetições (a cada {width})")),
        ],
        head: vec!["a partir de", "além do limite (429)", "repetições"],
        rows: axis.rows(|index| {
            let repeated = repeated.counts.get(index).copied().unwrap_or(0);
            vec![number(limited.counts[index]), number(repeated)]
        }),
    })
}

/// The time axis of a series: local times, or without a clock the time since the start.
struct TimeAxis<'a> {
    start: i64,
    width: i64,
    intervals: usize,
    clock: Option<&'a Clock>,
}

impl<'a> TimeAxis<'a> {
    fn new(series: &Series, clock: Option<&'a Clock>) -> Self {
        let intervals = series.counts.len();
        Self { start: series.start, width: series.width, intervals, clock }
    }

    fn second(&self, index: usize) -> i64 {
        self.start + self.width * i64::try_from(index).unwrap_or(0)
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.start as f64..self.second(self.intervals) as f64
    }

    fn ticks(&self) -> Vec<Tick> {
        times(self.start, self.second(self.intervals), MAX_TICKS, self.clock)
    }

    fn bars(&self, heights: impl Iterator<Item = f64>) -> Vec<(f64, f64, f64)> {
        heights
            .enumerate()
            .map(|(index, height)| {
                (self.second(index) as f64, self.second(index + 1) as f64, height)
            })
            .collect()
    }

    fn text(&self, second: i64) -> String {
        match (self.clock, Timestamp::from_second(second)) {
            (Some(clock), Ok(at)) => clock.moment(at),
            _ => format!("{} do início", interval(second)),
        }
    }

    /// `de … a …`.
    fn in_words(&self) -> String {
        format!("de {} a {}", self.text(self.start), self.text(self.second(self.intervals)))
    }

    fn rows(&self, cells: impl Fn(usize) -> Vec<String>) -> Vec<Vec<String>> {
        (0..self.intervals)
            .map(|index| {
                let mut row = vec![self.text(self.second(index))];
                row.extend(cells(index));
                row
            })
            .collect()
    }
}
