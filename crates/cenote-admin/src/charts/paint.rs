//! How a picture is drawn: lines over the time, a legend above them with the values of now, one axis of time and one of
//! what is shown.

use std::error::Error;
use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Dot, SPAN, Sample, time};

/// Twice what the page usually shows, since the library draws on whole pixels.
const SIZE: (u32, u32) = (880, 380);
const LEFT: u32 = 108;
const TOP: u32 = 56;
const BOTTOM: u32 = 46;
const RIGHT: u32 = 36;
/// The library's size; the letters are 1.24 times smaller.
const LETTERS: f64 = 34.0;
/// How wide a letter is, about.
const LETTER: f64 = 15.6;
/// The longest name in the legend, in letters.
const LONGEST: usize = 18;

/// Colours of a light page, and the class that each stands for. All differ, since the library knows no classes: they are
/// written beside their colours afterwards.
const PALETTE: &[(&str, RGBColor)] = &[
    ("text", RGBColor(83, 96, 109)),
    ("grid", RGBColor(216, 223, 230)),
    ("axis", RGBColor(136, 148, 160)),
    ("limit", RGBColor(136, 148, 161)),
    ("size", RGBColor(83, 96, 108)),
    ("available", RGBColor(143, 199, 164)),
    ("using", RGBColor(10, 127, 147)),
    ("waiting", RGBColor(209, 72, 31)),
    ("p50", RGBColor(10, 127, 148)),
    ("p99", RGBColor(209, 72, 32)),
    ("node-0", RGBColor(10, 127, 149)),
    ("node-1", RGBColor(199, 87, 27)),
    ("node-2", RGBColor(107, 84, 184)),
    ("node-3", RGBColor(92, 138, 28)),
    ("node-4", RGBColor(184, 64, 127)),
    ("node-5", RGBColor(148, 115, 10)),
    ("node-6", RGBColor(47, 111, 196)),
    ("node-7", RGBColor(107, 119, 131)),
];

fn colour(class: &str) -> RGBColor {
    PALETTE.iter().find(|(known, _)| *known == class).map_or(BLACK, |(_, colour)| *colour)
}

/// All that a picture shows.
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) axis: Axis,
    pub(super) lines: Vec<Line>,
}

/// What is written at the left: from where to where, and at which values there is a line.
pub(super) struct Axis {
    scale: Scale,
    written: fn(f64) -> String,
}

