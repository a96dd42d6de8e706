//! What the user puts in the pool's way: closures that may change an outcome (P-28). None of them runs
//! under the lock, and a panic in one costs at most one connection.

use std::future::Future;
use std::pin::Pin;

use crate::manager::{Fault, Manager};

/// A future in a box, as stored hooks return them.
pub type HookFuture<'c, E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'c>>;

type AfterConnect<M> = Box<
    dyn for<'c> Fn(&'c mut <M as Manager>::Connection) -> HookFuture<'c, <M as Manager>::Error>
        + Send
        + Sync,
>;
type Classify<M> = Box<dyn Fn(&<M as Manager>::Error) -> Fault + Send + Sync>;

/// What the user put in the pool's way.
pub(crate) struct Hooks<M: Manager> {
    pub(crate) after_connect: Option<AfterConnect<M>>,
    pub(crate) classify: Option<Classify<M>>,
}
