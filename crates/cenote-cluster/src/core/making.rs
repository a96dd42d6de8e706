//! A node's record with its pool, before it is a member.

use std::sync::{Arc, Weak};
use std::time::Duration;

use cenote::{Bound, Manager, Node, Pool, Role};

use super::by_hand::Hand;
use super::{Core, Member, Told};
use crate::error::BuildError;
use crate::standing::{Office, Standing};

impl<M: Manager> Core<M> {
    /// Makes the manager and the pool of a node. It calls the user's code: no lock is held.
    pub(super) fn make_member(
        &self,
        id: u64,
        node: Node,
    ) -> Result<Member<M>, BuildError<M::Error>> {
        let manager = (self.make)(&node)
            .map_err(|error| BuildError::Address { node: node.key().to_owned(), error })?;
        let standing = Standing::new(
            id,
            node.key().into(),
            self.settings.rules,
            self.settings.scoring,
            self.settings.throttle,
            Arc::clone(&self.env),
            Arc::clone(&self.random),
            self.office(),
        );
        let pool = self.build_pool(&node, manager, &standing)?;
        let role = self.first_role(&node);
        Ok(Member {
            id,
            node: Arc::new(node),
            standing,
            pool,
            lag: None,
            hand: Hand::default(),
            told: Told { role, ..Told::default() },
            grant: Bound::Unlimited,
            seeking: false,
            reached: 0.0,
        })
    }

    fn office(&self) -> Weak<dyn Office> {
        let me: Weak<Core<M>> = self.me.clone();
        me
    }

    pub(super) fn first_role(&self, node: &Node) -> Option<Role> {
        match (node.configured_role(), self.settings.probing) {
            (None, false) => Some(Role::Primary),
            (configured, _) => configured,
        }
    }

    fn build_pool(
        &self,
        node: &Node,
        manager: M,
        standing: &Arc<Standing>,
    ) -> Result<Pool<M>, BuildError<M::Error>> {
        let role = self.first_role(node).map_or("any", Role::name);
        // One connection tells whether the node is there; while it cannot be made callers are sent elsewhere, and a
        // node that is back is wanted soon.
        let first =
            Pool::builder(manager).min_size(1).fail_fast(true).backoff_max(Duration::from_secs(1));
        let shaped = self.shapes.iter().fold(first, |builder, shape| shape(node, builder));
        let membership: Arc<Standing> = Arc::clone(standing);
        let pool = shaped
            .name(format!("{}:{role}:{}", self.name, node.key()))
            .acquire_timeout(self.settings.timeout)
            .env(Arc::clone(&self.env))
            .membership(membership)
            .build()
            .map_err(|error| BuildError::Pool {
                node: node.key().to_owned(),
                error: Box::new(error),
            })?;
        if pool.options().min_size == 0 {
            let kept = pool.set_min_size(1);
            debug_assert!(kept.is_ok(), "max_size is at least 1");
        }
        Ok(pool)
    }
}
