//! The curve as a picture made of characters, drawn by ratatui's chart as it would be on a full screen.

use console::{Style, style};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Stylize};
use ratatui::symbols::Marker;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::curve::Point;
use crate::units::count;

const WIDTH: u16 = 72;
const HEIGHT: u16 = 14;
const CURVE: Color = Color::Cyan;
const KNEE: Color = Color::Yellow;

/// Throughput over size, a size twice as large always as far away; the size that is advised stands out.
pub(crate) fn draw(points: &[Point], knee: Option<u32>) -> String {
    let (Some(last), most) = (points.last(), points.iter().map(|p| p.speed).fold(0.0, f64::max))
    else {
        return String::new();
    };
    let place = |point: &Point| (f64::from(point.size).log2(), point.speed);
    let curve: Vec<(f64, f64)> = points.iter().map(place).collect();
    let knee: Vec<(f64, f64)> =
        points.iter().filter(|point| Some(point.size) == knee).map(place).collect();
    let doublings = last.size.next_power_of_two().ilog2().max(1);
    let top = round_up(most);
    let speeds = [0.0, top / 2.0, top].map(|speed| count(speed.round() as u64));
    let line = Dataset::default().data(&curve).marker(Marker::Braille).graph_type(GraphType::Line);
    let dots = Dataset::default().data(&curve).marker(Marker::Dot).fg(CURVE);
    let dot = Dataset::default().data(&knee).marker(Marker::Block).fg(KNEE);
    let chart = Chart::new(vec![line.fg(CURVE), dots, dot])
        .x_axis(Axis::default().bounds([0.0, doublings.into()]).labels(["", ""]))
        .y_axis(
            Axis::default().bounds([0.0, top]).labels(speeds).labels_alignment(Alignment::Right),
        );
    let area = Rect::new(0, 0, WIDTH, HEIGHT);
    let mut buffer = Buffer::empty(area);
    chart.render(area, &mut buffer);
    name_sizes(&mut buffer, doublings);
    let rows = buffer.content().chunks(WIDTH.into());
    rows.map(|row| format!("  {}\n", line_of(row))).collect()
}

/// Writes the sizes below their places. ratatui's chart would write more than three of them elsewhere.
fn name_sizes(buffer: &mut Buffer, doublings: u32) {
    let corner = |x: &u16| buffer[(*x, HEIGHT - 2)].symbol() == "└";
    let Some(corner) = (0..WIDTH).find(corner) else { return };
    let (first, steps) = (corner + 1, f64::from(WIDTH - corner - 2));
    let mut end = 0;
    for power in 0..=doublings {
        let size = (1_u64 << power).to_string();
        let place = first + (steps * f64::from(power) / f64::from(doublings)).round() as u16;
        let width = size.len() as u16;
        let place = (place - (width - 1) / 2).min(WIDTH - width);
        // Names do not touch.
        if place > end {
            buffer.set_string(place, HEIGHT - 1, size, ratatui::style::Style::new());
            end = place + width;
        }
    }
}

/// A row as text, its colours where there is a terminal; without the blanks at its end.
fn line_of(row: &[Cell]) -> String {
    let end = row.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |last| last + 1);
    let mut line = String::new();
    for run in row[..end].chunk_by(|a, b| a.fg == b.fg) {
        let text: String = run.iter().map(Cell::symbol).collect();
        line += &match run[0].fg {
            CURVE => style(text).cyan().to_string(),
            KNEE => Style::new().yellow().bold().apply_to(text).to_string(),
            _ => style(text).dim().to_string(),
        };
    }
    line
}

/// The next number with one digit, or 1.5 or 2.5 of them, and zeros.
fn round_up(most: f64) -> f64 {
    let unit = 10_f64.powf(most.max(1.0).log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * unit >= most).unwrap_or(10.0);
    step * unit
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn points(speeds: &[(u32, f64)]) -> Vec<Point> {
        let point = |&(size, speed)| Point {
            size,
            speed,
            spread: 0.01,
            p99: Duration::ZERO,
            repeats: 3,
            queries: 100,
        };
        speeds.iter().map(point).collect()
    }

    // P-27
    #[test]
    fn the_picture_has_axes_a_curve_and_the_knee_within_80_columns() {
        let speeds = [(1, 250.0), (2, 500.0), (4, 990.0), (8, 1000.0), (16, 400.0)];
        let picture = draw(&points(&speeds), Some(4));
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), HEIGHT as usize);
        assert!(lines.iter().all(|line| line.chars().count() <= 80 && line.trim_end() == *line));
        assert!(lines[0].contains("1,000"), "{picture}");
        let sizes: Vec<&str> = lines[HEIGHT as usize - 1].split_whitespace().collect();
        assert_eq!(sizes, ["1", "2", "4", "8", "16"]);
        assert_eq!(picture.matches('█').count(), 1, "{picture}");
        assert!(picture.contains('•'), "{picture}");
        // Sizes stand below their points, one column off at most.
        let column = |line: &str, c: char| line.chars().position(|at| at == c).unwrap();
        let knee = lines.iter().find(|line| line.contains('█')).unwrap();
        let named = column(lines[HEIGHT as usize - 1], '4');
        assert!(column(knee, '█').abs_diff(named) <= 1, "{picture}");
        // The curve is at its height where it is highest, and low at both ends.
        assert!(lines[..2].iter().any(|line| line.contains('•')), "{picture}");
        assert_eq!(draw(&[], None), "");
        assert!(draw(&points(&[(1, 0.0)]), Some(1)).contains('0'), "nothing divides by it");
    }

    // P-27
    #[test]
    fn the_axis_ends_on_a_round_number_that_is_not_too_far_away() {
        for (most, top) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (12.0, 15.0),
            (990.0, 1000.0),
            (1001.0, 1500.0),
            (7_654.0, 8_000.0),
        ] {
            assert_eq!(round_up(most), top);
        }
    }
}
