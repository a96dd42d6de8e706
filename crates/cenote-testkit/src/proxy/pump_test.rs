//! Bytes on their way, in virtual time: pipes in memory instead of sockets.

use std::time::Duration;

use tokio::io::{DuplexStream, duplex};

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn way(toxics: watch::Receiver<Toxics>) -> Way {
    Way { seed: 0, connection: 1, direction: Direction::Downstream, toxics }
}

/// What a test holds in its hands: both ends, and the toxics.
struct Ends {
    source: DuplexStream,
    target: DuplexStream,
    toxics: watch::Sender<Toxics>,
    began: Instant,
}

impl Ends {
    fn add(&self, toxic: Toxic) -> ToxicId {
        let mut id = None;
        self.toxics.send_modify(|toxics| id = Some(toxics.add(Direction::Downstream, toxic, 1.0)));
        id.unwrap()
    }

    async fn say(&mut self, text: &str) {
        self.source.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes out, until so many bytes are there, and when the last did.
    async fn hear(&mut self, n: usize) -> (String, Duration) {
        let mut heard = vec![0; n];
        self.target.read_exact(&mut heard).await.unwrap();
        (String::from_utf8(heard).unwrap(), self.began.elapsed())
    }
}

/// Runs a test beside a pump, until the test ends; gives how the pump has ended, if it has.
async fn beside_a_pump(test: impl AsyncFnOnce(&mut Ends)) -> Option<Ended> {
    let (source, from) = duplex(64 * 1024);
    let (to, target) = duplex(64 * 1024);
    let toxics = watch::Sender::new(Toxics::default());
    let mut ends = Ends { source, target, toxics, began: Instant::now() };
    let toxics = ends.toxics.subscribe();
    let mut pumped = std::pin::pin!(pump(from, to, way(toxics), |_| {}));
    let mut ended = None;
    {
        let mut test = std::pin::pin!(test(&mut ends));
        loop {
            tokio::select! {
                how = &mut pumped, if ended.is_none() => ended = Some(how),
                () = &mut test => break,
            }
        }
    }
    if ended.is_none() {
        // Whatever was still to do at this very time.
        ended = tokio::time::timeout(Duration::ZERO, pumped).await.ok();
    }
    ended
}

#[tokio::test(start_paused = true)]
async fn bytes_pass_and_the_end_follows_them() {
    let ended = beside_a_pump(async |ends| {
        ends.say("hello").await;
        assert_eq!(ends.hear(5).await, ("hello".to_owned(), Duration::ZERO));
        ends.say("!").await;
        ends.source.shutdown().await.unwrap();
        assert_eq!(ends.hear(1).await.0, "!");
        assert_eq!(ends.target.read(&mut [0]).await.unwrap(), 0);
    });
    assert_eq!(ended.await, Some(Ended::Done));
}

#[tokio::test(start_paused = true)]
async fn latency_holds_bytes_back_and_so_the_end() {
    let ended = beside_a_pump(async |ends| {
        ends.add(Toxic::Latency { latency: ms(80), jitter: ms(0) });
        ends.say("hello").await;
        ends.source.shutdown().await.unwrap();
        assert_eq!(ends.hear(5).await.1, ms(80));
        assert_eq!(ends.target.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(ends.began.elapsed(), ms(80));
    });
    assert_eq!(ended.await, Some(Ended::Done));
}

#[tokio::test(start_paused = true)]
async fn bandwidth_takes_its_time() {
    beside_a_pump(async |ends| {
        ends.add(Toxic::Bandwidth { bytes_per_second: 10 });
        ends.say("0123456789").await;
        assert_eq!(ends.hear(1).await.1, ms(100));
        assert_eq!(ends.hear(9).await.1, ms(1000));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slicer_gives_one_slice_at_a_time() {
    beside_a_pump(async |ends| {
        ends.add(Toxic::Slicer { average_size: 2, size_variation: 0, delay: ms(5) });
        ends.say("012345").await;
        assert_eq!(ends.hear(2).await, ("01".to_owned(), ms(0)));
        assert_eq!(ends.hear(1).await.1, ms(5));
        assert_eq!(ends.hear(3).await, ("345".to_owned(), ms(10)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn slow_close_delays_the_end_and_nothing_else() {
    let ended = beside_a_pump(async |ends| {
        ends.add(Toxic::SlowClose { delay: ms(300) });
        ends.say("a").await;
        assert_eq!(ends.hear(1).await.1, ms(0));
        ends.source.shutdown().await.unwrap();
        assert_eq!(ends.target.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(ends.began.elapsed(), ms(300));
    });
    assert_eq!(ended.await, Some(Ended::Done));
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_swallows_even_the_end_and_its_removal_closes() {
    let ended = beside_a_pump(async |ends| {
        let hole = ends.add(Toxic::Timeout { after: None });
        ends.say("lost").await;
        ends.source.shutdown().await.unwrap();
        let silence =
            tokio::time::timeout(Duration::from_secs(3600), ends.target.read(&mut [0])).await;
        assert!(silence.is_err(), "{silence:?}");
        ends.toxics.send_modify(|toxics| assert!(toxics.remove(hole)));
    });
    assert_eq!(ended.await, Some(Ended::Cut(Cut::Close)));
}

#[tokio::test(start_paused = true)]
async fn a_hole_with_a_limit_ends_at_it_though_nothing_moves() {
    let ended = beside_a_pump(async |ends| {
        ends.add(Toxic::Timeout { after: Some(ms(700)) });
        tokio::time::sleep(ms(699)).await;
        ends.say("still there").await;
        tokio::time::sleep(ms(1)).await;
    });
    assert_eq!(ended.await, Some(Ended::Cut(Cut::Close)));
}

#[tokio::test(start_paused = true)]
async fn a_reset_comes_to_an_idle_connection_at_its_time() {
    let ended = beside_a_pump(async |ends| {
        tokio::time::sleep(ms(1000)).await;
        ends.add(Toxic::ResetPeer { after: ms(250) });
        tokio::time::sleep(ms(249)).await;
    });
    assert_eq!(ended.await, None);
    let ended = beside_a_pump(async |ends| {
        ends.add(Toxic::ResetPeer { after: ms(250) });
        tokio::time::sleep(ms(250)).await;
    });
    assert_eq!(ended.await, Some(Ended::Cut(Cut::Reset)));
}

#[tokio::test(start_paused = true)]
async fn limited_data_ends_the_connection_after_the_last_byte() {
    let ended = beside_a_pump(async |ends| {
        ends.say("before ").await;
        assert_eq!(ends.hear(7).await.0, "before ");
        ends.add(Toxic::LimitData { bytes: 4 });
        tokio::task::yield_now().await;
        ends.say("limited").await;
        assert_eq!(ends.hear(4).await.0, "limi");
    });
    assert_eq!(ended.await, Some(Ended::Cut(Cut::Close)));
}

#[tokio::test(start_paused = true)]
async fn a_toxic_comes_and_goes_while_bytes_wait() {
    beside_a_pump(async |ends| {
        let slow = ends.add(Toxic::Latency { latency: Duration::from_secs(60), jitter: ms(0) });
        ends.say("a").await;
        tokio::time::sleep(ms(40)).await;
        ends.toxics.send_modify(|toxics| assert!(toxics.remove(slow) && !toxics.remove(slow)));
        assert_eq!(ends.hear(1).await.1, ms(40));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_reads_nothing_stops_the_source() {
    beside_a_pump(async |ends| {
        let mut written = 0;
        let stuck = async {
            loop {
                ends.source.write_all(&[0; 1024]).await.unwrap();
                written += 1024;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), stuck).await.is_err());
        assert!((256 * 1024..1024 * 1024).contains(&written), "{written}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_side_that_is_gone_breaks_the_connection() {
    let ended = beside_a_pump(async |ends| {
        let (other, _) = duplex(1);
        ends.target = other;
        ends.say("to nobody").await;
        tokio::task::yield_now().await;
    });
    assert_eq!(ended.await, Some(Ended::Broken));
}
