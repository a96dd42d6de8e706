//! All that is known of one row, over the whole width; it scrolls.

use cenote_admin::document::{Cluster, Node, Pool, Status, Times};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Sparkline};

use super::rows::{Id, What};
use super::state::App;
use super::words::{millis, of, percent, rate};
use crate::units::count;

/// Draws it, and says how far it can be scrolled.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    what: What<'_>,
    scrolled: usize,
) -> usize {
    let id = what.id();
    let heading = match &id {
        Id::Pool(name) => format!(" pool {name} "),
        Id::Cluster(name) => format!(" cluster {name} "),
        Id::Node(cluster, key) => format!(" node {key} of {cluster} "),
    };
    let block = Block::new().borders(Borders::TOP).title(heading.bold());
    let room = block.inner(area);
    frame.render_widget(block, area);
    let curves = if room.height >= 8 { 2 } else { 0 };
    let [above, text] =
        Layout::vertical([Constraint::Length(curves), Constraint::Min(1)]).areas(room);
    if curves > 0 {
        history(frame, above, app, &id, what.status().max);
    }
    let mut lines = Lines { width: text.width.into(), lines: Vec::new() };
    match what {
        What::Pool(pool) => of_pool(pool, &mut lines),
        What::Cluster(cluster) => of_cluster(cluster, &mut lines),
        What::Node(_, node) => of_node(node, &mut lines),
    }
    let lines = lines.lines;
    let last = lines.len().saturating_sub(text.height.into());
    let first = u16::try_from(scrolled.min(last)).unwrap_or(u16::MAX);
    frame.render_widget(Paragraph::new(lines).scroll((first, 0)), text);
    last
}

/// Two minutes of used connections and waiting callers.
fn history(frame: &mut Frame<'_>, area: Rect, app: &App, id: &Id, max: Option<u64>) {
    let rows = Layout::vertical([Constraint::Length(1); 2]).areas::<2>(area);
    let seen: Vec<_> = app.history(id).collect();
    let curves = [
        ("used ", seen.iter().map(|moment| moment.using).collect::<Vec<_>>(), max),
        ("waits", seen.iter().map(|moment| moment.waiting).collect::<Vec<_>>(), None),
    ];
    for (row, (name, values, top)) in rows.into_iter().zip(curves) {
        let [label, curve] =
            Layout::horizontal([Constraint::Length(7), Constraint::Fill(1)]).areas(row);
        frame.render_widget(Paragraph::new(format!(" {name}")).dim(), label);
        let fits = values.len().saturating_sub(curve.width.into());
        let mut line = Sparkline::default().data(&values[fits..]).cyan();
        if let Some(top) = top {
            line = line.max(top);
        }
        frame.render_widget(line, curve);
    }
}

/// How far in values stand.
const INDENT: usize = 14;

/// Lines of a name and a value, which is broken where the width ends.
struct Lines {
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        self.add_as(name, value, Style::new());
    }

    fn add_as(&mut self, name: &str, value: &str, style: Style) {
        let room = self.width.saturating_sub(INDENT + 1).max(10);
        let mut rest = value;
        let mut name = format!(" {name:<INDENT$}");
        loop {
            let (line, more) = cut(rest, room);
            self.lines
                .push(vec![Span::from(name).dim(), Span::styled(line.to_owned(), style)].into());
            if more.is_empty() {
                return;
            }
            (rest, name) = (more, " ".repeat(INDENT + 1));
        }
    }
}

/// The first line of a text, cut at a blank if there is one, and the rest.
pub(super) fn cut(text: &str, room: usize) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(room) else { return (text, "") };
    match text[..end].rfind(' ') {
        Some(blank) if blank > 0 => (&text[..blank], &text[blank + 1..]),
        _ => text.split_at(end),
    }
}

fn of_status(status: &Status, waiting: u64, lines: &mut Lines) {
    lines.add("state", &status.state);
    let mut text = format!("{} used, {} idle", of(status.using, status.max), status.available);
    for (n, name) in [
        (status.connecting, "connecting"),
        (status.testing, "in a test"),
        (status.resetting, "in a reset"),
        (status.closing, "closing"),
        (status.sharers, "sharers"),
        (status.idle_in_transaction, "idle in a transaction"),
    ] {
        if n > 0 {
            text += &format!(", {n} {name}");
        }
    }
    lines.add("connections", &text);
    lines.add("waiting", &format!("{waiting}, at most {} so far", status.peak_waiting));
}

fn of_pool(pool: &Pool, lines: &mut Lines) {
    of_status(&pool.status, pool.status.waiting, lines);
    counts(pool, lines);
}

