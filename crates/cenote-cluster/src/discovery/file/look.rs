//! When a file has something new to say: looks go in, a verdict comes out. It knows no file and no clock.
//!
//! A change counts when two looks in a row see the same, and never twice; so a file that is being written, or is gone for
//! the moment of a rename, says nothing. The first look counts at once if there is a list to begin with.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::read::Seen;

/// What a look sees, in short: as many bytes with this hash, or an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Digest(usize, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing to say.
    Same,
    /// Something is different: look again soon.
    Settling,
    /// This is to be said.
    New,
}

#[derive(Debug, Default)]
pub(super) struct Looks {
    /// What was said last.
    said: Option<Digest>,
    /// What the last look saw, if it was different.
    seen: Option<Digest>,
}

impl Looks {
    pub(super) fn look(&mut self, seen: &Seen) -> Verdict {
        let digest = digest(seen);
        if self.said == Some(digest) {
            self.seen = None;
            return Verdict::Same;
        }
        let first = self.said.is_none() && self.seen.is_none() && seen.is_good();
        if first || self.seen == Some(digest) {
            (self.said, self.seen) = (Some(digest), None);
            return Verdict::New;
        }
        self.seen = Some(digest);
        Verdict::Settling
    }
}

fn digest(seen: &Seen) -> Digest {
    let mut hasher = DefaultHasher::new();
    match seen {
        Seen::Content(bytes, _) => {
            bytes.hash(&mut hasher);
            Digest(bytes.len(), hasher.finish())
        }
        Seen::Error(why) => {
            why.hash(&mut hasher);
            Digest(usize::MAX, hasher.finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "a" is a list, "?" cannot be understood, "!" cannot be read.
    fn verdicts(looks: &str) -> String {
        let mut machine = Looks::default();
        let look = |c: char| {
            let seen = match c {
                '!' => Seen::Error("gone".to_owned()),
                c => Seen::content(if c == '?' {
                    "nodes = ".to_owned()
                } else {
                    format!("nodes = [{{ key = '{c}', address = 'x' }}]")
                }),
            };
            match machine.look(&seen) {
                Verdict::Same => '-',
                Verdict::Settling => '.',
                Verdict::New => 'N',
            }
        };
        looks.chars().map(look).collect()
    }

    // D-1
    #[test]
    fn an_unchanged_digest_says_nothing_and_a_change_is_said_once() {
        assert_eq!(verdicts("aaaa"), "N---");
        assert_eq!(verdicts("aabbbbaaa"), "N-.N--.N-");
    }

    // D-1, D-3
    #[test]
    fn what_changes_from_look_to_look_is_not_believed() {
        assert_eq!(verdicts("abcdef"), "N.....");
        // Half of it, then all of it.
        assert_eq!(verdicts("a?bb"), "N..N");
        // Away for the moment of a rename.
        assert_eq!(verdicts("aa!aa"), "N-.--");
        assert_eq!(verdicts("aa!bb"), "N-..N");
    }

    // D-3
    #[test]
    fn what_cannot_be_read_is_said_once_and_the_same_list_after_it_again() {
        assert_eq!(verdicts("a!!!aa"), "N.N-.N");
        assert_eq!(verdicts("!!!a"), ".N-.");
        assert_eq!(verdicts("??aa"), ".N.N");
    }
}
