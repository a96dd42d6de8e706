//! A connection in the pool's hands: its own, or, once it has been shared, joint property of the pool and
//! the sharers of the moment (P-32). Sharers let go of theirs before they give their share back, so whoever
//! has the connection to itself is its only owner.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A connection that several may own. A trait object, so that only [`Conn::join`] must know that the
/// connection can be used from several threads at once.
pub(crate) trait Joint<C>: Send + Sync {
    fn get(&self) -> &C;
    fn get_mut(&mut self) -> &mut C;
    /// The connection, if this is its last owner.
    fn into_inner(self: Arc<Self>) -> Option<C>;
}

struct Property<C>(C);

impl<C: Send + Sync> Joint<C> for Property<C> {
    fn get(&self) -> &C {
        &self.0
    }

    fn get_mut(&mut self) -> &mut C {
        &mut self.0
    }

    fn into_inner(self: Arc<Self>) -> Option<C> {
        Arc::into_inner(self).map(|property| property.0)
    }
}

pub(crate) enum Conn<C> {
    Own(C),
    /// It stays so when the sharers have left: the next ones cost no allocation.
    Joint(Arc<dyn Joint<C>>),
    /// For the moment of becoming joint.
    Moving,
}

impl<C> Conn<C> {
    /// The connection, unless somebody else still owns it.
    pub(crate) fn into_inner(self) -> Option<C> {
        match self {
            Conn::Own(conn) => Some(conn),
            Conn::Joint(joint) => joint.into_inner(),
            Conn::Moving => None,
        }
    }
}

impl<C: Send + Sync + 'static> Conn<C> {
    /// Makes it joint, if it is not yet, and takes one more owner in.
    pub(crate) fn join(&mut self) -> Arc<dyn Joint<C>> {
        if let Conn::Joint(joint) = self {
            return Arc::clone(joint);
        }
        let Conn::Own(conn) = std::mem::replace(self, Conn::Moving) else {
            unreachable!("a connection moves only in here");
        };
        let joint: Arc<dyn Joint<C>> = Arc::new(Property(conn));
        *self = Conn::Joint(Arc::clone(&joint));
        joint
    }
}

impl<C> Deref for Conn<C> {
    type Target = C;

    fn deref(&self) -> &C {
        match self {
            Conn::Own(conn) => conn,
            Conn::Joint(joint) => joint.get(),
            Conn::Moving => unreachable!("a connection moves only inside `join`"),
        }
    }
}

impl<C> DerefMut for Conn<C> {
    fn deref_mut(&mut self) -> &mut C {
        match self {
            Conn::Own(conn) => conn,
            Conn::Joint(joint) => Arc::get_mut(joint)
                .expect("sharers let go before the connection comes back")
                .get_mut(),
            Conn::Moving => unreachable!("a connection moves only inside `join`"),
        }
    }
}
