//! What MySQL's and MariaDB's errors mean for a pool (P-14): the one table, by the server's number.

use std::io;

use cenote::Fault;
use mysql_async::{DriverError, Error, IoError, ServerError};

/// The number of the error of a transaction that was rolled back to end a deadlock.
pub(crate) const DEADLOCK: u16 = 1213;

/// The meaning of an error that the server gave, in the middle of a session or at its beginning. What is not listed is
/// the request's own affair.
fn of_code(code: u16, message: &str) -> Fault {
    match code {
        // A statement that was cut short: by KILL QUERY, by max_execution_time, by MariaDB's max_statement_time.
        1317 | 3024 | 1969 => Fault::Timeout,
        // The server shuts down.
        1053 => Fault::Host,
        // This session was ended: by KILL, because it idled for too long, because the network broke. Others were not.
        1080 | 1152 | 1156..=1161 | 1184 | 1927 | 4031 => Fault::Connection,
        // A write on a server, or in a transaction, that only reads.
        1792 | 1836 => Fault::Role,
        // "… is running with the --read-only option …"; other options prevent other things.
        1290 if message.contains("read-only") || message.contains("read_only") => Fault::Role,
        // A node of Galera that has lost the others: "WSREP has not yet prepared node for application use".
        1047 if message.contains("WSREP") => Fault::Role,
        // Too many connections, of all or of this user; no memory or no thread for one more.
        1040 | 1041 | 1135 | 1203 | 1226 => Fault::Overload,
        _ => Fault::Query,
    }
}

/// The meaning of an error that the server gave for a request.
pub(crate) fn of_server(error: &ServerError) -> Fault {
    of_code(error.code, &error.message)
}

/// Whether the server has ended the session with it.
pub(crate) fn ends_session(error: &ServerError) -> bool {
    matches!(of_server(error), Fault::Connection | Fault::Host)
}

/// The meaning of an error on a connection that was established.
pub(crate) fn of_request(error: &Error) -> Fault {
    match error {
        Error::Server(error) => of_server(error),
        Error::Driver(error) => of_driver(error),
        // The driver takes no system's error for more than the end of this connection; neither do we: a server that
        // was killed looks like a session that was killed.
        _ => Fault::Connection,
    }
}

fn of_driver(error: &DriverError) -> Fault {
    match error {
        // What was asked could not be put into words, or its answer not into the type that was wanted.
        DriverError::FromValue { .. }
        | DriverError::FromRow { .. }
        | DriverError::Params(_)
        | DriverError::MixedParams
        | DriverError::StmtParamsMismatch { .. }
        | DriverError::StmtParamsNumberExceedsLimit { .. }
        | DriverError::NestedTransaction
        | DriverError::ReadOnlyTransNotSupported
        | DriverError::LocalInfile(_) => Fault::Query,
        _ => Fault::Connection,
    }
}

/// The meaning of an error while connecting.
pub(crate) fn of_connect(error: &Error) -> Fault {
    match error {
        Error::Server(error) => match of_server(error) {
            // Whatever the server has against us, it has next time too: a wrong password (1045), an unknown database
            // (1049), no right to it (1044), a host that is blocked (1129) or not let in (1130), an account that is
            // locked, a variable that does not exist.
            Fault::Query => Fault::Permanent,
            fault => fault,
        },
        Error::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled
            | DriverError::NoClientSslFlagFromServer
            | DriverError::NoKeyFound,
        ) => Fault::Permanent,
        Error::Io(IoError::Io(error)) => of_io(error),
        #[cfg(feature = "tls")]
        Error::Io(IoError::Tls(_)) => Fault::Permanent,
        _ => Fault::Connection,
    }
}

/// The meaning of an error of the system's while connecting.
pub(crate) fn of_io(error: &io::Error) -> Fault {
    match error.kind() {
        // What rustls has against the server's certificate comes wrapped like this.
        io::ErrorKind::InvalidData if is_tls(error) => Fault::Permanent,
        _ => cenote_driver::io::fault(error),
    }
}

#[cfg(feature = "tls")]
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}

#[cfg(not(feature = "tls"))]
fn is_tls(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16, message: &str) -> ServerError {
        ServerError { code, message: message.to_owned(), state: "HY000".to_owned() }
    }

    // P-14
    #[test]
    fn numbers_mean_what_the_guide_says() {
        for (code, message, request, connect) in [
            (1053, "", Fault::Host, Fault::Host),
            (1927, "", Fault::Connection, Fault::Connection),
            (1317, "", Fault::Timeout, Fault::Timeout),
            (3024, "", Fault::Timeout, Fault::Timeout),
            (1969, "", Fault::Timeout, Fault::Timeout),
            (1040, "", Fault::Overload, Fault::Overload),
            (1203, "", Fault::Overload, Fault::Overload),
            (1226, "", Fault::Overload, Fault::Overload),
            (1290, "running with the --read-only option", Fault::Role, Fault::Role),
            (1290, "running with the --secure-file-priv option", Fault::Query, Fault::Permanent),
            (1792, "", Fault::Role, Fault::Role),
            (1836, "", Fault::Role, Fault::Role),
            (1047, "WSREP has not yet prepared node", Fault::Role, Fault::Role),
            (1047, "Unknown command", Fault::Query, Fault::Permanent),
            (1044, "", Fault::Query, Fault::Permanent),
            (1045, "", Fault::Query, Fault::Permanent),
            (1049, "", Fault::Query, Fault::Permanent),
            (1205, "", Fault::Query, Fault::Permanent),
            (1213, "", Fault::Query, Fault::Permanent),
            (1062, "", Fault::Query, Fault::Permanent),
            (1064, "", Fault::Query, Fault::Permanent),
            (0, "", Fault::Query, Fault::Permanent),
        ] {
            let error = || Error::Server(server(code, message));
            assert_eq!(of_request(&error()), request, "{code} {message}");
            assert_eq!(of_connect(&error()), connect, "{code} {message}");
        }
    }

    // P-14
    #[test]
    fn a_refused_port_is_the_hosts_and_a_full_table_of_files_is_ours() {
        assert_eq!(of_io(&io::ErrorKind::ConnectionRefused.into()), Fault::Host);
        assert_eq!(of_io(&io::ErrorKind::TimedOut.into()), Fault::Timeout);
        assert_eq!(of_io(&io::ErrorKind::ConnectionReset.into()), Fault::Connection);
        #[cfg(unix)]
        assert_eq!(of_io(&io::Error::from_raw_os_error(24)), Fault::Overload);
    }

    // P-14
    #[test]
    fn the_guides_table_is_this_one() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/mysql.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = page.split("| number |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let mut numbers = 0;
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            for code in cells[0].split([',', ' ']).filter_map(|word| word.parse().ok()) {
                // The words that two of them need.
                let error = Error::Server(server(code, "read-only WSREP"));
                let fault = match cells[2] {
                    "permanent" => of_connect(&error),
                    _ => of_request(&error),
                };
                assert_eq!(fault.name(), cells[2], "{row}");
                numbers += 1;
            }
        }
        assert!(numbers > 20, "{numbers}");
    }
}
