//! One chart as SVG text: bars, perhaps a line, perhaps a level. What it shows, and the words around
//! it, are [`super::charts`]'.
//!
//! The colours are those of the light theme; the page's style sheet knows exactly these and repaints
//! them in the dark. Text shrinks with an SVG, hence one for wide screens and one for phones.

use std::error::Error;
use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::ticks::{Tick, amounts};
use super::words::amount;

/// Axis labels.
const TEXT: RGBColor = RGBColor(0x57, 0x60, 0x6A);
/// Lines behind the bars.
const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
/// The axes.
const AXIS: RGBColor = RGBColor(0x8C, 0x95, 0x9F);
/// Bars.
const BAR: RGBColor = RGBColor(0x2F, 0x6F, 0xDE);
/// Bars of what should not be.
const BAD: RGBColor = RGBColor(0xC2, 0x55, 0x0A);
/// The line over the bars.
const LINE: RGBColor = RGBColor(0x7A, 0x3F, 0xC4);
/// The level not to be passed.
const LEVEL: RGBColor = RGBColor(0xB4, 0x23, 0x18);

/// plotters divides the size it is given by this.
const FONT_SCALE: f64 = 1.24;

/// What is drawn.
pub struct Plot<'a> {
    /// The ends of the horizontal axis.
    pub x: Range<f64>,
    /// The marks of the horizontal axis, at most so many.
    pub ticks: &'a dyn Fn(usize) -> Vec<Tick>,
    /// What the vertical axis counts.
    pub unit: &'a str,
    /// From, to, height.
    pub bars: Vec<(f64, f64, f64)>,
    /// Whether bars are bad news.
    pub bad: bool,
    /// A line over the bars.
    pub line: Vec<(f64, f64)>,
    /// A level not to be passed.
    pub level: Option<f64>,
}

/// A chart in both sizes.
pub struct Drawn {
    /// For wide screens and paper.
    pub wide: String,
    /// For phones.
    pub narrow: String,
}

struct Size {
    width: u32,
    height: u32,
    ticks: usize,
    labels: u32,
    /// Room at the right, for half of the last mark's words.
    edge: u32,
}

impl Plot<'_> {
    /// Draws it. Drawing into a string has nothing to fail at; should it all the same, there is no
    /// picture, and the figures beside it still stand.
    pub fn draw(&self) -> Drawn {
        let wide = Size { width: 920, height: 280, ticks: 9, labels: 72, edge: 40 };
        let narrow = Size { width: 360, height: 230, ticks: 4, labels: 62, edge: 42 };
        let [wide, narrow] = [wide, narrow].map(|size| self.svg(&size).unwrap_or_default());
        Drawn { wide, narrow }
    }

    fn svg(&self, size: &Size) -> Result<String, Box<dyn Error>> {
        let highest = self.bars.iter().map(|bar| bar.2);
        let highest = highest.chain(self.line.iter().map(|point| point.1));
        let highest = highest.chain(self.level).fold(0.0, f64::max);
        let marks = amounts(highest * 1.02, 4);
        let top = marks.last().copied().unwrap_or(1.0);
        let ticks = (self.ticks)(size.ticks);
        let font = |px: f64| ("sans-serif", px * FONT_SCALE).into_font().color(&TEXT);
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (size.width, size.height));
            let area = area.into_drawing_area();
            let x = Axis { range: self.x.clone(), ticks };
            let ticks = marks.into_iter().map(|mark| (mark, amount(mark))).collect();
            let y = Axis { range: 0.0..top, ticks };
            let mut chart = ChartBuilder::on(&area)
                .margin_top(10)
                .margin_right(size.edge)
                .margin_bottom(4)
                .x_label_area_size(30)
                .y_label_area_size(size.labels)
                .build_cartesian_2d(x, y)?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .bold_line_style(GRID)
                .light_line_style(TRANSPARENT)
                .axis_style(AXIS)
                .label_style(font(13.0))
                .axis_desc_style(font(13.0))
                .y_desc(self.unit)
                .draw()?;
            let fill = if self.bad { BAD } else { BAR };
            // A hair between bars, as far as they are wide enough to be told apart.
            let gap = if self.bars.len() > size.width as usize / 8 { 0.0 } else { 0.06 };
            chart.draw_series(self.bars.iter().filter(|bar| bar.2 > 0.0).map(|bar| {
                let gap = (bar.1 - bar.0) * gap;
                Rectangle::new([(bar.0 + gap, 0.0), (bar.1 - gap, bar.2)], fill.filled())
            }))?;
            if !self.line.is_empty() {
                chart.draw_series([PathElement::new(self.line.clone(), LINE.stroke_width(2))])?;
            }
            if let Some(level) = self.level {
                let points = [(self.x.start, level), (self.x.end, level)];
                let style = LEVEL.stroke_width(2);
                chart.draw_series([DashedPathElement::new(points, 7, 4, style)])?;
            }
            area.present()?;
        }
        Ok(svg)
    }
}

/// An axis whose marks and their words are given.
struct Axis {
    range: Range<f64>,
    ticks: Vec<Tick>,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start).max(1e-9);
        limit.0 + (f64::from(limit.1 - limit.0) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.iter().map(|tick| tick.0).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|tick| tick.0 == *value);
        tick.map_or_else(String::new, |tick| tick.1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The style sheet, which repaints colours by their value.
    const STYLE: &str = include_str!("../../templates/relatorio.css");

    #[test]
    fn the_style_sheet_knows_every_colour_and_foreign_numbers_do_no_harm() {
        for (height, level) in [(174.0, Some(180.0)), (0.0, None), (1e18, Some(1e-9))] {
            let drawn = Plot {
                x: 0.0..60.0,
                ticks: &|most| (0..most).map(|i| (i as f64 * 5.0, format!("{i}"))).collect(),
                unit: "linhas por minuto",
                bars: vec![(0.0, 30.0, height), (30.0, 60.0, 3.0)],
                bad: true,
                line: vec![(0.0, 1.0), (60.0, 2.0)],
                level,
            }
            .draw();
            for svg in [drawn.wide, drawn.narrow] {
                assert!(svg.contains("viewBox") && svg.contains("\nlinhas por minuto\n"), "{svg}");
                for (at, _) in svg.match_indices("=\"#") {
                    let attribute = svg[..at].rsplit(' ').next().unwrap();
                    let rule = format!("[{attribute}={}]", &svg[at + 1..at + 10]);
                    let see_through = svg[..at].ends_with("opacity=\"0\" fill");
                    assert!(STYLE.contains(&rule) || see_through, "{rule}\n{svg}");
                }
            }
        }
    }
}
