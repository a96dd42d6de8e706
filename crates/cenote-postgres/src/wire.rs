//! What the bytes of a connection tell about it. The driver below keeps to itself which requests wait for their
//! answers and whether a transaction is open; the protocol says both in the clear, in the first five bytes of a
//! message. So the messages are counted as they pass ([`Tap`](crate::tap::Tap)), nothing is held back or changed, and
//! the pool knows without asking whether a connection is clean.
//!
//! A request that wants an answer ends with one message (`Query`, `Sync` or `FunctionCall`); an answer ends with
//! `ReadyForQuery`, which names the state of the transaction. The one exception is a `Sync` that reaches a server in
//! `COPY FROM STDIN`: it is skipped there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use cenote::Role;

/// Whether a transaction is open, as `ReadyForQuery` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    None,
    Open,
    /// Open, and nothing but its end is taken.
    Failed,
}

/// How the last transaction block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Rollback,
}

/// Written by the connection's task only; read by whoever holds the connection.
pub(crate) struct Wire {
    /// Requests whose answer has not ended.
    owed: AtomicU32,
    /// Requests sent so far.
    sent: AtomicU64,
    /// The kind of the last request.
    last: AtomicU8,
    block: AtomicU8,
    end: AtomicU8,
    /// Shared with the pool, which counts such borrowers.
    idles_in_transaction: Arc<AtomicBool>,
    standby: AtomicU8,
    /// A statement was prepared by SQL.
    prepared: AtomicBool,
    /// All prepared statements were taken away by SQL, the driver's own among them.
    deallocated: AtomicBool,
}

const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

impl Wire {
    /// Before the first byte; the answer to the login ends like one to a request.
    pub(crate) fn new() -> Wire {
        Wire {
            owed: AtomicU32::new(1),
            sent: AtomicU64::new(0),
            last: AtomicU8::new(0),
            block: AtomicU8::new(b'I'),
            end: AtomicU8::new(0),
            idles_in_transaction: Arc::default(),
            standby: AtomicU8::new(UNKNOWN),
            prepared: AtomicBool::new(false),
            deallocated: AtomicBool::new(false),
        }
    }

    /// Whether requests that have been sent still wait for the end of their answer.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed.load(Ordering::Acquire) > 0
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    pub(crate) fn block(&self) -> Block {
        match self.block.load(Ordering::Acquire) {
            b'I' => Block::None,
            b'T' => Block::Open,
            _ => Block::Failed,
        }
    }

    pub(crate) fn last_end(&self) -> Option<End> {
        match self.end.load(Ordering::Acquire) {
            b'C' => Some(End::Commit),
            b'R' => Some(End::Rollback),
            _ => None,
        }
    }

    pub(crate) fn idles_in_transaction(&self) -> &Arc<AtomicBool> {
        &self.idles_in_transaction
    }

    /// What the server has reported of itself; servers before 14 report nothing.
    pub(crate) fn told(&self) -> Option<Role> {
        match self.standby.load(Ordering::Acquire) {
            YES => Some(Role::Replica),
            NO => Some(Role::Primary),
            _ => None,
        }
    }

    pub(crate) fn has_prepared(&self) -> bool {
        self.prepared.load(Ordering::Acquire)
    }

    pub(crate) fn has_deallocated(&self) -> bool {
        self.deallocated.load(Ordering::Acquire)
    }