fn of_node(node: &Node, lines: &mut Lines) {
    let role = node.role.as_deref().unwrap_or("role not known");
    let mut text = format!("{role}, {}", node.condition.replace('_', " "));
    if let Some(by_hand) = &node.by_hand {
        text += &format!(", {by_hand} by hand");
    }
    text += if node.serves { ", serves" } else { ", gets nothing" };
    lines.add("node", &text);
    let mut text = format!("weight {}", node.weight);
    if node.share < 1.0 {
        text += &format!(", of which {} count", percent(node.share));
    }
    text += &format!(", {} of the traffic", percent(node.traffic));
    if let Some(lag) = node.lag_ms {
        text += &format!(", {} behind", millis(lag));
    }
    lines.add("share", &text);
    if let Some(error) = &node.error {
        lines.add_as("error", error, Style::new().red());
    }
    of_status(&node.pool.status, node.waiting.max(node.pool.status.waiting), lines);
    counts(&node.pool, lines);
}

fn of_cluster(cluster: &Cluster, lines: &mut Lines) {
    of_status(&cluster.total, cluster.total.waiting, lines);
    if let Some(why) = &cluster.no_primary {
        lines.add_as("no primary", why, Style::new().red());
    }
    times(&[("wait", &cluster.wait)], lines);
    for source in &cluster.sources {
        lines.add("source", &format!("{}: {}", source.name, source.note));
    }
    for node in &cluster.nodes {
        let (role, condition) =
            (node.role.as_deref().unwrap_or("–"), node.condition.replace('_', " "));
        let (key, weight, traffic) = (&node.key, node.weight, percent(node.traffic));
        lines.add(
            "node",
            &format!("{key}: {role}, {condition}, weight {weight}, {traffic} of the traffic"),
        );
        if let Some(error) = &node.error {
            lines.add_as("", error, Style::new().red());
        }
    }
}

fn counts(pool: &Pool, lines: &mut Lines) {
    if let Some(error) = &pool.error {
        lines.add_as("error", error, Style::new().red());
    }
    let now = &pool.rate;
    let rates = [now.acquired, now.failed, now.connects, now.closes].map(rate);
    let [lent, failed, connects, closes] = rates;
    let text = format!("{lent} lent, {failed} not, {connects} connects, {closes} closes");
    lines.add("in a second", &text);
    let all = &pool.counts;
    let refused = [
        (all.timed_out, "timed out"),
        (all.rejected, "rejected"),
        (all.failed, "failed"),
        (all.refused, "refused"),
        (all.closed, "closed"),
        (all.cancelled, "cancelled"),
        (all.slow, "slow"),
        (all.leaked, "leaked"),
    ];
    lines.add(
        "so far",
        &listed(format!("{} lent, {} at once", count(all.acquired), count(all.hits)), refused),
    );
    let failed = &pool.connect_failures;
    let failed = [
        (failed.transient, "failed"),
        (failed.permanent, "failed for good"),
        (failed.overload, "refused by the server"),
    ];
    lines.add(
        "connects",
        &listed(format!("{} of {}", count(all.connected), count(all.connects)), failed),
    );
    let closes = pool.closes.iter().map(|(reason, n)| (*n, reason.as_str()));
    lines.add("closes", &listed(String::new(), closes));
    times(&[("wait", &pool.wait), ("hold", &pool.hold), ("connect", &pool.connect)], lines);
    for holder in &pool.holders {
        let (held, conn, place) = (millis(holder.held_ms), holder.connection, &holder.location);
        lines.add("held", &format!("for {held}: connection {conn}, from {place}"));
    }
}

/// What there is any of, after a beginning.
fn listed<'a>(begin: String, rest: impl IntoIterator<Item = (u64, &'a str)>) -> String {
    let rest =
        rest.into_iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{} {name}", count(n)));
    let parts: Vec<String> =
        Some(begin).into_iter().filter(|begin| !begin.is_empty()).chain(rest).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// Percentiles of the last second, if there were any, and of all.
fn times(all: &[(&str, &Times)], lines: &mut Lines) {
    let heads = format!("{:>9} {:>9} {:>9} {:>9}   last p50, p99", "p50", "p95", "p99", "max");
    lines.add_as("", &heads, Style::new().dim());
    for (name, times) in all {
        let mut text: String = [times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms]
            .iter()
            .map(|ms| format!("{:>9} ", millis(*ms)))
            .collect();
        if times.count == 0 {
            text = format!("{:>9}", "–");
        }
        if let Some(recent) = times.recent.as_ref().filter(|recent| recent.count > 0) {
            text += &format!("  {}, {}", millis(recent.p50_ms), millis(recent.p99_ms));
        }
        lines.add(name, &text);
    }
}
