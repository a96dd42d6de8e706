//! Which HTTP a manager speaks, as a type: only connections that speak HTTP/2 can be shared, and the compiler sees to it.

mod sealed {
    pub trait Sealed {}
}

/// A version of HTTP: [`One`] or [`Two`].
pub trait Version: sealed::Sealed + Send + Sync + 'static {
    /// Whether it is HTTP/2.
    #[doc(hidden)]
    const IS_TWO: bool;
}

/// HTTP/1.1: one request at a time on each connection.
#[derive(Debug)]
pub enum One {}

/// HTTP/2: many requests at a time on each connection.
#[derive(Debug)]
pub enum Two {}

impl sealed::Sealed for One {}
impl sealed::Sealed for Two {}

impl Version for One {
    const IS_TWO: bool = false;
}

impl Version for Two {
    const IS_TWO: bool = true;
}
