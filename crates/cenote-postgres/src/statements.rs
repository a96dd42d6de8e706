//! The prepared statements of one connection, by their text: the server parses each once. As many as were asked for
//! are kept, those used last; one that goes is closed on the server by the driver.

use std::collections::HashMap;

use tokio_postgres::Statement;

pub(crate) struct Statements<S = Statement> {
    most: usize,
    /// Counts up with every use.
    now: u64,
    kept: HashMap<Box<str>, (S, u64)>,
}

impl<S: Clone> Statements<S> {
    pub(crate) fn new(most: usize) -> Statements<S> {
        Statements { most, now: 0, kept: HashMap::new() }
    }

    pub(crate) fn get(&mut self, text: &str) -> Option<S> {
        self.now += 1;
        let (statement, used) = self.kept.get_mut(text)?;
        *used = self.now;
        Some(statement.clone())
    }

    /// Returns what has to go for it, to be dropped when the lock is let go.
    pub(crate) fn put(&mut self, text: &str, statement: S) -> Option<S> {
        if self.most == 0 {
            return None;
        }
        self.now += 1;
        let old = self.kept.insert(text.into(), (statement, self.now));
        if old.is_some() || self.kept.len() <= self.most {
            return old.map(|(statement, _)| statement);
        }
        // A new statement costs a round trip; looking through a few dozen costs nothing beside it.
        let oldest = self.kept.iter().min_by_key(|(_, (_, used))| *used);
        let oldest = oldest.map(|(text, _)| text.clone())?;
        self.kept.remove(&oldest).map(|(statement, _)| statement)
    }

    pub(crate) fn forget(&mut self, text: &str) -> Option<S> {
        self.kept.remove(text).map(|(statement, _)| statement)
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-2
    #[test]
    fn the_one_used_longest_ago_goes() {
        let mut statements = Statements::new(2);
        assert_eq!(statements.put("a", 1), None);
        assert_eq!(statements.put("b", 2), None);
        assert_eq!(statements.get("a"), Some(1));
        assert_eq!(statements.put("c", 3), Some(2), "b was not used since");
        assert_eq!((statements.get("b"), statements.len()), (None, 2));
        assert_eq!(statements.put("c", 4), Some(3), "the same text takes its own place");
        assert_eq!(statements.forget("a"), Some(1));
        assert_eq!(statements.len(), 1);
    }

    // P-2
    #[test]
    fn a_cache_of_none_keeps_none() {
        let mut statements = Statements::new(0);
        assert_eq!(statements.put("a", 1), None);
        assert_eq!((statements.get("a"), statements.len()), (None, 0));
    }
}
