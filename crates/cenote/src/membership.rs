//! A pool's membership in a cluster: which node it is for, and who is told how its connections fare. The pool tells
//! and forgets; what follows from it (health, roles, weights) is the cluster's.

use std::error::Error as StdError;

use crate::manager::{Ended, Fault};
use crate::node::Role;

/// What a pool tells of itself while it belongs to a cluster. Set by [`Builder::membership`](crate::Builder::membership).
///
/// Everything is called outside the pool's lock, `lent` and `returned` for every single loan: they must be quick and
/// must not block or panic.
pub trait Membership: Send + Sync + 'static {
    /// The key of its node.
    fn node(&self) -> &str;

    /// What the node is at the moment, if that is known.
    fn role(&self) -> Option<Role>;

    /// A connection was lent, or a share of one (P-32), which is a loan like any other. The number comes back with
    /// whatever is told of this loan.
    fn lent(&self) -> u32;

    /// The borrower said how something went that it did with its connection; any number of times in one loan.
    fn reported(&self, loan: u32, outcome: Result<(), Fault>);

    /// The loan is over. `died`: the driver found the connection dead when it came back; of a shared one that is told once,
    /// with its last sharer, and only if nothing was reported of that share.
    fn returned(&self, loan: u32, how: Ended, died: bool);

    /// A connection was made.
    fn connected(&self);

    /// A connect failed. `none_left`: the pool has no connection now.
    fn connect_failed(&self, fault: Fault, error: &(dyn StdError + 'static), none_left: bool);
}
