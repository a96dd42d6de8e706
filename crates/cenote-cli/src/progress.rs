//! One live line on a terminal; nothing anywhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::load::Source;
use crate::units::{count, per_second};

pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A line on stderr, hidden if that is no terminal.
    pub(crate) fn new() -> Progress {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("  {bar:20.cyan/dim} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━━─");
        bar.set_style(style);
        Progress(bar)
    }

    /// What is going on before the load.
    pub(crate) fn say(&self, what: &'static str) {
        self.0.set_position(0);
        self.0.set_message(what);
    }

    pub(crate) fn show(&self, elapsed: Duration, total: Duration, queries: u64, source: &Source) {
        if self.0.is_hidden() {
            return;
        }
        let left = total.saturating_sub(elapsed).as_secs_f64().ceil();
        let speed = count(per_second(queries, elapsed));
        let message = match source.status() {
            Some(status) => format!(
                "{speed} queries/s · {}/{} in use · {} waiting · {left} s",
                status.using, status.max, status.waiting
            ),
            None => format!("{speed} queries/s without a pool · {left} s"),
        };
        self.set(elapsed, total, message);
    }

    /// How far the sizes have been tried.
    pub(crate) fn sizing(&self, elapsed: Duration, total: Duration, size: u32, speed: Option<u64>) {
        let left = total.saturating_sub(elapsed).as_secs_f64().ceil();
        let speed = speed.map(|speed| format!(" · {} queries/s", count(speed)));
        let message = format!("size {size}{} · {left} s", speed.unwrap_or_default());
        self.set(elapsed, total, message);
    }

    fn set(&self, elapsed: Duration, total: Duration, message: String) {
        self.0.set_length(total.as_millis() as u64);
        self.0.set_position(elapsed.min(total).as_millis() as u64);
        self.0.set_message(message);
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
