//! Every toxic, exact to the millisecond: there is no clock here but the one that the test holds.

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A line with these toxics, and the time at which it was made.
fn line(toxics: &[Toxic]) -> (Line, Instant) {
    let now = Instant::now();
    let mut line = Line::new(now, Dice::of(&[7]));
    assert_eq!(line.set(now, &numbered(toxics)), None);
    (line, now)
}

fn numbered(toxics: &[Toxic]) -> Vec<(ToxicId, Toxic)> {
    toxics.iter().zip(1..).map(|(toxic, n)| (ToxicId(n), *toxic)).collect()
}

/// All pieces: when they are due, counted from the beginning, and how long they are.
fn pieces(line: &mut Line, begin: Instant) -> Vec<(u64, usize)> {
    let mut all = Vec::new();
    while let Some(due) = line.next_due() {
        all.push(((due - begin).as_millis() as u64, line.next().len()));
        line.left(line.next().len());
    }
    all
}

fn latency(latency: u64, jitter: u64) -> Toxic {
    Toxic::Latency { latency: ms(latency), jitter: ms(jitter) }
}

#[test]
fn without_toxics_bytes_are_due_at_once_and_in_one_piece() {
    let (mut line, now) = line(&[]);
    line.lay(now, b"abc");
    line.lay(now + ms(5), b"de");
    assert_eq!(line.next(), b"abc");
    assert_eq!(pieces(&mut line, now), [(0, 3), (5, 2)]);
    assert_eq!(line.cut(), None);
    assert!(line.takes_more() && line.is_empty());
}

#[test]
fn latency_is_added_to_the_arrival_and_does_not_pile_up() {
    let (mut line, now) = line(&[latency(100, 0), latency(20, 0)]);
    line.lay(now, b"a");
    line.lay(now + ms(10), b"b");
    assert_eq!(pieces(&mut line, now), [(120, 1), (130, 1)]);
}

#[test]
fn jitter_keeps_to_its_bounds_and_the_order_stays() {
    let (mut line, now) = line(&[latency(100, 30)]);
    for n in 0..400 {
        line.lay(now + ms(200 * n), b"a");
    }
    let delays: Vec<u64> =
        pieces(&mut line, now).iter().zip(0..).map(|((due, _), n)| due - 200 * n).collect();
    assert!(delays.iter().all(|delay| (70..=130).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 80) && delays.iter().any(|delay| *delay > 120));
    for _ in 0..400 {
        line.lay(now, b"a");
    }
    assert!(pieces(&mut line, now).is_sorted());
}

#[test]
fn the_same_dice_fall_the_same_way() {
    let drawn = || {
        let (mut line, now) = line(&[latency(100, 90)]);
        (0..50).for_each(|n| line.lay(now + ms(500 * n), b"a"));
        pieces(&mut line, now)
    };
    assert_eq!(drawn(), drawn());
}

#[test]
fn bandwidth_spreads_bytes_and_an_idle_line_saves_nothing_up() {
    let (mut line, now) = line(&[Toxic::Bandwidth { bytes_per_second: 1000 }]);
    line.lay(now, &[0; 250]);
    assert_eq!(pieces(&mut line, now), [(100, 100), (200, 100), (250, 50)]);
    line.lay(now + ms(10_000), &[0; 100]);
    assert_eq!(pieces(&mut line, now), [(10_100, 100)]);
    // The narrowest counts, and none is a standstill.
    let narrow = [1000, 10, 500].map(|bytes_per_second| Toxic::Bandwidth { bytes_per_second });
    let (mut line, now) = self::line(&narrow);
    line.lay(now, &[0; 2]);
    assert_eq!(pieces(&mut line, now), [(100, 1), (200, 1)]);
    let (mut line, now) = self::line(&[Toxic::Bandwidth { bytes_per_second: 0 }]);
    line.lay(now, &[0; 2]);
    assert_eq!(pieces(&mut line, now), [(1000, 1), (2000, 1)]);
}

