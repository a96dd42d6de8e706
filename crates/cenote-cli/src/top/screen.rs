//! The whole screen: a line on the server, the list or what is opened of it, what has happened, and the keys.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table, TableState};

use cenote_admin::document::Entry;

use super::rows::{Column, Health, Id, What, columns, rows};
use super::state::App;
use super::{detail, words};

/// On less there is nothing to be seen.
const LEAST: (u16, u16) = (20, 5);
/// The log has a third of the screen, and no more than this; half of it beside what is opened.
const LOG: u16 = 8;

const KEYS: &str = "q quit  ↑↓ choose  enter open  esc back  p pause  ? help";
const HELP: &[(&str, &str)] = &[
    ("q, ctrl-c", "quit"),
    ("↑ ↓, k j", "choose a row, or scroll"),
    ("home end, g G", "the first, the last"),
    ("enter, →, l", "open what is chosen"),
    ("esc, ←", "back to the list"),
    ("p, space", "let the display rest, or go on"),
    ("e", "connections that come and go, too"),
    ("", ""),
    ("USED", "lent connections, of how many"),
    ("WAIT", "callers in the queue"),
    ("ACQ/S", "connections lent in a second"),
    ("P99", "slowest hundredth of the waits"),
    ("SHARE", "part of the cluster's traffic"),
];

pub(crate) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        frame.render_widget(Paragraph::new("too small"), area);
        return;
    }
    let most = if app.opened.is_some() { LOG / 2 } else { LOG };
    let log = if area.height >= 16 { (area.height / 3).min(most) } else { 0 };
    let areas =
        [Constraint::Length(1), Constraint::Min(1), Constraint::Length(log), Constraint::Length(1)];
    let [head, body, below, foot] = Layout::vertical(areas).areas(area);
    frame.render_widget(title(app, area.width), head);
    match (app.opened, app.chosen()) {
        (Some(scrolled), Some((_, what))) => {
            let last = detail::draw(frame, body, app, what, scrolled);
            app.opened = Some(scrolled.min(last));
        }
        _ => list(frame, body, app),
    }
    if log > 0 {
        happened(frame, below, app);
    }
    frame.render_widget(Paragraph::new(KEYS).dim(), foot);
    if app.help {
        help(frame, area);
    }
}

/// Who is looked at, and whether it answers.
fn title(app: &App, width: u16) -> Paragraph<'static> {
    let name = Span::from(format!(" cenote top  {}  ", app.place)).bold();
    let link = match app.lost() {
        None if app.paused => Span::from("the display rests (p)").yellow(),
        None => Span::from(format!("live, {} UTC", words::clock(app.shown.at))).green(),
        Some((why, since, again)) => {
            let text = format!(
                "lost {} s ago, again in {} s: {why}",
                since.as_secs(),
                again.as_secs() + 1
            );
            Span::from(text).red().bold()
        }
    };
    // What cannot be reached matters more than where it was.
    let parts = if app.lost().is_some() && name.width() + link.width() > width.into() {
        vec![Span::from(" "), link]
    } else {
        vec![name, link]
    };
    Paragraph::new(Line::from(parts)).style(Style::new().bg(Color::Reset))
}

fn colour(health: Health) -> Style {
    match health {
        Health::Well => Style::new().green(),
        Health::Busy => Style::new().yellow(),
        Health::Ill => Style::new().red(),
    }
}

fn list(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let all = rows(&app.shown);
    if all.is_empty() {
        let text = "There is no pool and no cluster in the registry.";
        frame.render_widget(Paragraph::new(text).dim(), area);
        return;
    }
    let chosen = app.chosen().map_or(0, |(at, _)| at);
    // A page of them, however many there are.
    let page = usize::from(area.height.saturating_sub(1)).max(1);
    let first = (chosen / page) * page;
    let shown: Vec<&Column> = columns(area.width).collect();
    let widths = shown.iter().map(|column| match column.width {
        0 => Constraint::Fill(1),
        width => Constraint::Length(width),
    });
    let lines = all.iter().skip(first).take(page).map(|what| row(*what, &shown));
    let header = Row::new(shown.iter().map(|column| cell(column, column.title.to_owned()))).dim();
    let table = Table::new(lines, widths)
        .header(header)
        .column_spacing(1)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .highlight_symbol("▸");
    let mut state = TableState::new().with_selected(Some(chosen - first));
    frame.render_stateful_widget(table, area, &mut state);
}

fn row(what: What<'_>, shown: &[&Column]) -> Row<'static> {
    // Where there is no room for its state, its name says that something is wrong.
    let says_state = shown.iter().any(|column| column.title == "STATE");
    let cells = shown.iter().map(|column| {
        let text = (column.cell)(what);
        if column.title == "NAME" && !says_state && what.health() != Health::Well {
            return cell(column, marked(&text, what.health())).style(colour(what.health()));
        }
        let filled = cell(column, text);
        match column.title {
            "STATE" => filled.style(colour(what.health())),
            "NAME" if matches!(what.id(), Id::Cluster(_)) => filled.bold(),
            "WAIT" if what.waiting() > 0 => filled.yellow(),
            _ => filled,
        }
    });
    Row::new(cells.collect::<Vec<_>>())
}

/// With a mark before it, in the room of a node's indent.
fn marked(name: &str, health: Health) -> String {
    let mark = if health == Health::Ill { "‼" } else { "!" };
    format!("{mark} {}", name.trim_start())
}

fn cell(column: &Column, text: String) -> Cell<'static> {
    let side = if column.right { Alignment::Right } else { Alignment::Left };
    Cell::from(Line::from(text).alignment(side))
}

/// The newest at the end, as in a log.
fn happened(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let block = Block::new().borders(Borders::TOP).title(" what happened ").dim();
    let room = block.inner(area);
    frame.render_widget(block, area);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for entry in app.entries() {
        let entry = told(entry, room.width.into());
        if lines.len() + entry.len() > room.height.into() {
            break;
        }
        lines.splice(0..0, entry);
    }
    frame.render_widget(Paragraph::new(lines), room);
}

/// An entry in two lines, or one. How much it matters is told by a mark too, not by its colour alone.
fn told(entry: &Entry, width: usize) -> Vec<Line<'_>> {
    let (mark, style) = match entry.level.as_str() {
        "error" => ("‼", Style::new().red()),
        "warn" => ("!", Style::new().yellow()),
        _ => (" ", Style::new()),
    };
    let time = format!("{} {mark} ", words::clock(entry.at));
    let (room, indent) = (width.saturating_sub(time.chars().count()).max(1), " ".repeat(11));
    let (first, rest) = detail::cut(&entry.text, room);
    let first = Line::from(vec![Span::from(time).dim(), Span::styled(first, style)]);
    if rest.is_empty() {
        return vec![first];
    }
    vec![first, Line::from(vec![indent.into(), Span::styled(rest, style)])]
}

fn help(frame: &mut Frame<'_>, area: Rect) {
    let line = |&(key, what): &(&'static str, &'static str)| {
        Line::from(vec![Span::from(format!(" {key:<15}")).bold(), what.into()])
    };
    let lines: Vec<Line<'_>> = HELP.iter().map(line).collect();
    let (width, height) = (50.min(area.width), (HELP.len() as u16 + 2).min(area.height));
    let place = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
    frame.render_widget(Clear, place);
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" keys and columns ")),
        place,
    );
}
