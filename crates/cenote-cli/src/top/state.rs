//! What is on the screen, and what keys do to it. It knows neither a terminal nor a server.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use cenote::Level;
use cenote_admin::document::{Document, Entry};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::feed::News;
use super::rows::{Id, What, rows};

/// So many seconds are remembered of each row, for so many rows.
const HISTORY: usize = 120;
const REMEMBERED: usize = 500;
/// So many entries of the log.
const LOG: usize = 200;

pub(crate) struct App {
    pub(crate) place: String,
    pub(crate) shown: Box<Document>,
    /// The newest, while the display rests.
    behind: Option<Box<Document>>,
    pub(crate) paused: bool,
    pub(crate) help: bool,
    /// One row fills the screen; how far it is scrolled.
    pub(crate) opened: Option<usize>,
    selected: Option<Id>,
    /// Where that was last, if it has gone.
    at: usize,
    log: VecDeque<Entry>,
    /// Connections that come and go as they should are shown too.
    pub(crate) routine: bool,
    last: u64,
    /// The last entry that is shown, while the display rests.
    until: Option<u64>,
    pub(crate) link: Link,
    history: BTreeMap<Id, VecDeque<Moment>>,
}

/// How the server can be reached.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    Live,
    Lost { why: String, since: Instant, again: Instant },
}

/// What is remembered of one second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) using: u64,
    pub(crate) waiting: u64,
}

/// What comes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Quit,
}

impl App {
    pub(crate) fn new(place: String) -> App {
        App {
            place,
            shown: Box::default(),
            behind: None,
            paused: false,
            help: false,
            opened: None,
            selected: None,
            at: 0,
            log: VecDeque::new(),
            routine: false,
            last: 0,
            until: None,
            link: Link::Live,
            history: BTreeMap::new(),
        }
    }

    pub(crate) fn hear(&mut self, news: News) {
        match news {
            News::Status(document, _) => {
                let was = std::mem::replace(&mut self.link, Link::Live);
                self.remember(&document);
                // A service that was started anew counts anew.
                let newest = document.log.last().map_or(0, |entry| entry.n);
                if matches!(was, Link::Lost { .. }) && newest < self.last {
                    (self.last, self.until) = (0, None);
                    self.log.clear();
                }
                document.log.iter().for_each(|entry| self.note(entry));
                match self.paused {
                    true => self.behind = Some(document),
                    false => self.shown = document,
                }
                self.settle();
            }
            News::Log(entry) => self.note(&entry),
            News::Lost(why, pause) => {
                let since = match self.link {
                    Link::Lost { since, .. } => since,
                    Link::Live => Instant::now(),
                };
                self.link = Link::Lost { why, since, again: Instant::now() + pause };
            }
        }
    }

    fn note(&mut self, entry: &Entry) {
        if entry.n > self.last {
            self.last = entry.n;
            self.log.push_back(entry.clone());
            // What is routine pushes nothing else out.
            let like = |other: &Entry| is_routine(other) == is_routine(entry);
            let most = if is_routine(entry) { LOG / 4 } else { LOG };
            if self.log.iter().filter(|other| like(other)).count() > most {
                let oldest = self.log.iter().position(like);
                oldest.and_then(|at| self.log.remove(at));
            }
        }
    }

    /// What has happened, the newest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let until = self.until.unwrap_or(u64::MAX);
        let fits = move |entry: &&Entry| entry.n <= until && (self.routine || !is_routine(entry));
        self.log.iter().rev().filter(fits)
    }

    fn remember(&mut self, document: &Document) {
        let rows = rows(document);
        let mut kept = BTreeMap::new();
        for what in rows.into_iter().take(REMEMBERED) {
            let id = what.id();
            let mut history = self.history.remove(&id).unwrap_or_default();
            history.push_back(Moment { using: what.status().using, waiting: what.waiting() });
            while history.len() > HISTORY {
                history.pop_front();
            }
            kept.insert(id, history);
        }
        self.history = kept;
    }

    /// The last two minutes of a row, as far as they were seen.
    pub(crate) fn history(&self, id: &Id) -> impl Iterator<Item = Moment> + '_ {
        self.history.get(id).into_iter().flatten().copied()
    }

    /// The row that is chosen: its place and what it is about.
    pub(crate) fn chosen(&self) -> Option<(usize, What<'_>)> {
        let rows = rows(&self.shown);
        let is_it = |what: &What<'_>| Some(what.id()) == self.selected;
        let at = rows.iter().position(is_it).unwrap_or(self.at.min(rows.len().checked_sub(1)?));
        Some((at, rows[at]))
    }

    /// What was chosen may have gone.
    fn settle(&mut self) {
        let chosen = self.chosen().map(|(at, what)| (at, what.id()));
        let is_there = |(_, id): &(usize, Id)| self.selected.as_ref() == Some(id);
        if !chosen.as_ref().is_some_and(is_there) {
            self.opened = None;
        }
        match chosen {
            Some((at, id)) => (self.at, self.selected) = (at, Some(id)),
            None => (self.opened, self.selected) = (None, None),
        }
    }

    fn choose(&mut self, by: isize) {
        let all = rows(&self.shown);
        let at = self.chosen().map_or(0, |(at, _)| at);
        let at = at.saturating_add_signed(by).min(all.len().saturating_sub(1));
        let id = all.get(at).map(|what| what.id());
        (self.at, self.selected) = (at, id);
    }

    pub(crate) fn press(&mut self, key: KeyEvent) -> Then {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Then::Quit,
            KeyCode::Char('q') => return Then::Quit,
            _ if std::mem::take(&mut self.help) => {}
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('p' | ' ') => {
                self.paused = !self.paused;
                self.until = self.paused.then_some(self.last);
                if let Some(newest) = self.behind.take() {
                    self.shown = newest;
                    self.settle();
                }
            }
            KeyCode::Char('e') => self.routine = !self.routine,
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(10),
            KeyCode::PageUp => self.step(-10),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN + 1),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') if self.opened.is_none() => {
                self.opened = self.chosen().map(|_| 0);
            }
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => self.opened = None,
            _ => {}
        }
        Then::GoOn
    }

    fn step(&mut self, by: isize) {
        match self.opened {
            // Where the text ends is known when it is drawn.
            Some(scrolled) => self.opened = Some(scrolled.saturating_add_signed(by).min(10_000)),
            None => self.choose(by),
        }
    }

    /// How long ago the server was last heard of, and in how long it is asked again.
    pub(crate) fn lost(&self) -> Option<(&str, Duration, Duration)> {
        let Link::Lost { why, since, again } = &self.link else { return None };
        Some((why, since.elapsed(), again.saturating_duration_since(Instant::now())))
    }
}

fn is_routine(entry: &Entry) -> bool {
    entry.level == Level::Trace.name()
}
