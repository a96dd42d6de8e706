//! Figures of a while ago never look like those of now.

use crate::visit::Visit;

#[test]
fn the_end_of_the_stream_is_shown_with_its_time_and_it_comes_back() {
    let mut visit = Visit::new();
    visit.reads("#link-badge", "live");
    visit.world.stop();
    visit.reads("#link-badge", "not connected");
    visit.sees("/^since \\d\\d:\\d\\d:\\d\\d, .* all figures are of then/.test(document.getElementById('link-text').innerText)");
    visit.sees("document.title.includes('Not connected')");
    let faded =
        format!("getComputedStyle(document.querySelector('{}')).opacity < 1", visit.card("orders"));
    visit.sees(&faded);
    visit.world.start();
    visit.click("#retry").unwrap();
    visit.reads("#link-badge", "live");
    visit.sees(&format!("!({faded}) && !document.title.includes('Not connected')"));
    // Nobody has to say so.
    visit.world.stop();
    visit.reads("#link-badge", "not connected");
    visit.world.start();
    visit.reads("#link-badge", "live");
    // While nobody listens there, the browser notes each try.
    visit.leave(&[
        "ERR_CONNECTION_REFUSED",
        "ERR_INCOMPLETE_CHUNKED_ENCODING",
        "ERR_CONNECTION_RESET",
        "ERR_EMPTY_RESPONSE",
    ]);
}

#[test]
fn a_stream_that_stays_open_and_says_nothing_has_ended_too() {
    let visit = Visit::new();
    visit.reads("#link-badge", "live");
    let frozen = visit.world.freeze();
    visit.reads("#link-badge", "not connected");
    drop(frozen);
    visit.reads("#link-badge", "live");
    visit.leave(&[]);
}
