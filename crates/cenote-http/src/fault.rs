//! What the errors of HTTP mean for a pool (P-14): the one table, by status, by HTTP/2's reasons and by the system's errors.

use std::error::Error as StdError;
use std::io;

use cenote::Fault;
use h2::Reason;
use hyper::StatusCode;

/// The meaning of an answer that is no success. Only two say something of the service as a whole; a 500 or a 404 is the
/// request's own affair, and so is a 502, which comes of a proxy whose connection to us is well.
pub(crate) fn of_status(status: StatusCode) -> Fault {
    match status.as_u16() {
        429 | 503 => Fault::Overload,
        408 | 504 => Fault::Timeout,
        _ => Fault::Query,
    }
}

/// The meaning of an error on a connection that was established.
pub(crate) fn of_request(error: &hyper::Error) -> Fault {
    if let Some(error) = below::<h2::Error>(error) {
        return match error.reason() {
            Some(Reason::REFUSED_STREAM | Reason::ENHANCE_YOUR_CALM) => Fault::Overload,
            Some(Reason::HTTP_1_1_REQUIRED) => Fault::Permanent,
            // Only this stream was ended.
            Some(_) if error.is_reset() => Fault::Query,
            _ => Fault::Connection,
        };
    }
    if error.is_timeout() {
        return Fault::Timeout;
    }
    // A body of the request's that failed. What becomes of the connection is seen by what was sent.
    if error.is_user() && !is_gone(error) { Fault::Query } else { Fault::Connection }
}

/// Whether the connection was lost, and the answer with it.
pub(crate) fn is_loss(error: &hyper::Error) -> bool {
    if let Some(error) = below::<h2::Error>(error) {
        return error.is_io() || error.is_go_away();
    }
    let ended = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    ended || is_gone(error) || below::<io::Error>(error).is_some()
}

/// Whether the connection's task ended with the request in its hands. hyper counts that among the user's errors, and has no
/// question for it but its words.
fn is_gone(error: &hyper::Error) -> bool {
    error.is_user() && error.to_string().starts_with("dispatch task is gone")
}

/// Whether the server says that it has not looked at the request: it refused the stream, or goes away and the stream is
/// one of those that it names as not looked at, which are the only ones that end so.
pub(crate) fn is_refusal(error: &hyper::Error) -> bool {
    below::<h2::Error>(error).is_some_and(|error| {
        let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        let gone = error.is_go_away() && error.is_remote();
        refused || (gone && error.reason() == Some(Reason::NO_ERROR))
    })
}

/// The first error of this type in the chain below.
fn below<E: StdError + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut below = error.source();
    while let Some(error) = below {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        below = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-14
    #[test]
    fn the_guides_table_of_statuses_is_this_one() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/http.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = page.split("| status or error |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let mut statuses = 0;
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            for status in cells[0].split([',', ' ']).filter_map(|word| word.parse::<u16>().ok()) {
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(of_status(status).name(), cells[2], "{row}");
                statuses += 1;
            }
        }
        assert!(statuses > 8, "{statuses}");
    }
}
