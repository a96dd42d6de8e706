//! What an error of the system's means while a connection is made, as a class for the pool (P-14) and in words.

use std::io;

use cenote::Fault;

/// The meaning of an error of the system's while connecting.
///
/// ```
/// use std::io;
/// let error = io::Error::from(io::ErrorKind::ConnectionRefused);
/// assert_eq!(cenote_driver::io::fault(&error), cenote::Fault::Host);
/// ```
pub fn fault(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::TimedOut => Fault::Timeout,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NotFound => Fault::Host,
        io::ErrorKind::PermissionDenied => Fault::Permanent,
        // EMFILE and ENFILE: fewer connections may work.
        _ if cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)) => Fault::Overload,
        _ => Fault::Connection,
    }
}

/// Why nobody answered, and what to do, to stand behind the place: `db:5432: nothing listens there: …`. `what` is who
/// should: "server", "service".
pub fn unreachable(error: &io::Error, what: &str) -> String {
    match (error.kind(), fault(error)) {
        (io::ErrorKind::ConnectionRefused, _) => {
            format!("nothing listens there: start the {what}, or correct host and port")
        }
        (io::ErrorKind::NotFound, _) => {
            format!("there is no such socket: start the {what}, or correct the path")
        }
        (io::ErrorKind::PermissionDenied, _) => {
            "this process may not use that socket: change its rights, or connect by TCP".to_owned()
        }
        (_, Fault::Overload) => {
            "there are too many open files: lower max_size, or raise the limit (ulimit -n)"
                .to_owned()
        }
        _ => format!(
            "it cannot be reached ({error}): see whether the host is up and the network lets you pass"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-14
    #[test]
    fn a_refused_port_is_the_hosts_and_a_full_table_of_files_is_ours() {
        for (kind, class) in [
            (io::ErrorKind::ConnectionRefused, Fault::Host),
            (io::ErrorKind::NotFound, Fault::Host),
            (io::ErrorKind::TimedOut, Fault::Timeout),
            (io::ErrorKind::PermissionDenied, Fault::Permanent),
            (io::ErrorKind::ConnectionReset, Fault::Connection),
        ] {
            assert_eq!(fault(&kind.into()), class, "{kind:?}");
        }
        #[cfg(unix)]
        {
            let full = io::Error::from_raw_os_error(24);
            assert_eq!(fault(&full), Fault::Overload);
            assert!(unreachable(&full, "server").contains("max_size"));
        }
    }
}
