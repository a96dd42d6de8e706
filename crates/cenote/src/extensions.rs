//! A type map that travels with a connection: statement caches, session notes, anything that belongs to
//! one connection and should die with it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

/// At most one value of each type. An empty map costs one word.
#[derive(Default)]
#[expect(clippy::box_collection, reason = "an empty map is one word in every connection's entry")]
pub struct Extensions(Option<Box<HashMap<TypeId, Box<dyn Any + Send>>>>);

impl Extensions {
    pub(crate) fn new() -> Extensions {
        Extensions(None)
    }

    /// Puts a value in; returns the one of its type that was there.
    pub fn insert<T: Send + 'static>(&mut self, value: T) -> Option<T> {
        let map = self.0.get_or_insert_default();
        let old = map.insert(TypeId::of::<T>(), Box::new(value));
        old.and_then(|old| old.downcast().ok()).map(|old| *old)
    }

    /// The value of this type.
    pub fn get<T: Send + 'static>(&self) -> Option<&T> {
        self.0.as_ref()?.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// The value of this type, to be changed.
    pub fn get_mut<T: Send + 'static>(&mut self) -> Option<&mut T> {
        self.0.as_mut()?.get_mut(&TypeId::of::<T>())?.downcast_mut()
    }

    /// Takes the value of this type out.
    pub fn remove<T: Send + 'static>(&mut self) -> Option<T> {
        let old = self.0.as_mut()?.remove(&TypeId::of::<T>())?;
        old.downcast().ok().map(|old| *old)
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.0.as_ref().map_or(0, |map| map.len());
        f.debug_struct("Extensions").field("len", &len).finish()
    }
}
