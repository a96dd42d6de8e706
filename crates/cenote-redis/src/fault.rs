//! What Redis's errors mean for a pool (P-14): the one table, by the word that an error begins with.

use cenote::Fault;
use redis::{ErrorKind, RedisError as Error, ServerError};

/// The meaning of an error that the server gave for a command. What is not listed is the command's own affair.
pub(crate) fn of_code(code: &str, detail: &str) -> Fault {
    match code {
        // A write on a replica.
        "READONLY" => Fault::Role,
        // A replica that has lost its primary, and was told not to answer then.
        "MASTERDOWN" => Fault::Role,
        // Who waited in a blocking command is sent away when a primary becomes a replica, and by CLIENT UNBLOCK.
        "UNBLOCKED" if detail.contains("instance state changed") => Fault::Role,
        "UNBLOCKED" => Fault::Timeout,
        // It starts up, or takes over another server's data.
        "LOADING" => Fault::Host,
        "CLUSTERDOWN" => Fault::Host,
        // A script that others wait for.
        "BUSY" => Fault::Overload,
        "ERR" if detail.contains("max number of clients") => Fault::Overload,
        "NOAUTH" | "WRONGPASS" | "DENIED" => Fault::Permanent,
        _ => Fault::Query,
    }
}

/// What the server said, in the two parts of it.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) code: String,
    pub(crate) detail: String,
}

/// The server's own error, if it is one. Of several in a pipeline, and of the reasons why a transaction was given up, the
/// first that matters to the pool.
pub(crate) fn said(error: &Error) -> Option<Said> {
    let errors = error.clone().into_server_errors()?;
    let part = |error: &ServerError| Said {
        code: error.code().to_owned(),
        detail: error.details().unwrap_or_default().to_owned(),
    };
    let mut all = errors.iter().map(|(_, error)| part(error)).peekable();
    let first = all.peek().cloned();
    all.find(|said| of_code(&said.code, &said.detail) != Fault::Query).or(first)
}

/// The meaning of an error on a connection that was established.
pub(crate) fn of_request(error: &Error) -> Fault {
    if let Some(said) = said(error) {
        return of_code(&said.code, &said.detail);
    }
    if error.is_timeout() {
        return Fault::Timeout;
    }
    match error.kind() {
        // A value of another type, a command that was not sent. Answers that cannot be read at all were told apart
        // before (`session`).
        ErrorKind::UnexpectedReturnType | ErrorKind::InvalidClientConfig | ErrorKind::Parse => {
            Fault::Query
        }
        // Whatever else it may be, the connection is not to be trusted.
        _ => Fault::Connection,
    }
}

/// The meaning of what a server answers to who wants to log in.
pub(crate) fn of_refusal(said: &str) -> Fault {
    let (code, detail) = said.split_once(' ').unwrap_or((said, ""));
    match of_code(code, detail) {
        // A database that does not exist, a user without the right: the same next time.
        Fault::Query => Fault::Permanent,
        fault => fault,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    // P-14
    #[test]
    fn words_mean_what_the_guide_says() {
        for (said, fault) in [
            ("READONLY You can't write against a read only replica.", Fault::Role),
            ("MASTERDOWN Link with MASTER is down", Fault::Role),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed",
                Fault::Role,
            ),
            ("UNBLOCKED client unblocked via CLIENT UNBLOCK", Fault::Timeout),
            ("LOADING Redis is loading the dataset in memory", Fault::Host),
            ("CLUSTERDOWN Hash slot not served", Fault::Host),
            ("BUSY Redis is busy running a script", Fault::Overload),
            ("ERR max number of clients reached", Fault::Overload),
            ("NOAUTH Authentication required.", Fault::Permanent),
            ("WRONGPASS invalid username-password pair", Fault::Permanent),
            ("NOPERM this user has no permissions", Fault::Query),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Fault::Query),
            ("MOVED 3999 127.0.0.1:6381", Fault::Query),
            ("WRONGTYPE Operation against a key", Fault::Query),
            ("OOM command not allowed", Fault::Query),
            ("ERR syntax error", Fault::Query),
            ("", Fault::Query),
        ] {
            let (code, detail) = said.split_once(' ').unwrap_or((said, ""));
            assert_eq!(of_code(code, detail), fault, "{said}");
            let refused = if fault == Fault::Query { Fault::Permanent } else { fault };
            assert_eq!(of_refusal(said), refused, "{said}");
        }
    }

    // P-14
    #[test]
    fn what_is_no_answer_of_the_servers_is_told_apart() {
        let io = |kind: io::ErrorKind| of_request(&Error::from(io::Error::from(kind)));
        assert_eq!(io(io::ErrorKind::BrokenPipe), Fault::Connection);
        assert_eq!(io(io::ErrorKind::TimedOut), Fault::Timeout);
        let ours = |kind: ErrorKind| of_request(&Error::from((kind, "x")));
        assert_eq!(ours(ErrorKind::UnexpectedReturnType), Fault::Query);
        assert_eq!(ours(ErrorKind::InvalidClientConfig), Fault::Query);
        assert_eq!(ours(ErrorKind::Parse), Fault::Query);
        assert_eq!(ours(ErrorKind::AuthenticationFailed), Fault::Connection);
    }

    // P-14
    #[test]
    fn the_guides_table_is_this_one() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../book/src/redis.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = page.split("| an error that begins with |").nth(1).unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let mut codes = 0;
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            for code in cells[0].split('`').skip(1).step_by(2) {
                let (code, detail) = code.split_once(' ').unwrap_or((code, ""));
                assert_eq!(of_code(code, detail).name(), cells[2], "{row}");
                codes += 1;
            }
        }
        assert!(codes > 14, "{codes}");
    }
}
