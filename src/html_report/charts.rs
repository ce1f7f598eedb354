//! The three charts: what each shows, in figures, words and a table. How a chart is drawn is
//! [`super::chart`]'s.

use super::chart::{Drawn, Plot};
use super::facts::RunFacts;
use super::ticks::{Tick, times};
use super::words::{Clock, amount, millis, stretch};
use crate::html_report::stats::{Bin, ResultStats, Series, Timeline};
use crate::output::number;
use crate::scheduler::Rate;

/// Stretches of time in a chart.
const STRETCHES: usize = 150;

/// A chart with its words.
pub struct Figure {
    /// The picture.
    pub drawn: Drawn,
    /// What a screen reader says instead of the picture.
    pub label: String,
    /// What stands under it.
    pub note: String,
    /// Names of the colours, where there are several: a class of the style sheet, and the name.
    pub legend: Vec<(&'static str, String)>,
    /// The figures: header, then rows.
    pub head: Vec<&'static str>,
    /// A row each.
    pub rows: Vec<Vec<String>>,
}

/// The account's limit, and whether the run said so.
struct Limit {
    per_minute: f64,
    words: String,
}

fn limit(facts: Option<&RunFacts>) -> Option<Limit> {
    let known = facts.and_then(|facts| facts.setting("rate"));
    let per_second = match known {
        Some(rate) => rate.as_f64(),
        None => Rate::DEFAULT.per_second(),
    }?;
    let per_minute = per_second * 60.0;
    let words = match known {
        Some(_) => format!("limite da execução: {} por minuto", amount(per_minute)),
        None => format!("limite documentado da conta: {} por minuto", amount(per_minute)),
    };
    Some(Limit { per_minute, words })
}

/// Rows accepted a minute, against the limit; `None` when none was.
pub fn accepted(findings: &ResultStats, facts: Option<&RunFacts>, clock: &Clock) -> Option<Figure> {
    let series = findings.accepted.series(STRETCHES, 10)?;
    let per_minute = |n: u64| n as f64 * 60.0 / series.width as f64;
    let limit = limit(facts);
    let heights: Vec<f64> = series.counts.iter().map(|n| per_minute(*n)).collect();
    let best = heights.iter().copied().fold(0.0, f64::max);
    let total: u64 = series.counts.iter().sum();
    let mean = mean(findings, total);
    let axis = Axis::new(&series, Some(clock));
    let drawn = Plot {
        x: axis.range(),
        ticks: &|most| axis.ticks(most),
        unit: "linhas por minuto",
        bars: axis.bars(heights.iter().copied()),
        bad: false,
        line: Vec::new(),
        level: limit.as_ref().map(|limit| limit.per_minute),
    }
    .draw();
    let width = stretch(series.width);
    let mut label = format!(
        "Gráfico de barras: linhas aceitas por minuto, de {} a {}, em intervalos de {width}; no melhor intervalo, {}",
        axis.from(),
        axis.to(),
        amount(best)
    );
    let mut legend = vec![("bar", format!("linhas aceitas (média a cada {width})"))];
    if let Some(limit) = limit {
        label.push_str(&format!("; {}", limit.words));
        legend.push(("level", limit.words));
    }
    Some(Figure {
        drawn,
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

/// Accepted rows a minute from the first to the last, where there are enough to say. Below a minute
/// there are not: the best of a few stretches, none of them full, would be less than the mean.
fn mean(findings: &ResultStats, accepted: u64) -> String {
    let Some((first, last)) = findings.accepted_span else { return String::new() };
    let minutes = last.duration_since(first).as_secs_f64() / 60.0;
    if accepted < 3 || minutes < 1.0 {
        return String::new();
    }
    // Between n rows lie n − 1 intervals.
    format!("Em média, {} por minuto. ", amount((accepted - 1) as f64 / minutes))
}

/// How long answers took; `None` when none came at the first attempt.
pub fn latency(findings: &ResultStats) -> Option<Figure> {
    let latencies = &findings.latencies;
    let [half, most, nearly] = [50, 95, 99].map(|percent| latencies.percentile(percent));
    let [half, most, nearly] = [half?, most?, nearly?].map(millis);
    let longest = millis(latencies.longest());
    let bins = latencies.bins();
    let width = bins.first().and_then(|bin| bin.to).unwrap_or(1);
    let end = bins.iter().filter_map(|bin| bin.to).max().unwrap_or(width);
    let upper = |bin: &Bin| bin.to.unwrap_or(end + width);
    let ticks = |count: usize| {
        let regular = usize::try_from(end / width).unwrap_or(1);
        let every = regular.div_ceil(count).max(1) as u64;
        (0..)
            .map(|index| index * every * width)
            .take_while(|ms| *ms <= end)
            .map(|ms| (ms as f64, millis(ms)))
            .collect()
    };
    let drawn = Plot {
        x: 0.0..bins.iter().map(upper).max().unwrap_or(width) as f64,
        ticks: &ticks,
        unit: "linhas",
        bars: bins
            .iter()
            .map(|bin| (bin.from as f64, upper(bin) as f64, bin.count as f64))
            .collect(),
        bad: false,
        line: Vec::new(),
        level: None,
    }
    .draw();
    let rest = match bins.last() {
        Some(Bin { from, to: None, .. }) => {
            format!(" A última barra reúne tudo a partir de {}.", millis(*from))
        }
        _ => String::new(),
    };
    Some(Figure {
        drawn,
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

/// Requests over the limit, and repeats; `None` when there was neither.
pub fn limited(facts: &RunFacts, clock: &Clock) -> Option<Figure> {
    if facts.limitadas_429 == 0 && facts.repeticoes == 0 {
        return None;
    }
    let start = facts.inicio();
    let origin = start.map_or(0, |at| at.as_second());
    let (mut limited, mut repeated) = (Timeline::default(), Timeline::default());
    for minute in &facts.por_minuto {
        // Beyond a century of minutes somebody has made them up.
        let second = origin + i64::try_from(minute.minuto.min(60_000_000)).unwrap_or(0) * 60;
        limited.add(second, minute.limitadas_429);
        repeated.add(second, minute.repeticoes);
    }
    let (limited, repeated) = (limited.series(STRETCHES, 60)?, repeated.series(STRETCHES, 60)?);
    let axis = Axis::new(&limited, start.map(|_| clock));
    let drawn = Plot {
        x: axis.range(),
        ticks: &|most| axis.ticks(most),
        unit: "requisições",
        bars: axis.bars(limited.counts.iter().map(|n| *n as f64)),
        bad: true,
        line: axis
            .bars(repeated.counts.iter().map(|n| *n as f64))
            .into_iter()
            .flat_map(|(from, to, n)| [(from, n), (to, n)])
            .collect(),
        level: None,
    }
    .draw();
    let width = stretch(limited.width);
    let [total, repeats] = [facts.limitadas_429, facts.repeticoes].map(number);
    Some(Figure {
        drawn,
        label: format!(
            "Gráfico de barras e linha: requisições além do limite e repetições, de {} a {}, em intervalos de {width}; no total {total} além do limite e {repeats} repetições",
            axis.from(),
            axis.to()
        ),
        note: format!(
            "{} requisições ao todo. Uma requisição além do limite (HTTP 429) foi só adiada: nenhuma linha se perde por isso. Repetição é uma nova tentativa depois de uma sem resposta clara.",
            number(facts.requisicoes)
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

/// The horizontal axis of a series: by the clock, or since the start.
struct Axis<'a> {
    start: i64,
    width: i64,
    stretches: usize,
    clock: Option<&'a Clock>,
}

impl<'a> Axis<'a> {
    fn new(series: &Series, clock: Option<&'a Clock>) -> Self {
        let stretches = series.counts.len();
        Self { start: series.start, width: series.width, stretches, clock }
    }

    fn second(&self, index: usize) -> i64 {
        self.start + self.width * i64::try_from(index).unwrap_or(0)
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.start as f64..self.second(self.stretches) as f64
    }

    fn ticks(&self, most: usize) -> Vec<Tick> {
        times(self.start, self.second(self.stretches), most, self.clock)
    }

    fn bars(&self, heights: impl Iterator<Item = f64>) -> Vec<(f64, f64, f64)> {
        heights
            .enumerate()
            .map(|(index, height)| {
                (self.second(index) as f64, self.second(index + 1) as f64, height)
            })
            .collect()
    }

    fn words(&self, second: i64) -> String {
        match (self.clock, jiff::Timestamp::from_second(second)) {
            (Some(clock), Ok(at)) => clock.format(at, "%d/%m/%Y %H:%M:%S"),
            _ => format!("{} do início", stretch(second)),
        }
    }

    fn from(&self) -> String {
        self.words(self.start)
    }

    fn to(&self) -> String {
        self.words(self.second(self.stretches))
    }

    fn rows(&self, cells: impl Fn(usize) -> Vec<String>) -> Vec<Vec<String>> {
        (0..self.stretches)
            .map(|index| {
                let mut row = vec![self.words(self.second(index))];
                row.extend(cells(index));
                row
            })
            .collect()
    }
}
