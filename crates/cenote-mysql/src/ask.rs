//! What can be run with parameters.

use mysql_async::Statement;

/// What can be run with parameters: a text, which is prepared once and kept, or a prepared statement.
pub trait Ask: Send + sealed::Ask {}

mod sealed {
    use mysql_async::Statement;

    pub trait Ask {
        fn asked(&self) -> Asked<'_>;
    }

    pub enum Asked<'a> {
        Text(&'a str),
        Prepared(&'a Statement),
    }
}

pub(crate) use sealed::Asked;

impl Ask for &str {}
impl Ask for String {}
impl Ask for &String {}
impl Ask for Statement {}
impl Ask for &Statement {}

impl sealed::Ask for &str {
    fn asked(&self) -> Asked<'_> {
        Asked::Text(self)
    }
}

impl sealed::Ask for String {
    fn asked(&self) -> Asked<'_> {
        Asked::Text(self)
    }
}

impl sealed::Ask for &String {
    fn asked(&self) -> Asked<'_> {
        Asked::Text(self)
    }
}

impl sealed::Ask for Statement {
    fn asked(&self) -> Asked<'_> {
        Asked::Prepared(self)
    }
}

impl sealed::Ask for &Statement {
    fn asked(&self) -> Asked<'_> {
        Asked::Prepared(self)
    }
}
