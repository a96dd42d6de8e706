//! What a command does to the session that it runs in, beyond its answer. The one table: what cannot be sent over a lent
//! connection, what blocks, and what is left behind.
//!
//! Every command passes here before it is sent. Scripts and functions cannot change the session that calls them.

use redis::{Arg, Cmd, Pipeline};

/// What may be left in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traces(pub(crate) u8);

impl Traces {
    pub(crate) const NONE: Traces = Traces(0);
    /// Another database is chosen.
    pub(crate) const DATABASE: Traces = Traces(1);
    /// A transaction is open.
    pub(crate) const TRANSACTION: Traces = Traces(2);
    /// Keys are watched.
    pub(crate) const WATCH: Traces = Traces(4);
    /// What only a new login undoes.
    pub(crate) const OTHER: Traces = Traces(8);

    pub(crate) const fn and(self, more: Traces) -> Traces {
        Traces(self.0 | more.0)
    }

    pub(crate) const fn without(self, less: Traces) -> Traces {
        Traces(self.0 & !less.0)
    }

    pub(crate) const fn has(self, some: Traces) -> bool {
        self.0 & some.0 != 0
    }
}

/// What sending this does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// It may leave this.
    pub(crate) leaves: Traces,
    /// If it goes well, this is gone.
    pub(crate) clears: Traces,
    /// It may wait on the server, for ever.
    pub(crate) blocks: bool,
}

/// Why a command cannot be sent.
pub(crate) type Refused = &'static str;

const ANSWERS: Refused = "its answers come unasked, so they would be taken for those of other commands: use a connection of your own, such as the redis crate's PubSub";
const REPLY: Refused =
    "without answers nobody knows which answer is whose: use a connection of your own";
const SHARED: Refused = "it changes the session or blocks it, and others use this connection at the same time: acquire one instead of sharing";

impl Effect {
    fn leaves(traces: Traces) -> Effect {
        Effect { leaves: traces, ..Effect::default() }
    }

    fn clears(traces: Traces) -> Effect {
        Effect { clears: traces, ..Effect::default() }
    }

    /// What this does after that.
    fn then(self, next: Effect) -> Effect {
        Effect {
            leaves: self.leaves.without(next.clears).and(next.leaves),
            clears: self.clears.without(next.leaves).and(next.clears),
            blocks: self.blocks || next.blocks,
        }
    }

    /// Whether others could go on beside it as if nothing were.
    fn is_private(self) -> bool {
        self != Effect::default()
    }

    pub(crate) fn of(command: &Cmd, home: u32) -> Result<Effect, Refused> {
        let mut words = command.args_iter().filter_map(|arg| match arg {
            Arg::Simple(word) => Some(word),
            _ => None,
        });
        let mut upper = [0; LONGEST];
        let name = upper_case(words.next().unwrap_or_default(), &mut upper);
        let both = Traces::TRANSACTION.and(Traces::WATCH);
        Ok(match name {
            // First, what is asked most.
            b"GET" | b"SET" | b"PING" => Effect::default(),
            b"SELECT" => match words.next().map(|word| word == home.to_string().as_bytes()) {
                Some(true) => Effect::clears(Traces::DATABASE),
                _ => Effect::leaves(Traces::DATABASE),
            },
            b"MULTI" => Effect::leaves(Traces::TRANSACTION),
            b"EXEC" | b"DISCARD" => Effect::clears(both),
            b"WATCH" => Effect::leaves(Traces::WATCH),
            b"UNWATCH" => Effect::clears(Traces::WATCH),
            b"AUTH" | b"HELLO" | b"READONLY" | b"READWRITE" | b"ASKING" | b"RESET" | b"QUIT" => {
                Effect::leaves(Traces::OTHER)
            }
            b"CLIENT" => {
                let mut upper = [0; LONGEST];
                match upper_case(words.next().unwrap_or_default(), &mut upper) {
                    b"REPLY" => return Err(REPLY),
                    b"SETNAME" | b"SETINFO" | b"TRACKING" | b"CACHING" | b"NO-EVICT"
                    | b"NO-TOUCH" | b"CAPA" => Effect::leaves(Traces::OTHER),
                    _ => Effect::default(),
                }
            }
            b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BLMOVE" | b"BLMPOP" | b"BZPOPMIN"
            | b"BZPOPMAX" | b"BZMPOP" | b"WAIT" | b"WAITAOF" => {
                Effect { blocks: true, ..Effect::default() }
            }
            b"XREAD" | b"XREADGROUP" => {
                // BLOCK stands before STREAMS; behind it are keys.
                let is = |word: &[u8], name: &[u8]| word.eq_ignore_ascii_case(name);
                let mut options = words.take_while(|word| !is(word, b"STREAMS"));
                Effect { blocks: options.any(|word| is(word, b"BLOCK")), ..Effect::default() }
            }
            b"SUBSCRIBE" | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE"
            | b"SUNSUBSCRIBE" | b"MONITOR" | b"SYNC" | b"PSYNC" => return Err(ANSWERS),
            _ => Effect::default(),
        })
    }

    /// The same for one that several use at the same time.
    pub(crate) fn of_shared(command: &Cmd, home: u32) -> Result<(), Refused> {
        match Effect::of(command, home)?.is_private() {
            true => Err(SHARED),
            false => Ok(()),
        }
    }