#[test]
fn slices_have_their_sizes_and_their_distance() {
    let slicer =
        |average_size, size_variation| Toxic::Slicer { average_size, size_variation, delay: ms(7) };
    let (mut line, now) = line(&[slicer(10, 0)]);
    line.lay(now, &[0; 25]);
    assert_eq!(pieces(&mut line, now), [(0, 10), (7, 10), (14, 5)]);
    let (mut line, now) = self::line(&[slicer(10, 4)]);
    line.lay(now, &[0; 5000]);
    let mut sizes: Vec<usize> = pieces(&mut line, now).iter().map(|(_, size)| *size).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 5000);
    sizes.pop();
    assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&6), Some(&14)));
    // What makes no sense is taken for what comes next to it.
    let (mut line, now) = self::line(&[slicer(0, 9)]);
    line.lay(now, &[0; 2]);
    assert_eq!(pieces(&mut line, now), [(0, 1), (7, 1)]);
}

#[test]
fn a_black_hole_takes_all_and_gives_nothing() {
    let (mut line, now) = line(&[Toxic::Timeout { after: None }]);
    line.lay(now, &[0; 1000]);
    assert!(line.is_empty() && line.takes_more() && line.is_hole());
    assert_eq!(line.cut(), None);
    // What comes after cannot follow what was lost.
    assert_eq!(line.set(now, &[]), Some(Cut::Close));
}

#[test]
fn ends_have_their_times_and_their_ways() {
    let (line, now) = line(&[Toxic::Timeout { after: Some(ms(50)) }]);
    assert_eq!(line.cut(), Some((now + ms(50), Cut::Close)));
    let (line, now) =
        self::line(&[Toxic::ResetPeer { after: ms(50) }, Toxic::ResetPeer { after: ms(20) }]);
    assert_eq!(line.cut(), Some((now + ms(20), Cut::Reset)));
    let (line, _) =
        self::line(&[Toxic::SlowClose { delay: ms(30) }, Toxic::SlowClose { delay: ms(5) }]);
    assert_eq!((line.cut(), line.close_delay()), (None, ms(35)));
}

#[test]
fn a_limit_lets_so_many_bytes_through_and_then_ends() {
    let (mut line, now) =
        line(&[latency(40, 0), Toxic::LimitData { bytes: 10 }, Toxic::LimitData { bytes: 30 }]);
    line.lay(now, &[1; 7]);
    assert!(line.takes_more());
    line.lay(now, &[2; 7]);
    assert!(!line.takes_more());
    assert_eq!(line.cut(), None, "the last bytes first");
    assert_eq!(pieces(&mut line, now), [(40, 7), (40, 3)]);
    assert_eq!(line.cut(), Some((now + ms(40), Cut::Close)));
}

#[test]
fn a_toxic_that_is_removed_lets_go_of_what_it_held() {
    let (mut line, now) = line(&[latency(10_000, 0)]);
    line.lay(now, b"abc");
    assert_eq!(line.next_due(), Some(now + ms(10_000)));
    assert_eq!(line.set(now + ms(5), &[]), None);
    assert_eq!(pieces(&mut line, now), [(5, 3)]);
}

#[test]
fn a_toxic_that_is_added_binds_what_waits_and_begins_at_its_own_time() {
    let (mut line, now) = line(&[latency(100, 0)]);
    line.lay(now, &[0; 20]);
    let both = numbered(&[latency(100, 0), Toxic::ResetPeer { after: ms(500) }]);
    line.set(now + ms(60), &both);
    // Those that stay count on from where they were.
    assert_eq!(line.next_due(), Some(now + ms(100)));
    assert_eq!(line.cut(), Some((now + ms(560), Cut::Reset)));
    line.set(now + ms(200), &both);
    assert_eq!(line.cut(), Some((now + ms(560), Cut::Reset)));
}

#[test]
fn a_full_line_takes_no_more_until_some_has_left() {
    let (mut line, now) = line(&[latency(10, 0)]);
    line.lay(now, &vec![0; CAPACITY]);
    assert!(!line.takes_more());
    line.left(1);
    assert!(line.takes_more());
}

#[test]
fn times_that_cannot_be_said_are_far_away() {
    let forever = Toxic::Latency { latency: Duration::MAX, jitter: Duration::MAX };
    let (mut line, now) = line(&[forever, forever, Toxic::ResetPeer { after: Duration::MAX }]);
    line.lay(now, b"a");
    assert!(line.next_due().is_some() && line.cut().is_some());
}
