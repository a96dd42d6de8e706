//! How a pool or a cluster of the list was closed or cleared, whatever its connections are.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use cenote::{Holder, Report};

/// A close or a clear that has begun.
pub(super) type Closing = Pin<Box<dyn Future<Output = Closed> + Send>>;

/// How one pool or cluster closed, or was cleared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// Its name.
    pub name: String,
    /// Connections that were closed.
    pub closed: usize,
    /// The closes that failed, a sentence each.
    pub errors: Vec<String>,
    /// Who still held a connection.
    pub holders: Vec<Holder>,
}

impl Closed {
    /// Waits for the report and puts it into words.
    pub(super) fn of<E: fmt::Display + Send + Sync + 'static>(
        name: &str,
        settling: impl Future<Output = Report<E>> + Send + 'static,
    ) -> Closing {
        let name = name.to_owned();
        Box::pin(async move {
            let report = settling.await;
            let errors = report.errors.iter().map(|error| error.to_string()).collect();
            Closed { name, closed: report.closed, errors, holders: report.holders }
        })
    }
}
