//! What can go wrong with a connection that somebody else's manager makes: its error, and at which step it came. The step
//! matters, since those managers do not say what an error means: one while connecting is no request's fault.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use cenote::Fault;

/// Why a connection could not be made or used.
///
/// A closure of `Pool::with` makes one of its driver's error by `?`:
///
/// ```
/// # use cenote_compat::CompatError;
/// # use std::io;
/// fn read(from: io::Result<u32>) -> Result<u32, CompatError<io::Error>> {
///     Ok(from? + 1)
/// }
/// let error = read(Err(io::ErrorKind::TimedOut.into())).unwrap_err();
/// assert_eq!(error.fault(), cenote::Fault::Timeout);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CompatError<E> {
    /// No connection could be made.
    #[non_exhaustive]
    Connect {
        /// The manager's error.
        source: E,
    },
    /// A connection failed its test: `is_valid`, or `recycle`.
    #[non_exhaustive]
    Test {
        /// The manager's error.
        source: E,
    },
    /// A manager of deadpool's, or a hook, did not want a connection and said why in words.
    #[non_exhaustive]
    Refused {
        /// Its words.
        reason: Cow<'static, str>,
    },
    /// The manager says that a connection is broken (`has_broken`).
    Broken,
    /// A request failed.
    #[non_exhaustive]
    Request {
        /// The driver's error.
        source: E,
    },
}

impl<E> CompatError<E> {
    /// The manager's own error, if there is one.
    pub fn inner(&self) -> Option<&E> {
        match self {
            CompatError::Connect { source }
            | CompatError::Test { source }
            | CompatError::Request { source } => Some(source),
            CompatError::Refused { .. } | CompatError::Broken => None,
        }
    }

    /// The manager's own error, taken out.
    pub fn into_inner(self) -> Option<E> {
        match self {
            CompatError::Connect { source }
            | CompatError::Test { source }
            | CompatError::Request { source } => Some(source),
            CompatError::Refused { .. } | CompatError::Broken => None,
        }
    }
}

impl<E: StdError + 'static> CompatError<E> {
    /// What the error means for the pool, as far as it can be seen (P-14): an [`io::Error`] in its chain says so by its
    /// kind. What is left is the request's own affair, [`Fault::Query`], if it came of a request, and
    /// [`Fault::Connection`] else: a wrong password, for instance, is tried again until the callers' deadlines.
    ///
    /// Who knows the driver says it better:
    ///
    /// ```
    /// # use cenote::{Fault, Pool};
    /// # use cenote_compat::{Bb8, CompatError};
    /// # #[derive(Debug)] struct DbError { code: u32 }
    /// # impl std::fmt::Display for DbError {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("db") }
    /// # }
    /// # impl std::error::Error for DbError {}
    /// # struct Db;
    /// # impl bb8::ManageConnection for Db {
    /// #     type Connection = ();
    /// #     type Error = DbError;
    /// #     async fn connect(&self) -> Result<(), DbError> { Ok(()) }
    /// #     async fn is_valid(&self, _: &mut ()) -> Result<(), DbError> { Ok(()) }
    /// #     fn has_broken(&self, _: &mut ()) -> bool { false }
    /// # }
    /// let builder = Pool::builder(Bb8::new(Db)).classify_with(|error| match error.inner() {
    ///     Some(DbError { code: 1045 }) => Fault::Permanent,
    ///     Some(DbError { code: 1040 }) => Fault::Overload,
    ///     _ => error.fault(),
    /// });
    /// ```
    pub fn fault(&self) -> Fault {
        self.inner().and_then(|source| by_io(source)).unwrap_or(match self {
            CompatError::Request { .. } => Fault::Query,
            _ => Fault::Connection,
        })
    }
}

/// What the first error of the system's in the chain of another says.
fn by_io(error: &(dyn StdError + 'static)) -> Option<Fault> {
    let mut chain = Some(error);
    while let Some(error) = chain {
        if let Some(fault) = error.downcast_ref().and_then(of_io) {
            return Some(fault);
        }
        chain = error.source();
    }
    None
}

/// Kinds that programs make up, such as `Other` and `InvalidData`, say nothing.
fn of_io(error: &io::Error) -> Option<Fault> {
    use io::ErrorKind::*;
    // EMFILE and ENFILE: fewer connections may work.
    if cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)) {
        return Some(Fault::Overload);
    }
    match error.kind() {
        TimedOut | WouldBlock => Some(Fault::Timeout),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | NotFound => Some(Fault::Host),
        PermissionDenied => Some(Fault::Permanent),
        ConnectionReset | ConnectionAborted | NotConnected | BrokenPipe | UnexpectedEof
        | AddrNotAvailable | NetworkDown => Some(Fault::Connection),
        _ => error.raw_os_error().map(|_| Fault::Connection),
    }
}

/// What a closure of `Pool::with` needs for its `?`: the driver's error is one of a request.
impl<E> From<E> for CompatError<E> {
    fn from(source: E) -> CompatError<E> {
        CompatError::Request { source }
    }
}

impl<E: fmt::Display> fmt::Display for CompatError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompatError::Connect { source } => write!(
                f,
                "no connection could be made: {source}: see whether the server is up and the manager's settings are right"
            ),
            CompatError::Test { source } => {
                write!(f, "a connection failed its test and is closed: {source}")
            }
            CompatError::Refused { reason } => {
                write!(f, "the manager or a hook of it did not want a connection: {reason}")
            }
            CompatError::Broken => {
                f.write_str("the manager says that this connection is broken: acquire another")
            }
            CompatError::Request { source } => source.fmt(f),
        }
    }
}

impl<E: StdError + 'static> StdError for CompatError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The sentence holds the words of the error below: go on with what is below that.
        self.inner()?.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    fn connect(kind: io::ErrorKind) -> CompatError<Wrapped> {
        CompatError::Connect { source: Wrapped(kind.into()) }
    }

    // P-14
    #[test]
    fn an_error_of_the_systems_in_the_chain_says_what_it_means() {
        for (kind, fault) in [
            (io::ErrorKind::ConnectionRefused, Fault::Host),
            (io::ErrorKind::NotFound, Fault::Host),
            (io::ErrorKind::TimedOut, Fault::Timeout),
            (io::ErrorKind::PermissionDenied, Fault::Permanent),
            (io::ErrorKind::ConnectionReset, Fault::Connection),
            (io::ErrorKind::UnexpectedEof, Fault::Connection),
        ] {
            assert_eq!(connect(kind).fault(), fault, "{kind}");
            assert_eq!(CompatError::from(Wrapped(kind.into())).fault(), fault, "{kind}");
        }
        for made_up in [io::ErrorKind::Other, io::ErrorKind::InvalidData] {
            assert_eq!(CompatError::from(Wrapped(made_up.into())).fault(), Fault::Query);
            assert_eq!(connect(made_up).fault(), Fault::Connection);
        }
        #[cfg(unix)]
        assert_eq!(
            CompatError::from(io::Error::from_raw_os_error(24)).fault(),
            Fault::Overload,
            "a full table of files"
        );
    }

    // P-14
    #[test]
    fn without_one_the_step_says_it() {
        let error = || fmt::Error;
        assert_eq!(CompatError::from(error()).fault(), Fault::Query);
        assert_eq!(CompatError::Connect { source: error() }.fault(), Fault::Connection);
        assert_eq!(CompatError::Test { source: error() }.fault(), Fault::Connection);
        assert_eq!(CompatError::<fmt::Error>::Broken.fault(), Fault::Connection);
    }
}
