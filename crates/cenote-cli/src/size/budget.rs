//! How many connections each process may have: the limit, less what is kept back, divided.

use crate::drivers::{Limit, Limits};
use crate::failure::Failure;

/// Of a limit, one connection in so many is kept in reserve, if nothing else is said: for migrations, for monitoring and for
/// the person with a shell.
const RESERVE: u64 = 10;

/// The most connections that a pool of this program has; each may be a thread and some open files.
pub(crate) const MOST: u64 = 1_000;

/// What the command line says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wishes {
    /// `--limit`: what all processes together may have.
    pub(crate) limit: Option<u32>,
    pub(crate) processes: u32,
    pub(crate) reserve: Option<u32>,
}

/// The arithmetic, with its parts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Budget {
    /// What is divided; none if no limit is known.
    pub(crate) limit: Option<u64>,
    /// Where that comes from.
    pub(crate) from: From,
    pub(crate) reserve: u64,
    pub(crate) processes: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum From {
    /// `--limit`.
    Given,
    /// A limit of the server's.
    Server(Limit),
    /// Nobody tells one, and why.
    Nobody(String),
}

impl Budget {
    /// Without a server.
    pub(crate) fn given(wishes: &Wishes) -> Result<Budget, Failure> {
        let nobody = From::Nobody("none was given".to_owned());
        let from = if wishes.limit.is_some() { From::Given } else { nobody };
        Budget { limit: wishes.limit.map(u64::from), from, reserve: 0, processes: 0 }.with(wishes)
    }

    /// With what the server says while one connection is open that asks. A limit that is given is for all processes: what
    /// others have of the server's is not taken from it.
    pub(crate) fn found(wishes: &Wishes, limits: &Limits) -> Result<Budget, Failure> {
        if wishes.limit.is_some() {
            return Budget::given(wishes);
        }
        let (limit, from) = match (limits.tightest(1), limits) {
            (Some(limit), _) => (Some(limit.left(1)), From::Server(limit.clone())),
            (None, Limits::None(why)) => (None, From::Nobody((*why).to_owned())),
            (None, Limits::Untold(why)) => (
                None,
                From::Nobody(format!(
                    "the server does not say how many connections it allows ({why}): --limit does"
                )),
            ),
            (None, Limits::Told(_)) => (None, From::Nobody("the server has no limit".to_owned())),
        };
        Budget { limit, from, reserve: 0, processes: 0 }.with(wishes)
    }

    fn with(mut self, wishes: &Wishes) -> Result<Budget, Failure> {
        self.processes = wishes.processes.into();
        self.reserve = match (wishes.reserve, self.limit) {
            (Some(reserve), _) => reserve.into(),
            (None, Some(limit)) => limit / RESERVE,
            (None, None) => 0,
        };
        let Some(limit) = self.limit else { return Ok(self) };
        let of = match &self.from {
            From::Server(found) => format!("{} leaves {limit}", found.name),
            _ => format!("--limit is {limit}"),
        };
        let reserve = self.reserve;
        if limit <= reserve {
            return Err(self.failure(format!(
                "{of} and {reserve} are kept in reserve, so that no connection is left: lower --reserve, or raise the limit"
            )));
        }
        if limit - reserve < self.processes {
            let (left, processes) = (limit - reserve, self.processes);
            return Err(self.failure(format!(
                "{of}, less {reserve} in reserve, so that {left} are left, and {processes} processes want one each at least: lower --processes or --reserve, or raise the limit"
            )));
        }
        Ok(self)
    }

    fn failure(&self, sentence: String) -> Failure {
        match self.from {
            From::Server(_) => Failure::new(sentence),
            _ => Failure::usage(sentence),
        }
    }

    /// What each process may have; none if no limit is known.
    pub(crate) fn share(&self) -> Option<u64> {
        Some((self.limit? - self.reserve) / self.processes)
    }

    /// How many connections may be tried: no limit is exceeded, given or found, and more than there are tasks would be
    /// of no use. `goodbyes`: the server tells when it has closed one; if not, one more is kept free for it.
    pub(crate) fn most_to_try(
        &self,
        tasks: u32,
        limits: &Limits,
        own: u64,
        goodbyes: bool,
    ) -> Result<u32, Failure> {
        let most = u64::from(tasks).min(MOST);
        let given = self.limit.filter(|_| self.from == From::Given);
        let left = limits.tightest(own).map(|limit| limit.left(own));
        let Some(room) = given.into_iter().chain(left).min() else {
            return Ok(u32::try_from(most).unwrap_or(u32::MAX));
        };
        let spare = self.reserve + u64::from(!goodbyes);
        let room = room.saturating_sub(spare);
        if room == 0 {
            let why = if goodbyes {
                ""
            } else {
                " (and one for a connection that may not be quite closed)"
            };
            return Err(Failure::new(format!(
                "the server has room for no connection just now besides the {} in reserve{why}: come again when it has, or lower --reserve",
                self.reserve
            )));
        }
        Ok(u32::try_from(most.min(room)).unwrap_or(u32::MAX))
    }