/// A direction of the picture. The library would choose the marks by itself, with the same pains for minutes as for powers of
/// ten.
#[derive(Clone)]
struct Scale {
    from: f64,
    to: f64,
    marks: Vec<f64>,
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (begin, end): (i32, i32)) -> i32 {
        let part = (value - self.from) / (self.to - self.from);
        begin + (f64::from(end - begin) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl Axis {
    /// Whole numbers from 0 on.
    pub(super) fn whole(most: f64) -> Axis {
        let steps = [1.0, 2.0, 5.0];
        let mut step = 1.0;
        for n in 0.. {
            step = steps[n % 3] * 10_f64.powi((n / 3) as i32);
            if most / step <= 4.0 {
                break;
            }
        }
        let to = (most / step).ceil().max(1.0) * step;
        let marks = (0..=(to / step).round() as u32).map(|n| f64::from(n) * step).collect();
        let scale = Scale { from: 0.0, to: to * 1.04, marks };
        Axis { scale, written: |value| format!("{value:.0}") }
    }

    /// Powers of ten of a millisecond, by their exponents.
    pub(super) fn powers(least: f64, most: f64) -> Axis {
        let from = least.floor();
        let to = most.ceil().max(from + 1.0);
        let marks = (from as i32..=to as i32).map(f64::from).collect();
        let scale = Scale { from, to: to + 0.12, marks };
        Axis { scale, written: |log| time(10_f64.powf(log)) }
    }

    pub(super) fn percent() -> Axis {
        let marks = vec![0.0, 25.0, 50.0, 75.0, 100.0];
        let scale = Scale { from: 0.0, to: 104.0, marks };
        Axis { scale, written: |part| format!("{part:.0}\u{202f}%") }
    }
}

/// One line: where it goes, and how its values are told.
pub(super) struct Line {
    class: &'static str,
    label: String,
    /// Without those moments at which there was no value: there the line has a gap.
    runs: Vec<Vec<(f64, f64)>>,
    now: Option<f64>,
    told: String,
    filled: bool,
}

/// Samples are a second apart. Between those that are further apart nobody looked, in seconds.
const LONG: f64 = 3.5;

impl Line {
    pub(super) fn new(
        class: &'static str,
        label: &str,
        dots: &[Dot<'_>],
        value: impl Fn(&Sample) -> Option<f64>,
    ) -> Line {
        let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        let mut now = None;
        for dot in dots {
            now = value(dot.sample).filter(|value| value.is_finite());
            match (now, runs.last_mut()) {
                (Some(y), Some(run)) if run.last().is_none_or(|last| dot.x - last.0 < LONG) => {
                    // A level stretch needs its ends only.
                    if let [.., (_, a), (_, b)] = run[..] {
                        if a == y && b == y {
                            run.pop();
                        }
                    }
                    run.push((dot.x, y));
                }
                (Some(y), _) => runs.push(vec![(dot.x, y)]),
                (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
                _ => {}
            }
        }
        Line { class, label: label.to_owned(), runs, now, told: "–".to_owned(), filled: false }
    }

    /// How the value of now is written.
    pub(super) fn told(mut self, write: impl Fn(f64) -> String) -> Line {
        if let Some(now) = self.now {
            self.told = write(now);
        }
        self
    }

    /// What is below it is coloured.
    pub(super) fn filled(mut self) -> Line {
        self.filled = true;
        self
    }

    /// Its name and the value of now.
    pub(super) fn value(&self) -> String {
        format!("{} {}", self.label, self.told)
    }

    pub(super) fn largest(lines: &[Line]) -> Option<f64> {
        Line::values(lines).reduce(f64::max)
    }

    pub(super) fn smallest(lines: &[Line]) -> Option<f64> {
        Line::values(lines).reduce(f64::min)
    }

    fn values(lines: &[Line]) -> impl Iterator<Item = f64> {
        lines.iter().flat_map(|line| &line.runs).flatten().map(|(_, y)| *y)
    }
}

impl Plot {
    pub(super) fn paint(&self) -> Result<String, Box<dyn Error>> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        Ok(named(classed(svg), &self.title))
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn Error>> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let letters = ("sans-serif", LETTERS).into_font().color(&colour("text"));
        let Axis { scale, written } = &self.axis;
        let minutes = (0..=SPAN / 60).rev().map(|minute| -60.0 * minute as f64).collect();
        let past = Scale { from: -(SPAN as f64), to: 0.0, marks: minutes };
        let mut chart = ChartBuilder::on(&root)
            .margin_top(TOP)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM)
            .build_cartesian_2d(past, scale.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(colour("grid").stroke_width(2))
            .light_line_style(TRANSPARENT)
            .axis_style(colour("axis").stroke_width(2))
            .label_style(letters.clone())
            .x_label_formatter(&|x| minute(*x))
            .y_label_formatter(&|y| written(*y))
            .draw()?;
        let area = chart.plotting_area();
        for line in &self.lines {
            let stroke = colour(line.class).stroke_width(4);
            for run in line.runs.iter().filter(|run| !run.is_empty()) {
                if let (true, Some(first), Some(last)) = (line.filled, run.first(), run.last()) {
                    let mut below = run.clone();
                    below.extend([(last.0, scale.from), (first.0, scale.from)]);
                    area.draw(&Polygon::new(below, colour(line.class).mix(0.25).filled()))?;
                }
                area.draw(&PathElement::new(run.clone(), stroke))?;
            }
        }
        let mut x = 12.0;
        for line in &self.lines {
            let text = format!("{} {}", shortened(&line.label), line.told);
            let width = 44.0 + LETTER * text.chars().count() as f64;
            if x + width > f64::from(SIZE.0 + 20) {
                break;
            }
            let at = x as i32;
            let square = [(at, 14), (at + 20, 34)];
            root.draw(&Rectangle::new(square, colour(line.class).filled()))?;
            let style = letters.clone().pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(text, (at + 28, 25), style))?;
            x += width;
        }
        root.present()?;
        Ok(())
    }
}

/// The time axis, in words.
fn minute(x: f64) -> String {
    match (-x / 60.0).round() as u64 {
        0 => "now".to_owned(),
        minutes => format!("−{minutes}\u{202f}min"),
    }
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LONGEST {
        return label.to_owned();
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// Writes the class beside each colour. Quotes in texts are escaped, so this is an attribute wherever it stands.
fn classed(mut svg: String) -> String {
    for (class, RGBColor(r, g, b)) in PALETTE {
        for attribute in ["fill", "stroke"] {
            let plain = format!("{attribute}=\"#{r:02X}{g:02X}{b:02X}\"");
            svg = svg.replace(&plain, &format!("class=\"{class}\" {plain}"));
        }
    }
    svg
}

/// Makes it an image with a name.
fn named(svg: String, title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = title.replace('"', "&quot;");
    let svg = svg.replacen("<svg ", "<svg role=\"img\" ", 1);
    svg.replacen(">\n", &format!("><title>{title}</title>\n"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_all_different_and_the_style_sheet_has_them() {
        let sheet = include_str!("../../assets/style.css");
        for (n, (class, colour)) in PALETTE.iter().enumerate() {
            assert!(PALETTE[..n].iter().all(|(_, other)| other != colour), "{class}");
            let known = [format!(".{class} "), format!(".{class},"), format!(" {class} ")];
            assert!(known.iter().any(|known| sheet.contains(known)), "{class} has no colour");
        }
    }

    #[test]
    fn an_axis_of_whole_numbers_has_few_lines_and_reaches_over_the_most() {
        for (most, last, marks) in
            [(0.0, 1.0, 2), (3.0, 3.0, 4), (8.0, 8.0, 5), (57.0, 60.0, 4), (1234.0, 1500.0, 4)]
        {
            let axis = Axis::whole(most);
            assert_eq!(
                (axis.scale.marks.last(), axis.scale.marks.len()),
                (Some(&last), marks),
                "{most}"
            );
            assert!(axis.scale.to >= most);
        }
    }
}
