//! The geometry of one chart: bars, perhaps a line, perhaps a limit. Coordinates only: the template
//! draws them as one SVG that stretches with the page, and sets the labels beside it as HTML text,
//! which does not. What a chart shows is [`super::charts`]'.

use std::fmt::Write;
use std::ops::Range;

use super::format::amount;
use super::ticks::{Tick, amounts};

/// Width and height of the SVG's coordinate system.
const SIZE: f64 = 1000.0;
/// The part of a bar's width that stays empty on each side.
const GAP: f64 = 0.06;
/// From this many bars on there are no gaps.
const MANY_BARS: usize = 112;

#[derive(Default)]
pub struct Plot {
    /// The ends of the horizontal axis.
    pub x: Range<f64>,
    pub ticks: Vec<Tick>,
    /// Start, end and height of each bar.
    pub bars: Vec<(f64, f64, f64)>,
    /// A line over the bars; empty for none.
    pub line: Vec<(f64, f64)>,
    pub limit: Option<f64>,
}

/// A chart as the template draws it.
pub struct Chart {
    /// SVG path of the bars.
    pub bars: String,
    /// SVG path of the line, or empty.
    pub line: String,
    /// Vertical coordinate of the limit.
    pub limit: Option<f64>,
    /// Labels of the horizontal axis, from the left, in per cent of its length.
    pub x_labels: Vec<Tick>,
    /// Labels of the vertical axis, from the bottom, likewise.
    pub y_labels: Vec<Tick>,
    /// Characters of the longest vertical label.
    pub gutter: usize,
}

impl Plot {
    pub fn draw(self) -> Chart {
        let highest = self.bars.iter().map(|bar| bar.2);
        let highest = highest.chain(self.line.iter().map(|point| point.1));
        let highest = highest.chain(self.limit).fold(0.0, f64::max);
        let marks = amounts(highest * 1.02, 4);
        let top = marks.last().copied().unwrap_or(1.0);
        let span = (self.x.end - self.x.start).max(1e-9);
        let x = |value: f64| round((value - self.x.start) / span * SIZE);
        let y = |value: f64| round(SIZE - value / top * SIZE);

        let gap = if self.bars.len() >= MANY_BARS { 0.0 } else { GAP };
        let mut bars = String::new();
        for (start, end, height) in self.bars.iter().filter(|bar| bar.2 > 0.0) {
            let gap = (end - start) * gap;
            let (left, right) = (x(start + gap), x(end - gap));
            let _ = write!(bars, "M{left} {SIZE}V{}H{right}V{SIZE}z", y(*height));
        }
        let mut line = String::new();
        for (at, value) in &self.line {
            let command = if line.is_empty() { 'M' } else { 'L' };
            let _ = write!(line, "{command}{} {}", x(*at), y(*value));
        }
        let x_label = |(at, text): Tick| (round(x(at) / SIZE * 100.0), text);
        let y_label = |mark: f64| (round(mark / top * 100.0), amount(mark));
        let y_labels: Vec<Tick> = marks.into_iter().map(y_label).collect();
        Chart {
            bars,
            line,
            limit: self.limit.map(y),
            x_labels: self.ticks.into_iter().map(x_label).collect(),
            gutter: y_labels.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0),
            y_labels,
        }
    }
}

/// To one decimal, which is less than a pixel.
fn round(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(height: f64, limit: Option<f64>) -> Chart {
        Plot {
            x: 0.0..60.0,
            ticks: vec![(0.0, "0".to_owned()), (45.0, "45".to_owned())],
            bars: vec![(0.0, 30.0, height), (30.0, 60.0, 100.0)],
            line: vec![(0.0, 50.0), (60.0, 100.0)],
            limit,
        }
        .draw()
    }

    #[test]
    fn bars_line_limit_and_labels_stand_where_their_values_are() {
        let chart = plot(174.0, Some(180.0));
        assert_eq!(chart.bars, "M30 1000V130H470V1000zM530 1000V500H970V1000z");
        assert_eq!(chart.line, "M0 750L1000 500");
        assert_eq!(chart.limit, Some(100.0));
        assert_eq!(chart.x_labels, [(0.0, "0".into()), (75.0, "45".into())]);
        let y = chart.y_labels;
        assert_eq!((&y[0], &y[4]), (&(0.0, "0".into()), &(100.0, "200".into())));
        assert_eq!(chart.gutter, 3);
    }

    #[test]
    fn extreme_numbers_give_a_picture_all_the_same() {
        for (height, limit) in [(0.0, None), (1e18, Some(1e-9))] {
            let chart = plot(height, limit);
            let text = format!("{}{}{:?}", chart.bars, chart.line, chart.limit);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}