    /// The arithmetic in words.
    pub(crate) fn told(&self) -> String {
        let (Some(limit), Some(share)) = (self.limit, self.share()) else {
            return match &self.from {
                From::Nobody(why) => format!("{}{}", why[..1].to_uppercase(), &why[1..]) + ".",
                _ => String::new(),
            };
        };
        let mut text = match &self.from {
            From::Server(Limit { name, allows, kept, taken }) => {
                let mut text = format!("The server's limit: {name} {allows}");
                if *kept > 0 {
                    text += &format!(", less {kept} for superusers");
                }
                if *taken > 0 {
                    text += &format!(", less {taken} that others have now");
                }
                text
            }
            _ => format!("The limit: {limit}"),
        };
        if self.reserve > 0 {
            text += &format!(", less {} in reserve", self.reserve);
        }
        match (self.processes, limit - self.reserve - share * self.processes) {
            (1, _) => text += &format!(": {share} for one process"),
            (n, 0) => text += &format!(", divided by {n} processes: {share} each"),
            (n, over) => {
                text += &format!(", divided by {n} processes: {share} each, {over} left over")
            }
        }
        text + "."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(limit: Option<u32>, processes: u32, reserve: Option<u32>) -> Wishes {
        Wishes { limit, processes, reserve }
    }

    fn told(allows: u64, kept: u64, taken: u64) -> Limits {
        Limits::Told(vec![Limit { name: "max_connections", allows, kept, taken }])
    }

    // P-11
    #[test]
    fn a_limit_less_the_reserve_is_divided_by_the_processes() {
        for (limit, processes, reserve, share, says) in [
            (
                100,
                2,
                Some(10),
                45,
                "The limit: 100, less 10 in reserve, divided by 2 processes: 45 each.",
            ),
            (
                100,
                4,
                Some(10),
                22,
                "The limit: 100, less 10 in reserve, divided by 4 processes: 22 each, 2 left over.",
            ),
            (100, 1, None, 90, "The limit: 100, less 10 in reserve: 90 for one process."),
            (100, 1, Some(0), 100, "The limit: 100: 100 for one process."),
            (9, 1, None, 9, "The limit: 9: 9 for one process."),
            (1, 1, None, 1, "The limit: 1: 1 for one process."),
            (
                12,
                2,
                Some(10),
                1,
                "The limit: 12, less 10 in reserve, divided by 2 processes: 1 each.",
            ),
        ] {
            let budget = Budget::given(&wishes(Some(limit), processes, reserve)).unwrap();
            assert_eq!((budget.share(), budget.told().as_str()), (Some(share), says));
        }
    }

    // P-11, S
    #[test]
    fn a_limit_that_leaves_nobody_one_is_told_in_a_sentence() {
        for (limit, processes, reserve, says) in [
            (
                10,
                1,
                10,
                "--limit is 10 and 10 are kept in reserve, so that no connection is left: lower --reserve",
            ),
            (10, 1, 99, "no connection is left"),
            (
                10,
                9,
                2,
                "so that 8 are left, and 9 processes want one each at least: lower --processes",
            ),
        ] {
            let error = Budget::given(&wishes(Some(limit), processes, Some(reserve))).unwrap_err();
            assert!(error.sentence().contains(says), "{}", error.sentence());
        }
        let error = Budget::found(&wishes(None, 8, Some(5)), &told(100, 3, 90)).unwrap_err();
        assert!(
            error.sentence().starts_with("max_connections leaves 7, less 5 in reserve"),
            "{}",
            error.sentence()
        );
    }

    // P-11
    #[test]
    fn what_the_server_has_left_is_divided_unless_a_limit_is_given() {
        let server = told(100, 3, 12);
        let budget = Budget::found(&wishes(None, 2, None), &server).unwrap();
        assert_eq!(budget.share(), Some(38), "85 are left, 8 of them in reserve");
        assert_eq!(
            budget.told(),
            "The server's limit: max_connections 100, less 3 for superusers, less 12 that others have now, less 8 in reserve, divided by 2 processes: 38 each, 1 left over."
        );
        let budget = Budget::found(&wishes(Some(97), 2, Some(9)), &server).unwrap();
        assert_eq!(budget.share(), Some(44));
        let none =
            Budget::found(&wishes(None, 2, None), &Limits::None("SQLite has no limit")).unwrap();
        assert_eq!((none.share(), none.told().as_str()), (None, "SQLite has no limit."));
    }

    // P-11
    #[test]
    fn no_more_are_tried_than_any_limit_leaves() {
        let none = Limits::None("none");
        for (limit, reserve, limits, own, goodbyes, tasks, most) in [
            (None, None, &none, 1, true, 64, 64),
            (None, None, &none, 1, true, 100_000, 1_000),
            (Some(20), Some(5), &none, 1, true, 64, 15),
            (Some(20), Some(5), &none, 1, false, 64, 14),
            (None, Some(5), &told(100, 3, 60), 1, true, 64, 32),
            // The smaller of the two, whichever that is.
            (Some(20), Some(0), &told(100, 3, 60), 1, true, 64, 20),
            (Some(60), Some(0), &told(100, 3, 60), 1, true, 64, 37),
            // Nine of the sixty are ours.
            (Some(60), Some(0), &told(100, 3, 60), 10, true, 64, 46),
        ] {
            let budget = Budget::found(&wishes(limit, 1, reserve), limits).unwrap();
            assert_eq!(budget.most_to_try(tasks, limits, own, goodbyes).unwrap(), most);
        }
        let budget = Budget::given(&wishes(Some(50), 1, Some(5))).unwrap();
        let error = budget.most_to_try(64, &told(50, 3, 45), 1, true).unwrap_err();
        assert!(error.sentence().starts_with("the server has room for no connection just now"));
    }
}
