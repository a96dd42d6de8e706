//! What the little servers and their clients say to each other: one line asks, one line answers, in words, and nobody
//! speaks unasked but the server that greets. What is not understood is told so and costs nothing else.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use cenote::Role;

/// No line is longer; whoever sends more is not one of ours.
pub(crate) const LONGEST: u64 = 128;

/// What a client asks for. The servers keep counters, which a writer counts up one by one: so a write may be sent twice,
/// and one that was lost is noticed by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Ping,
    Role,
    Read { counter: u32 },
    Write { counter: u32, value: i64 },
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Well,
    Is {
        role: Role,
        epoch: u64,
        /// Of a replica that follows somebody.
        lag: Option<Duration>,
    },
    Value(i64),
    Done,
    Refused(Refusal),
}

/// Why it does not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is a replica, and was asked to write.
    ReadOnly,
    /// The counter stands lower than it must: a write was lost that had been acknowledged.
    Gap { has: i64 },
    /// This session is broken, and ends.
    Broken,
    /// It has not understood.
    Unclear,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Ping => f.write_str("PING"),
            Request::Role => f.write_str("ROLE"),
            Request::Read { counter } => write!(f, "READ {counter}"),
            Request::Write { counter, value } => write!(f, "WRITE {counter} {value}"),
        }
    }
}

impl FromStr for Request {
    type Err = ();

    fn from_str(line: &str) -> Result<Request, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        Ok(match words[..] {
            ["PING"] => Request::Ping,
            ["ROLE"] => Request::Role,
            ["READ", counter] => Request::Read { counter: number(counter)? },
            ["WRITE", counter, value] => {
                Request::Write { counter: number(counter)?, value: number(value)? }
            }
            _ => return Err(()),
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Well => f.write_str("WELL"),
            Answer::Is { role, epoch, lag: None } => write!(f, "IS {role} {epoch}"),
            Answer::Is { role, epoch, lag: Some(lag) } => {
                write!(f, "IS {role} {epoch} {}", lag.as_millis())
            }
            Answer::Value(value) => write!(f, "VALUE {value}"),
            Answer::Done => f.write_str("DONE"),
            Answer::Refused(Refusal::ReadOnly) => f.write_str("READONLY"),
            Answer::Refused(Refusal::Gap { has }) => write!(f, "GAP {has}"),
            Answer::Refused(Refusal::Broken) => f.write_str("BROKEN"),
            Answer::Refused(Refusal::Unclear) => f.write_str("UNCLEAR"),
        }
    }
}

impl FromStr for Answer {
    type Err = ();

    fn from_str(line: &str) -> Result<Answer, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        let is = |role, epoch, lag| Answer::Is { role, epoch, lag };
        Ok(match words[..] {
            ["WELL"] => Answer::Well,
            ["IS", of, epoch] => is(role(of)?, number(epoch)?, None),
            ["IS", of, epoch, lag] => {
                is(role(of)?, number(epoch)?, Some(Duration::from_millis(number(lag)?)))
            }
            ["VALUE", value] => Answer::Value(number(value)?),
            ["DONE"] => Answer::Done,
            ["READONLY"] => Answer::Refused(Refusal::ReadOnly),
            ["GAP", has] => Answer::Refused(Refusal::Gap { has: number(has)? }),
            ["BROKEN"] => Answer::Refused(Refusal::Broken),
            ["UNCLEAR"] => Answer::Refused(Refusal::Unclear),
            _ => return Err(()),
        })
    }
}

fn number<T: FromStr>(word: &str) -> Result<T, ()> {
    word.parse().map_err(|_| ())
}

fn role(word: &str) -> Result<Role, ()> {
    let known = [Role::Primary, Role::Replica].into_iter().find(|role| role.name() == word);
    known.ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // S
    #[test]
    fn what_is_written_is_read_as_it_was() {
        let requests = [
            Request::Ping,
            Request::Role,
            Request::Read { counter: u32::MAX },
            Request::Write { counter: 0, value: i64::MAX },
        ];
        for request in requests {
            let line = request.to_string();
            assert_eq!(line.parse(), Ok(request));
            assert!((line.len() as u64) < LONGEST);
        }
        let lag = Some(Duration::from_millis(12));
        let answers = [
            Answer::Well,
            Answer::Is { role: Role::Primary, epoch: u64::MAX, lag: None },
            Answer::Is { role: Role::Replica, epoch: 1, lag },
            Answer::Value(i64::MIN),
            Answer::Done,
            Answer::Refused(Refusal::ReadOnly),
            Answer::Refused(Refusal::Gap { has: 7 }),
            Answer::Refused(Refusal::Broken),
            Answer::Refused(Refusal::Unclear),
        ];
        for answer in answers {
            let line = answer.to_string();
            assert_eq!(line.parse(), Ok(answer));
            assert!((line.len() as u64) < LONGEST);
        }
    }

    // S
    #[test]
    fn garbage_is_not_understood() {
        for line in
            ["", " ", "READ", "READ -1", "READ 1 2", "WRITE 1", "IS", "ping", "PING ", "\u{0}é"]
        {
            assert_eq!(line.parse::<Request>(), Err(()), "{line:?}");
            assert_eq!(line.parse::<Answer>(), Err(()), "{line:?}");
        }
    }
}
