//! `cenote top`: the pools and clusters of a service that serves cenote-admin, in a terminal. Where there is none, as a
//! table once a second. It looks and changes nothing: operations are the page's.

pub(crate) mod clean;
mod detail;
mod feed;
mod plain;
mod rows;
mod screen;
mod sse;
mod state;
#[cfg(test)]
mod tests;
mod words;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::feed::{Address, News, Stream};
use self::state::{App, Then};
use crate::Outcome;
use crate::args::TopArgs;
use crate::failure::{Failure, say};
use crate::stop::Stop;

/// How often keys are looked for; the thread that does so ends within this.
const GLANCE: Duration = Duration::from_millis(200);

pub(crate) async fn run(args: &TopArgs) -> Result<Outcome, Failure> {
    let address = Address::new(&args.url)?;
    let mut stop = Stop::new();
    let work = async {
        if args.once {
            let (document, value) = address.ask().await?;
            let text = if args.json { format!("{value}\n") } else { plain::table(&document) };
            return Ok(Outcome { text, interrupted: false });
        }
        let (stream, news) = address.open().await?;
        if !args.json && io::stdout().is_terminal() && io::stdin().is_terminal() {
            on_a_screen(&address, stream, news).await
        } else {
            in_lines(&address, stream, news, args.json).await
        }
    };
    tokio::select! {
        outcome = work => outcome,
        // What is shown on a screen is restored as its guard is dropped.
        () = stop.wished() => Ok(Outcome { text: String::new(), interrupted: true }),
    }
}

/// A table, or a line of JSON, for each document.
async fn in_lines(
    address: &Address,
    stream: Stream<'_>,
    first: News,
    json: bool,
) -> Result<Outcome, Failure> {
    let mut failed = None;
    let mut tell = |news: News| {
        let text = match news {
            News::Status(_, value) if json => format!("{value}\n"),
            News::Status(document, _) => format!("{}\n", plain::table(&document)),
            News::Log(_) => return true,
            News::Lost(why, again) => {
                say(&format!("lost: {why}; again in {} s", again.as_secs()));
                return true;
            }
        };
        let mut out = io::stdout();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => true,
            // A closed pipe is how readers say that they have seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
            Err(error) => {
                failed = Some(Failure::new(format!("it could not be written: {error}")));
                false
            }
        }
    };
    if tell(first) {
        address.follow(stream, async |news| tell(news)).await;
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(Outcome { text: String::new(), interrupted: false }),
    }
}

/// The terminal while it is ours; as it was when this is dropped. A panic restores it too, before it is told.
struct Screen(DefaultTerminal);

impl Screen {
    fn new() -> Result<Screen, Failure> {
        let terminal = ratatui::try_init().map_err(|error| {
            ratatui::restore();
            Failure::new(format!("the terminal cannot be used as a screen: {error}"))
        })?;
        Ok(Screen(terminal))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

async fn on_a_screen(
    address: &Address,
    stream: Stream<'_>,
    first: News,
) -> Result<Outcome, Failure> {
    let mut app = App::new(address.place());
    app.hear(first);
    let mut screen = Screen::new()?;
    let (tell, mut heard) = mpsc::channel(16);
    let (pressed, mut keys) = mpsc::channel(64);
    thread::spawn(move || listen(&pressed));
    let following = address.follow(stream, async |news| tell.send(news).await.is_ok());
    let mut following = std::pin::pin!(following);
    // What tells how long ago something was grows old by itself.
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let drawn = screen.0.draw(|frame| screen::draw(frame, &mut app));
        drawn.map_err(|error| Failure::new(format!("the screen could not be drawn: {error}")))?;
        tokio::select! {
            () = &mut following => break,
            Some(news) = heard.recv() => app.hear(news),
            key = keys.recv() => match key {
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                    if app.press(key) == Then::Quit {
                        break;
                    }
                }
                Some(_) => {}
                // Nobody is there who could press one.
                None => break,
            },
            _ = tick.tick() => {}
        }
    }
    Ok(Outcome { text: String::new(), interrupted: false })
}

/// Keys, and changes of the size, until nobody wants them or there is no terminal any more.
fn listen(pressed: &mpsc::Sender<Event>) {
    while !pressed.is_closed() {
        match event::poll(GLANCE) {
            Ok(false) => {}
            Ok(true) => {
                let Ok(event) = event::read() else { return };
                if pressed.blocking_send(event).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
