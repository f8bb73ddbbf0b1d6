//! Two kinds of chart: bars, and lines over named steps.

use std::path::Path;

use ltq::BoxError;
use plotters::prelude::*;
use plotters::style::RGBAColor;

use crate::figure::{Figure, grouped, show};
use crate::numbers::from_len;
use crate::record::{Place, Record};

const SIZE: (u32, u32) = (900, 420);
const FONT: (&str, i32) = ("sans-serif", 15);
const TITLE: (&str, i32) = ("sans-serif", 20);
/// Colours that readers with any eyesight tell apart.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(0, 130, 100),
    RGBColor(190, 120, 0),
    RGBColor(130, 60, 150),
    RGBColor(90, 90, 90),
];

/// One bar for each subject.
pub(super) struct Bars {
    pub(super) title: &'static str,
    pub(super) bars: Vec<(String, f64)>,
}

/// Lines over the same steps.
pub(super) struct Lines {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    /// The steps, from zero.
    pub(super) labels: Vec<String>,
    pub(super) lines: Vec<Line>,
}

/// One line.
pub(super) struct Line {
    pub(super) name: String,
    /// Step and value.
    pub(super) points: Vec<(f64, f64)>,
}

impl Bars {
    /// Adds a bar for a rate that was measured.
    pub(super) fn add(&mut self, record: &Record, name: &str, place: Place<'_>) {
        self.bars.extend(record.median(place, Figure::Rate).map(|rate| (name.to_owned(), rate)));
    }

    /// Writes it.
    pub(super) fn draw(&self, path: &Path) -> Result<(), BoxError> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let count = from_len(self.bars.len());
        let top = self.bars.iter().map(|(_, value)| *value).fold(1.0, f64::max);
        // From top to bottom; the values stand beside their bars.
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, TITLE)
            .margin(15)
            .x_label_area_size(30)
            .y_label_area_size(170)
            .build_cartesian_2d(0.0..top * 1.15, count..0.0)?;
        let names = |at: &f64| name_at(at - 0.5, &self.bars);
        chart
            .configure_mesh()
            .disable_mesh()
            .y_labels(2 * self.bars.len() + 1)
            .y_label_formatter(&names)
            .x_label_formatter(&|value| grouped(*value))
            .label_style(FONT)
            .draw()?;
        for (index, (name, value)) in self.bars.iter().enumerate() {
            let above = from_len(index);
            let colour = if name.contains("LTQ") { COLOURS[0] } else { COLOURS[5] };
            let corners = [(0.0, above + 0.15), (*value, above + 0.85)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            let at = (*value + top * 0.01, above + 0.38);
            chart.draw_series([Text::new(grouped(*value), at, FONT.into_font())])?;
        }
        Ok(area.present()?)
    }
}

impl Lines {
    /// Writes it. The vertical axis begins at zero, so that flat looks flat and steep looks steep.
    pub(super) fn draw(&self, path: &Path) -> Result<(), BoxError> {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let points = self.lines.iter().flat_map(|line| &line.points);
        let top = points.map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        // Above the lines is room for their names.
        let top = top * (1.1 + 0.08 * from_len(self.lines.len()));
        let last = from_len(self.labels.len().saturating_sub(1));
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, TITLE)
            .margin(15)
            .x_label_area_size(50)
            .y_label_area_size(90)
            .build_cartesian_2d(-0.1..last + 0.1, 0.0..top)?;
        let labels: Vec<(String, f64)> = self.labels.iter().map(|label| (label.clone(), 0.0)).collect();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(RGBAColor(0, 0, 0, 0.0))
            .x_labels(self.labels.len())
            .x_label_formatter(&|at| name_at(*at, &labels))
            .y_label_formatter(&|value| show(*value))
            .x_desc(self.x)
            .y_desc(self.y)
            .label_style(FONT)
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS).filter(|(line, _)| !line.points.is_empty()) {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
            chart.draw_series(line.points.iter().map(|&point| Circle::new(point, 4, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(FONT)
            .draw()?;
        Ok(area.present()?)
    }
}

/// The name at a whole step; nothing in between.
fn name_at(at: f64, names: &[(String, f64)]) -> String {
    let found = names.iter().enumerate().find(|(index, _)| (from_len(*index) - at).abs() < 1e-6);
    found.map(|(_, (name, _))| name.clone()).unwrap_or_default()
}