    /// Commands that are sent together. In a transaction of the pipeline's own, what it opens it closes.
    pub(crate) fn of_pipeline(pipeline: &Pipeline, home: u32) -> Result<Effect, Refused> {
        let mut all = Effect::default();
        for command in pipeline.cmd_iter() {
            all = all.then(Effect::of(command, home)?);
        }
        if pipeline.is_transaction() {
            // Nothing blocks in there, and keys are watched no more.
            all = Effect { blocks: false, ..all.then(Effect::clears(Traces::WATCH)) };
        }
        Ok(all)
    }

    pub(crate) fn of_shared_pipeline(pipeline: &Pipeline, home: u32) -> Result<(), Refused> {
        pipeline.cmd_iter().try_for_each(|command| Effect::of_shared(command, home))
    }
}

/// No command's name that is looked for is longer.
const LONGEST: usize = 16;

/// A longer one is none of those.
fn upper_case<'a>(word: &[u8], room: &'a mut [u8; LONGEST]) -> &'a [u8] {
    let Some(room) = room.get_mut(..word.len()) else { return b"" };
    room.copy_from_slice(word);
    room.make_ascii_uppercase();
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::pipe;

    fn command(line: &str) -> Cmd {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| _ = command.arg(word));
        command
    }

    fn effect(line: &str) -> Effect {
        Effect::of(&command(line), 2).unwrap()
    }

    // P-16
    #[test]
    fn each_command_leaves_what_the_server_keeps_of_it() {
        let leaves = |line: &str| effect(line).leaves;
        for line in ["GET k", "EVAL x 0", "CLIENT LIST", "client id", "PUBLISH c m", "FOO", ""] {
            assert_eq!(effect(line), Effect::default(), "{line}");
        }
        assert_eq!(leaves("select 1"), Traces::DATABASE);
        assert_eq!(effect("SELECT 2"), Effect::clears(Traces::DATABASE));
        assert_eq!(leaves("Multi"), Traces::TRANSACTION);
        assert_eq!(leaves("WATCH a b"), Traces::WATCH);
        for line in
            ["AUTH x", "HELLO 3", "READONLY", "client SetName x", "CLIENT TRACKING ON", "QUIT"]
        {
            assert_eq!(leaves(line), Traces::OTHER, "{line}");
        }
        assert!(effect("EXEC").clears.has(Traces::TRANSACTION));
        assert!(effect("DISCARD").clears.has(Traces::WATCH));
    }

    // P-16
    #[test]
    fn what_blocks_is_known() {
        for line in
            ["BLPOP k 0", "blmove a b LEFT LEFT 0", "XREAD COUNT 1 block 0 STREAMS s 0", "WAIT 1 0"]
        {
            assert!(effect(line).blocks, "{line}");
        }
        for line in ["LPOP k", "XREAD COUNT 1 STREAMS block 0", "XREADGROUP GROUP g c STREAMS s >"]
        {
            assert!(!effect(line).blocks, "{line}");
        }
    }

    // P-16
    #[test]
    fn what_mixes_up_answers_is_not_sent() {
        for line in ["SUBSCRIBE c", "psubscribe c", "UNSUBSCRIBE", "MONITOR", "CLIENT REPLY OFF"] {
            assert!(Effect::of(&command(line), 2).is_err(), "{line}");
        }
    }

    // P-32
    #[test]
    fn a_share_takes_what_leaves_nothing() {
        for line in ["GET k", "INCR k", "CLIENT ID", "XREAD STREAMS s 0"] {
            Effect::of_shared(&command(line), 2).unwrap();
        }
        for line in ["MULTI", "EXEC", "WATCH k", "SELECT 2", "BLPOP k 0", "AUTH x", "SUBSCRIBE c"] {
            Effect::of_shared(&command(line), 2).unwrap_err();
        }
        let mut pipeline = pipe();
        pipeline.atomic().cmd("SET").arg("k").arg(1).cmd("INCR").arg("k");
        Effect::of_shared_pipeline(&pipeline, 2).unwrap();
        pipeline.cmd("SELECT").arg(1);
        Effect::of_shared_pipeline(&pipeline, 2).unwrap_err();
    }

    // P-16
    #[test]
    fn a_pipeline_leaves_what_its_last_words_leave() {
        let of = |lines: &[&str]| {
            let mut pipeline = pipe();
            lines.iter().for_each(|line| _ = pipeline.add_command(command(line)));
            Effect::of_pipeline(&pipeline, 2).unwrap()
        };
        assert_eq!(of(&["MULTI", "SET k 1"]).leaves, Traces::TRANSACTION);
        assert_eq!(of(&["WATCH k", "MULTI", "SET k 1", "EXEC"]).leaves, Traces::NONE);
        assert_eq!(of(&["SELECT 1", "GET k", "SELECT 2"]).leaves, Traces::NONE);
        assert_eq!(of(&["SELECT 2", "SELECT 1"]).clears, Traces::NONE);
        let mut atomic = pipe();
        atomic.atomic().cmd("SELECT").arg(1).cmd("BLPOP").arg("k").arg(0);
        let atomic = Effect::of_pipeline(&atomic, 2).unwrap();
        assert_eq!((atomic.leaves, atomic.blocks), (Traces::DATABASE, false));
        assert!(atomic.clears.has(Traces::WATCH));
    }
}
