//! What PostgreSQL's errors mean for a pool (P-14): the one table, by SQLSTATE.

use std::error::Error as StdError;
use std::io;

use cenote::Fault;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

/// The meaning of a SQLSTATE that the server gave for a request. What is not listed is the request's own affair.
pub(crate) fn of_state(state: &str) -> Fault {
    match state {
        // Statements that were cut short: by statement_timeout, by a cancel, by an idle_in_transaction timeout.
        "57014" => Fault::Timeout,
        // The server shuts down, crashed, or does not take anybody yet.
        "57P01" | "57P02" | "57P03" => Fault::Host,
        // The database is gone, now and for ever.
        "57P04" => Fault::Permanent,
        // This session sat idle for too long; others have not.
        "57P05" | "25P03" | "25P04" => Fault::Connection,
        // A write on a server that only reads.
        "25006" => Fault::Role,
        // Too many clients, or no memory for what they do.
        "53300" | "53200" | "53400" | "53000" => Fault::Overload,
        // A full disk: the statement failed, the session is well, and fewer connections would not help.
        "53100" => Fault::Query,
        // No such database, or none that one may enter.
        "3D000" => Fault::Permanent,
        // Prepared statements that the driver relies on are gone.
        "26000" => Fault::Connection,
        _ => match state.get(..2) {
            Some("08") => Fault::Connection,
            Some("28") => Fault::Permanent,
            _ => Fault::Query,
        },
    }
}

/// The meaning of an error of the server's: of its state, and an error that ended the session has at least cost it.
fn of_db(error: &DbError) -> Fault {
    match (of_state(error.code().code()), error.parsed_severity()) {
        (Fault::Query | Fault::Timeout, Some(Severity::Fatal)) => Fault::Connection,
        (Fault::Query | Fault::Timeout, Some(Severity::Panic)) => Fault::Host,
        (fault, _) => fault,
    }
}

/// The meaning of an error on a connection that was established.
pub(crate) fn of_request(error: &Error) -> Fault {
    if let Some(error) = error.as_db_error() {
        return of_db(error);
    }
    // The driver says the kind of its errors in words only. These are about values; whatever else it may be, such as
    // an answer that it did not understand, the connection is not to be trusted.
    let words = error.to_string();
    let about_values = [
        "error serializing parameter",
        "error deserializing column",
        "invalid column",
        "expected ",
        "query returned an unexpected number of",
        "error encoding message to server",
    ];
    match about_values.iter().any(|beginning| words.starts_with(beginning)) {
        true => Fault::Query,
        false => Fault::Connection,
    }
}

/// The meaning of an error while connecting.
pub(crate) fn of_connect(error: &Error) -> Fault {
    if let Some(error) = error.as_db_error() {
        return match of_state(error.code().code()) {
            // A setting that is refused, a role without the right to connect: the same next time.
            Fault::Query => Fault::Permanent,
            fault => fault,
        };
    }
    let words = error.to_string();
    if words.starts_with("authentication error") || words.starts_with("invalid configuration") {
        return Fault::Permanent;
    }
    if words.starts_with("error performing TLS") {
        return match inner_io(error) {
            // The peer went away in the middle of it.
            Some(error) if error.get_ref().is_none() => cenote_driver::io::fault(error),
            _ => Fault::Permanent,
        };
    }
    inner_io(error).map_or(Fault::Connection, cenote_driver::io::fault)
}

fn inner_io(error: &Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-14
    #[test]
    fn states_mean_what_the_guide_says() {
        for (state, fault) in [
            ("57P01", Fault::Host),
            ("57P02", Fault::Host),
            ("57P03", Fault::Host),
            ("57P04", Fault::Permanent),
            ("57P05", Fault::Connection),
            ("57014", Fault::Timeout),
            ("53300", Fault::Overload),
            ("53200", Fault::Overload),
            ("53100", Fault::Query),
            ("25006", Fault::Role),
            ("25P02", Fault::Query),
            ("25P03", Fault::Connection),
            ("28P01", Fault::Permanent),
            ("28000", Fault::Permanent),
            ("3D000", Fault::Permanent),
            ("08006", Fault::Connection),
            ("08P01", Fault::Connection),
            ("26000", Fault::Connection),
            ("40001", Fault::Query),
            ("40P01", Fault::Query),
            ("55P03", Fault::Query),
            ("23505", Fault::Query),
            ("42601", Fault::Query),
            ("XX000", Fault::Query),
            ("", Fault::Query),
            ("é", Fault::Query),
        ] {
            assert_eq!(of_state(state), fault, "{state}");
        }
    }

    // P-14
    #[test]
    fn the_guides_table_is_this_one() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/postgresql.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = page.split("| SQLSTATE |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let mut states = 0;
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            for state in cells[0].split([',', ' ']).filter(|word| word.len() == 5) {
                assert_eq!(of_state(state).name(), cells[2], "{row}");
                states += 1;
            }
        }
        assert!(states > 20, "{states}");
    }
}
