//! Prometheus: the pool gives its numbers to the `metrics` facade, and whatever recorder the service has installed
//! takes them. Here that is `metrics-exporter-prometheus` without its listener: a service that has an HTTP
//! server answers `GET /metrics` with the text that this program prints some lines of.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once.

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::{Fault, Pool};
use cenote_testkit::{Script, Step};
use metrics_exporter_prometheus::PrometheusBuilder;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    // With buckets, times are histograms that can be added up over processes; without, they are summaries.
    let recorder = PrometheusBuilder::new().set_buckets(&[0.001, 0.01, 0.1, 1.0])?.build_recorder();
    let page = recorder.handle();
    metrics::set_global_recorder(recorder)?;

    // The testkit's scripted manager stands in for a server that takes 20 ms for a connect.
    let server = Script::new();
    server.connect_always(Step::Slow(Duration::from_millis(20)));
    let pool =
        Pool::builder(server).name("orders").max_size(2).measure_hold(true).metrics().build()?;

    let (one, other) = (pool.acquire().await?, pool.acquire().await?);
    let waited = pool.acquire().timeout(Duration::from_millis(500)).await;
    println!("# {}", waited.unwrap_err());
    drop(other);

    // Every number is labelled with the pool's name; of this one the server wants to know nothing.
    let server = Script::new();
    server.connect_always(Step::Error(Fault::Permanent));
    let reports = Pool::builder(server).name("reports").max_size(2).metrics().build()?;
    println!("# {}", reports.acquire().await.unwrap_err());

    let text = page.render();
    for name in [
        "db_client_connection_count",
        "db_client_connection_max",
        "db_client_connection_timeouts",
        "db_client_connection_wait_time",
        "db_client_connection_use_time_sum",
        "cenote_acquires",
    ] {
        show(&text, name, "orders");
    }
    show(&text, "cenote_connects", "reports");
    drop(one);
    Ok(())
}

/// The samples of one pool whose name begins so.
fn show(text: &str, name: &str, pool: &str) {
    let label = format!("db_client_connection_pool_name=\"{pool}\"");
    let mut lines: Vec<_> =
        text.lines().filter(|line| line.starts_with(name) && line.contains(&label)).collect();
    lines.sort_unstable();
    lines.iter().for_each(|line| println!("{line}"));
}
