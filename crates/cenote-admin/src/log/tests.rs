//! What is written, what is counted and what is left out, by a clock that is handed in.

use super::*;

fn log() -> Log {
    Log::new(Clean::new(None), None, Arc::default())
}

fn take(log: &Log, now: Instant, level: Level, text: &str, surely: bool) {
    log.take(now, Draft { level, of: "a", text, like: None, surely });
}

fn write(log: &Log, now: Instant, n: u64) {
    (0..n).for_each(|i| take(log, now, Level::Info, &i.to_string(), false));
}

// P-29
#[test]
fn a_storm_is_counted_and_what_somebody_did_is_written_all_the_same() {
    let log = log();
    let began = Instant::now();
    write(&log, began, 80);
    assert_eq!(log.last(), u64::from(A_SECOND));
    take(&log, began + SECOND / 2, Level::Warn, "somebody did something", true);
    write(&log, began + SECOND, 1);
    let shown = log.shown();
    let texts: Vec<&str> = shown.iter().rev().map(|entry| entry.text.as_str()).collect();
    let expected = ["0", "30 more events in one second are not shown", "somebody did something"];
    assert_eq!(texts[..3], expected);
    assert_eq!(shown.len(), SHOWN);
    assert!(shown.windows(2).all(|pair| pair[0].n + 1 == pair[1].n));
}

#[test]
fn who_reads_on_gets_every_entry_that_is_kept_once() {
    let log = log();
    let began = Instant::now();
    (0..10).for_each(|second| write(&log, began + second * SECOND, 40));
    let (mut n, mut read) = (0, Vec::new());
    while let Some((next, frame)) = log.after(n) {
        assert!(frame.starts_with(b"event: log\ndata: {\"n\":"));
        n = next;
        read.push(next);
    }
    assert_eq!(read, (201..=400).collect::<Vec<u64>>());
}

// P-29
#[test]
fn what_is_routine_pushes_nothing_else_out_and_is_bounded_itself() {
    let log = log();
    let began = Instant::now();
    take(&log, began, Level::Warn, "an outage", false);
    let later = |n: u32| began + n * SECOND / 10;
    (0..1_000).for_each(|n| take(&log, later(n), Level::Trace, &n.to_string(), false));
    take(&log, later(1_001), Level::Info, "its end", false);
    let shown = log.shown();
    let of = |level: Level| shown.iter().filter(|entry| entry.level == level.name()).count();
    assert_eq!((shown[0].text.as_str(), shown[21].text.as_str()), ("an outage", "its end"));
    assert_eq!((of(Level::Trace), shown.len()), (ROUTINE_SHOWN, ROUTINE_SHOWN + 2));
    assert_eq!(log.lines.lock().unwrap().ring.len(), ROUTINE_KEPT + 2);
}

// P-29
#[test]
fn what_follows_from_something_is_told_after_its_beginning() {
    let log = log();
    let texts = || log.shown().into_iter().map(|entry| entry.text).collect::<Vec<_>>();
    let now = Instant::now();
    let act = |text: &str, meanwhile: &dyn Fn()| {
        let number = log.begins("actions", format!("{text}: begun"));
        meanwhile();
        log.ends(number);
        log.write_surely(Level::Warn, "actions", &format!("{text}: done"));
    };
    act("look", &|| ());
    act("kill", &|| take(&log, now, Level::Warn, "it is gone", false));
    act("rest", &|| take(&log, now, Level::Trace, "it is routine", false));
    assert_eq!(
        texts(),
        ["look: done", "kill: begun", "it is gone", "kill: done", "it is routine", "rest: done"]
    );
    // One within the other.
    act("outer", &|| act("inner", &|| ()));
    assert_eq!(texts()[6..], ["outer: begun", "inner: done", "outer: done"]);
}

// P-29
#[test]
fn what_strangers_do_again_and_again_is_told_once_and_then_counted() {
    let log = log();
    (0..100_000).for_each(|_| log.write_once(Level::Warn, "admin", "the token is wrong"));
    log.write_once(Level::Warn, "admin", "something else");
    let texts = |log: &Log| log.shown().into_iter().map(|e| e.text).collect::<Vec<_>>();
    assert_eq!(texts(&log).first().unwrap(), "the token is wrong");
    let few = texts(&log).iter().filter(|text| text.contains("the token")).count();
    assert!(few <= 5, "{few} in a moment");
}

// P-29
#[test]
fn what_is_told_late_says_so_to_the_service_and_has_its_own_time_in_the_log() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    let sink: Sink = Box::new(move |_, text| kept.lock().unwrap().push(text.to_owned()));
    let log = Log::new(Clean::new(None), Some(sink), Arc::default());
    let again = |now, text| {
        let like = Some(("again", String::new()));
        log.take(now, Draft { level: Level::Warn, of: "a", text, like, surely: false });
    };
    let began = Instant::now();
    ["one", "two", "three"].into_iter().for_each(|text| again(began, text));
    take(&log, began + 3600 * SECOND, Level::Info, "an hour later", false);
    let told = told.lock().unwrap();
    assert_eq!(*told, ["one", "two (one of 2 within 1 s), 3600 s ago", "an hour later"]);
    let texts: Vec<_> = log.shown().into_iter().map(|entry| entry.text).collect();
    assert_eq!(texts[1], "two (one of 2 within 1 s)");
}
