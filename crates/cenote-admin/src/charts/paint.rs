//! How a picture is drawn: lines over the time, a legend above them with the values of now, one axis of time and one of
//! what is shown.

use std::error::Error;
use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Dot, LEAST, Sample, time};

/// Twice what the page usually shows, since the library draws on whole pixels.
const SIZE: (u32, u32) = (880, 380);
const LEFT: u32 = 124;
const TOP: u32 = 56;
const BOTTOM: u32 = 46;
const RIGHT: u32 = 36;
/// The library's size; the letters are 1.24 times smaller.
const LETTERS: f64 = 34.0;
/// How wide a letter is, about.
const LETTER: f64 = 15.6;
/// The longest name in the legend, in letters.
pub(super) const LONGEST: usize = 18;

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
    /// In seconds.
    pub(super) span: u32,
    /// What stands there if no line has a value.
    pub(super) nothing: &'static str,
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
        let written = |log| match time(10_f64.powf(log)) {
            // What is less is drawn there too.
            least if log <= LEAST => format!("≤\u{202f}{least}"),
            more => more,
        };
        Axis { scale, written }
    }

    /// Parts of a whole, up to what the largest needs: of many nodes each has little.
    pub(super) fn percent(most: f64) -> Axis {
        let ends = [(10.0, 2.0), (20.0, 5.0), (50.0, 10.0), (100.0, 25.0)];
        let (to, step) = ends.into_iter().find(|(to, _)| most <= *to).unwrap_or(ends[3]);
        let marks = (0..=(to / step) as u32).map(|n| f64::from(n) * step).collect();
        let scale = Scale { from: 0.0, to: to * 1.04, marks };
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

    /// What is less is drawn as this.
    pub(super) fn not_below(mut self, least: f64) -> Line {
        self.runs.iter_mut().flatten().for_each(|(_, y)| *y = y.max(least));
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
        // Four or five parts.
        let part = if self.span > 240 { 60 } else { self.span / 4 };
        let marks = (0..=self.span / part).rev().map(|n| -f64::from(n * part)).collect();
        let past = Scale { from: -f64::from(self.span), to: 0.0, marks };
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
            .x_label_formatter(&|x| ago(*x))
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
        let style = letters.clone().pos(Pos::new(HPos::Center, VPos::Center));
        if Line::values(&self.lines).next().is_none() {
            let middle = ((LEFT + SIZE.0 - RIGHT) / 2, (TOP + SIZE.1 - BOTTOM) / 2);
            let middle = (middle.0 as i32, middle.1 as i32);
            root.draw(&Text::new(self.nothing, middle, style))?;
        }
        self.legend(&root, letters)?;
        root.present()?;
        Ok(())
    }

    /// The names of the lines with their values of now, as many as there is room for, and how many there are besides.
    fn legend(&self, root: &Area<'_>, letters: TextStyle<'_>) -> Result<(), Box<dyn Error>> {
        let style = letters.pos(Pos::new(HPos::Left, VPos::Center));
        let entry = |line: &Line| format!("{} {}", shortened(&line.label), line.told);
        let room = f64::from(SIZE.0 + 20);
        let mut x = 12.0;
        for (n, line) in self.lines.iter().enumerate() {
            let (text, rest) = (entry(line), self.lines.len() - n);
            let others = if rest > 1 { width(&more(rest)) } else { 0.0 };
            let all = self.lines[n..].iter().map(|line| width(&entry(line))).sum::<f64>();
            let at = x as i32;
            if x + width(&text) + others > room && x + all > room {
                root.draw(&Text::new(more(rest), (at, 25), style))?;
                break;
            }
            let square = [(at, 14), (at + 20, 34)];
            root.draw(&Rectangle::new(square, colour(line.class).filled()))?;
            x += width(&text);
            root.draw(&Text::new(text, (at + 28, 25), style.clone()))?;
        }
        Ok(())
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn more(rest: usize) -> String {
    format!("and {rest} more")
}

/// The time axis, in words.
fn ago(x: f64) -> String {
    match (-x).round() as u64 {
        0 => "now".to_owned(),
        seconds if seconds % 60 == 0 => format!("−{}\u{202f}min", seconds / 60),
        seconds => format!("−{seconds}\u{202f}s"),
    }
}

/// Without its middle: names of nodes often differ at their ends.
fn shortened(label: &str) -> String {
    let letters: Vec<char> = label.chars().collect();
    if letters.len() <= LONGEST {
        return label.to_owned();
    }
    let (first, last) = (LONGEST / 2, LONGEST - 1 - LONGEST / 2);
    letters[..first].iter().chain(&['…']).chain(&letters[letters.len() - last..]).collect()
}

/// How wide an entry of the legend is, about.
fn width(text: &str) -> f64 {
    44.0 + LETTER * text.chars().count() as f64
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