    /// A message was sent.
    pub(crate) fn said(&self, kind: u8) {
        if let QUERY | SYNC | FUNCTION = kind {
            self.last.store(kind, Ordering::Relaxed);
            self.idles_in_transaction.store(false, Ordering::Relaxed);
            self.owed.fetch_add(1, Ordering::AcqRel);
            self.sent.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A message came; `body` is its beginning.
    pub(crate) fn heard(&self, kind: u8, body: &[u8]) {
        match kind {
            READY => {
                let block = body.first().copied().unwrap_or(b'E');
                self.block.store(block, Ordering::Release);
                let idle = self.answered();
                self.idles_in_transaction.store(idle && block != b'I', Ordering::Relaxed);
            }
            COMPLETE => self.completed(body),
            PARAMETER => {
                let mut words = body.split(|byte| *byte == 0);
                if let (Some(b"in_hot_standby"), Some(value)) = (words.next(), words.next()) {
                    let standby = if value == b"on" { YES } else { NO };
                    self.standby.store(standby, Ordering::Release);
                }
            }
            COPY_IN if self.last.load(Ordering::Relaxed) == SYNC => {
                self.answered();
            }
            _ => {}
        }
    }

    /// Returns whether nothing is owed any more.
    fn answered(&self) -> bool {
        let less = |owed: u32| Some(owed.saturating_sub(1));
        let before = self.owed.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        before.unwrap_or(0) <= 1
    }

    fn completed(&self, tag: &[u8]) {
        match tag {
            b"COMMIT\0" => self.end.store(b'C', Ordering::Release),
            b"ROLLBACK\0" => self.end.store(b'R', Ordering::Release),
            b"PREPARE\0" => self.prepared.store(true, Ordering::Release),
            b"DEALLOCATE ALL\0" | b"DISCARD ALL\0" => {
                self.prepared.store(false, Ordering::Release);
                self.deallocated.store(true, Ordering::Release);
            }
            _ => {}
        }
    }
}

// What the client says.
const QUERY: u8 = b'Q';
const SYNC: u8 = b'S';
const FUNCTION: u8 = b'F';

// What the server says.
const READY: u8 = b'Z';
const COMPLETE: u8 = b'C';
const PARAMETER: u8 = b'S';
const COPY_IN: u8 = b'G';

/// The beginning of a message's body that is looked at.
const LOOKED_AT: usize = 20;

/// Finds the messages in a stream of bytes that comes in pieces.
pub(crate) struct Frames {
    /// The first message of a client has no kind.
    begun: bool,
    /// Bytes that are no message: the one that answers a wish for TLS.
    skip: usize,
    header: [u8; 5],
    /// Bytes of the header that are there.
    have: usize,
    /// Bytes of the body that are missing.
    missing: usize,
    body: [u8; LOOKED_AT],
    kept: usize,
}

/// The code in the place of a version by which a client wishes for TLS.
const TLS_WISH: [u8; 4] = 80_877_103_u32.to_be_bytes();

impl Frames {
    pub(crate) fn of_client() -> Frames {
        Frames { begun: false, ..Frames::of_server() }
    }

    pub(crate) fn of_server() -> Frames {
        Frames {
            begun: true,
            skip: 0,
            header: [0; 5],
            have: 0,
            missing: 0,
            body: [0; LOOKED_AT],
            kept: 0,
        }
    }

    /// The next so many bytes are no message.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.skip += bytes;
    }

    /// Passes a piece on; `each` is told of every message that ends in it. The first of a client is told as kind 0,
    /// and one that only wishes for TLS as kind 1.
    pub(crate) fn pass(&mut self, mut piece: &[u8], mut each: impl FnMut(u8, &[u8])) {
        let skipped = self.skip.min(piece.len());
        self.skip -= skipped;
        piece = &piece[skipped..];
        // Most pieces are whole messages: these are looked at where they lie.
        if self.begun && self.have == 0 {
            while let [kind, a, b, c, d, rest @ ..] = piece {
                // The length counts itself.
                let length = (u32::from_be_bytes([*a, *b, *c, *d]) as usize).saturating_sub(4);
                let Some((body, behind)) = rest.split_at_checked(length) else { break };
                each(*kind, &body[..length.min(LOOKED_AT)]);
                piece = behind;
            }
        }
        while !piece.is_empty() {
            // The first message of a client lacks the kind.
            if !self.begun && self.have == 0 {
                self.have = 1;
                self.header[0] = 0;
            }
            if self.have < 5 {
                let taken = piece.len().min(5 - self.have);
                self.header[self.have..self.have + taken].copy_from_slice(&piece[..taken]);
                self.have += taken;
                piece = &piece[taken..];
                if self.have < 5 {
                    return;
                }
                let [_, length @ ..] = self.header;
                self.missing = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                self.kept = 0;
            }
            let taken = piece.len().min(self.missing);
            let kept = taken.min(LOOKED_AT - self.kept);
            self.body[self.kept..self.kept + kept].copy_from_slice(&piece[..kept]);
            self.kept += kept;
            self.missing -= taken;
            piece = &piece[taken..];
            if self.missing == 0 {
                self.have = 0;
                let body = &self.body[..self.kept];
                if self.begun {
                    each(self.header[0], body);
                } else if body == TLS_WISH {
                    each(1, body);
                } else {
                    self.begun = true;
                    each(0, body);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    // P-16
    #[test]
    fn messages_are_found_however_the_bytes_are_cut() {
        let mut stream = message(b'Z', b"I");
        stream.extend(message(b'D', &[7; 300]));
        stream.extend(message(b'C', b"SELECT 1\0"));
        stream.extend(message(b'I', b""));
        let whole = [
            (b'Z', b"I".to_vec()),
            (b'D', vec![7; LOOKED_AT]),
            (b'C', b"SELECT 1\0".to_vec()),
            (b'I', vec![]),
        ];
        for size in 1..=stream.len() {
            let mut found = Vec::new();
            let mut frames = Frames::of_server();
            for piece in stream.chunks(size) {
                frames.pass(piece, |kind, body| found.push((kind, body.to_vec())));
            }
            assert_eq!(found, whole, "pieces of {size}");
        }
    }

    // P-16
    #[test]
    fn a_client_begins_without_a_kind_with_or_without_a_wish_for_tls() {
        let startup = [0, 0, 0, 9, 0, 3, 0, 0, 0];
        for wishes in [0, 1] {
            let mut stream = Vec::new();
            for _ in 0..wishes {
                stream.extend([0, 0, 0, 8]);
                stream.extend(TLS_WISH);
            }
            stream.extend(startup);
            stream.extend(message(b'Q', b"SELECT 1\0"));
            let mut kinds = Vec::new();
            let mut frames = Frames::of_client();
            frames.pass(&stream, |kind, _| kinds.push(kind));
            let expected = [&vec![1; wishes][..], &[0, b'Q']].concat();
            assert_eq!(kinds, expected);
        }
    }

    fn after(messages: &[(bool, u8, &[u8])]) -> Wire {
        let wire = Wire::new();
        wire.heard(READY, b"I");
        for (said, kind, body) in messages {
            if *said { wire.said(*kind) } else { wire.heard(*kind, body) }
        }
        wire
    }

    // P-16
    #[test]
    fn what_is_owed_and_what_is_open_follows_the_messages() {
        let wire = Wire::new();
        assert!(wire.is_owed(), "the login is not answered");
        let wire = after(&[]);
        assert!(!wire.is_owed() && wire.block() == Block::None);
        let wire = after(&[(true, b'Q', b"")]);
        assert!(wire.is_owed());
        let wire = after(&[(true, b'Q', b""), (false, b'Z', b"T")]);
        assert!(!wire.is_owed() && wire.block() == Block::Open);
        assert!(wire.idles_in_transaction().load(Ordering::Relaxed));
        wire.said(b'S');
        assert!(!wire.idles_in_transaction().load(Ordering::Relaxed), "a request runs");
        wire.heard(b'Z', b"E");
        assert_eq!(wire.block(), Block::Failed);
        // Two requests, the first answered.
        let wire = after(&[(true, b'S', b""), (true, b'S', b""), (false, b'Z', b"I")]);
        assert!(wire.is_owed());
    }

    // P-16
    #[test]
    fn a_sync_that_reaches_a_copy_is_not_answered() {
        let copy: [(bool, u8, &[u8]); 5] = [
            (true, b'S', b""),
            (false, b'G', b""),
            (true, b'd', b"row"),
            (true, b'S', b""),
            (false, b'Z', b"I"),
        ];
        assert!(!after(&copy).is_owed());
        // Begun by the simple protocol there was no Sync.
        let copy: [(bool, u8, &[u8]); 3] =
            [(true, b'Q', b""), (false, b'G', b""), (false, b'Z', b"I")];
        assert!(!after(&copy).is_owed());
    }

    // C-11
    #[test]
    fn a_reported_role_is_heard() {
        assert_eq!(after(&[]).told(), None);
        let standby = after(&[(false, b'S', b"in_hot_standby\0on\0")]);
        assert_eq!(standby.told(), Some(Role::Replica));
        standby.heard(b'S', b"TimeZone\0off\0");
        assert_eq!(standby.told(), Some(Role::Replica));
        standby.heard(b'S', b"in_hot_standby\0off\0");
        assert_eq!(standby.told(), Some(Role::Primary));
    }

    // P-16
    #[test]
    fn ends_of_transactions_and_of_statements_are_heard() {
        let wire = after(&[(false, b'C', b"COMMIT\0")]);
        assert_eq!(wire.last_end(), Some(End::Commit));
        wire.heard(b'C', b"ROLLBACK\0");
        assert_eq!(wire.last_end(), Some(End::Rollback));
        wire.heard(b'C', b"PREPARE\0");
        assert!(wire.has_prepared() && !wire.has_deallocated());
        wire.heard(b'C', b"DISCARD ALL\0");
        assert!(!wire.has_prepared() && wire.has_deallocated());
    }
}
