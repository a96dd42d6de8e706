//! Pictures for the guide: bars of one metric, shortest first, on a logarithmic scale, with the value and how Cenote
//! compares beside each. They have a light ground of their own, so that they can be read on a dark page too.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::table::number;
use crate::figures::{Figure, Metric, Sheet, Unit};
use crate::pools::{NONE, OURS};
use crate::scenarios::{Scenario, crowd, hit, queue};

/// What is drawn, and the name of its file.
pub(crate) struct Picture {
    pub(crate) file: &'static str,
    title: &'static str,
    scenario: Scenario,
    metric: Metric,
}

pub(crate) const ALL: &[Picture] = &[
    Picture {
        file: "s1.svg",
        title: "S1: one acquire and release, nobody waits",
        scenario: Scenario::S1,
        metric: hit::CYCLE,
    },
    Picture {
        file: "s4.svg",
        title: "S4: one cycle of 64 tasks over 8 connections, one worker",
        scenario: Scenario::S4,
        metric: queue::CYCLE,
    },
    Picture {
        file: "s5.svg",
        title: "S5: wait of the unluckiest hundredth, 10,000 tasks over 8",
        scenario: Scenario::S5,
        metric: crowd::P99,
    },
];

const WIDTH: u32 = 800;
const BAR: u32 = 22;
const NAMES: u32 = 150;
const RATIOS: u32 = 230;
const BELOW: u32 = 10;

const GROUND: RGBColor = RGBColor(252, 252, 250);
const INK: RGBColor = RGBColor(40, 44, 52);
const FAINT: RGBColor = RGBColor(208, 210, 214);
const OURS_COLOUR: RGBColor = RGBColor(0, 121, 140);
const THEIRS: RGBColor = RGBColor(160, 166, 176);

impl Picture {
    /// The picture, or nothing if its scenario was not measured.
    pub(crate) fn draw(&self, sheet: &Sheet) -> Option<String> {
        let mut bars: Vec<&Figure> = sheet.figures.iter().filter(|one| self.shows(one)).collect();
        bars.sort_by(|a, b| a.median().total_cmp(&b.median()));
        let ours = bars.iter().find(|bar| {
            bar.column.pool == OURS && bar.column.settings == self.scenario.judged().name()
        })?;
        let mut svg = String::new();
        paint(&mut svg, self.title, &bars, ours.median()).ok()?;
        Some(svg)
    }

    fn shows(&self, figure: &Figure) -> bool {
        figure.scenario == self.scenario
            && figure.metric == self.metric
            && figure.column.pool != NONE
    }
}

fn paint(
    svg: &mut String,
    title: &str,
    bars: &[&Figure],
    ours: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let rows = u32::try_from(bars.len())?;
    let (top, foot) = (44, 46);
    let height = top + BAR * rows + foot + BELOW;
    let root = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    root.fill(&GROUND)?;
    let font = |size: f64| ("sans-serif", size).into_font().color(&INK);
    root.draw(&Text::new(title.to_owned(), (16, 14), font(21.0)))?;

    // The axis begins and ends at a power of ten.
    let medians = || bars.iter().map(|bar| bar.median().max(1.0));
    let least = 10_f64.powf(medians().fold(f64::INFINITY, f64::min).log10().floor());
    let most = 10_f64.powf(medians().fold(1.0, f64::max).log10().ceil()).max(least * 10.0);
    let mut chart = ChartBuilder::on(&root)
        .margin_top(top)
        .margin_bottom(BELOW)
        .margin_right(RATIOS)
        .set_label_area_size(LabelAreaPosition::Left, NAMES)
        .set_label_area_size(LabelAreaPosition::Bottom, foot)
        .build_cartesian_2d((least..most).log_scale(), 0_f64..f64::from(rows))?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_labels(8)
        .x_label_formatter(&|value| Unit::Ns.axis(*value))
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .label_style(font(16.0))
        .x_desc("nanoseconds, logarithmic: shorter is better")
        .draw()?;
    let plot = chart.plotting_area();
    for (row, bar) in bars.iter().enumerate() {
        let at = (bars.len() - row) as f64;
        let is_ours = bar.column.pool == OURS;
        let colour = if is_ours { OURS_COLOUR } else { THEIRS };
        let corners = [(least, at - 0.85), (bar.median().max(least), at - 0.15)];
        plot.draw(&Rectangle::new(corners, colour.filled()))?;
    }
    for (row, bar) in bars.iter().enumerate() {
        let middle = i32::try_from(top + BAR * u32::try_from(row)? + BAR / 2)?;
        let style = |side| font(16.0).pos(Pos::new(side, VPos::Center));
        let name = name(bar);
        let left = i32::try_from(NAMES)? - 8;
        root.draw(&Text::new(name, (left, middle), style(HPos::Right)))?;
        let right = i32::try_from(WIDTH - RATIOS)? + 10;
        root.draw(&Text::new(told(bar, ours), (right, middle), style(HPos::Left)))?;
    }
    root.present()?;
    Ok(())
}

fn name(bar: &Figure) -> String {
    match bar.column.settings {
        "default" => bar.column.pool.to_owned(),
        settings => format!("{}, {settings}", bar.column.pool),
    }
}

/// The value, and by how much Cenote's is another.
fn told(bar: &Figure, ours: f64) -> String {
    let value = format!("{} ns", number(bar.metric.unit, three_digits(bar.median())));
    match bar.column.pool {
        OURS => value,
        _ => format!("{value}  (cenote {:.2} ×)", ours / bar.median()),
    }
}

/// Rounded to three digits: more say nothing, and are wide.
fn three_digits(value: f64) -> f64 {
    let step = 10_f64.powf((value.abs().max(1.0).log10().floor() - 2.0).max(-1.0));
    (value / step).round() * step
}

impl Unit {
    /// A power of ten, as an axis writes it.
    fn axis(self, value: f64) -> String {
        number(self, value.round()).replace(".0", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Column;

    #[test]
    fn three_digits_are_enough() {
        for (value, rounded) in [(36.84, 36.8), (1193.4, 1190.0), (14_417_919.0, 14_400_000.0)] {
            let told = three_digits(value);
            assert!((told - rounded).abs() < 1e-6, "{value}: {told}");
        }
    }

    #[test]
    fn a_picture_names_every_pool_with_its_value_and_the_ratio() {
        let mut sheet = Sheet::default();
        for (pool, settings, value) in
            [(OURS, "default", 60.0), ("raw-sem", "default", 120.0), ("bb8", "tuned", 240.0)]
        {
            sheet.record(Scenario::S1, Column { pool, settings }, hit::CYCLE, value);
        }
        let svg = ALL[0].draw(&sheet).unwrap();
        for text in ["60.0 ns", "120.0 ns", "(cenote 0.50 ×)", "bb8, tuned", "nanoseconds"] {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
        assert!(ALL[1].draw(&sheet).is_none(), "S4 was not measured");
    }
}
