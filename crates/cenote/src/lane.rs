//! The fast lane: a stack of idle connections in front of the lock, for a pool at peace. A hit pops one and a release
//! pushes it back, each with one atomic exchange and nothing else.
//!
//! It is open only while nobody waits and nothing is to be done, and whoever has the pool's lock has closed it: then
//! all connections are in the locked state again, and the core decides alone. One word holds the top of the stack,
//! whether the lane is open, and a number that every pop and every opening raises. So a push or a pop that began
//! before a close fails after it, whatever came between: no connection slips in past somebody who has begun to wait,
//! and none of an old generation is ever on the stack.
//!
//! It is the one file of this crate with `unsafe` blocks in it. Each says why it is sound; `permutations/lane.rs` runs it
//! under loom, `schedules/` with the pool around it, `cargo xtask sanitize` on real threads.
//!
//! ```text
//!  63      62 .......... 24   23 .... 0
//! closed   pops and openings  top + 1        39 bits come round after 5 * 10^11 pops during one single exchange
//! ```

use std::panic::Location;
use std::ptr;
use std::sync::OnceLock;

use crate::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::time::Time;

const CLOSED: u64 = 1 << 63;
const TOP: u64 = (1 << 24) - 1;
/// One more pop or opening.
const TURN: u64 = TOP + 1;
/// Slots that can be on the stack: the last one's number is `TOP - 1`.
pub(crate) const MOST: usize = TOP as usize;
/// The first block of nodes has this many, each further one twice as many as the one before.
const BLOCK: usize = 32;
/// So many that every number of a slot has one: then nothing has to be looked at before the block.
const BLOCKS: usize = 28;

/// What travels on the lane: a connection with what belongs to it.
///
/// # Safety
/// While a rider exists its lane does, it is always the same one, and no other rider of that lane has its slot.
pub(crate) unsafe trait Rider: Send + Sized {
    /// The lane that it belongs to; it keeps it alive.
    fn lane(&self) -> &Lane<Self>;
    /// Its node's number.
    fn slot(&self) -> u32;
    /// Whether it may be on a lane that was opened with these terms.
    fn fits(&self, terms: Terms) -> bool;
}

/// What the pool was like when the lane was opened; nothing of it changes while the lane is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) generation: u64,
    pub(crate) clock: Time,
}

/// What the lane knows of one slot. Only the owner of the slot's connection writes to it, but for `below`, which is
/// read by whoever tries to pop.
pub(crate) struct Node<T> {
    rider: AtomicPtr<T>,
    /// The next one on the stack, as `TOP` holds it.
    below: AtomicU32,
    /// How often it was given back to the lane, ever: tells one borrower from the next.
    returns: AtomicU32,
    /// How often it had been when the lane was opened with it.
    before: AtomicU32,
    /// Where and when it was popped last.
    place: AtomicPtr<Location<'static>>,
    since: AtomicU64,
}

pub(crate) struct Lane<T> {
    head: AtomicU64,
    generation: AtomicU64,
    clock: AtomicU64,
    /// Only grow, so that a node stays where it is.
    blocks: [OnceLock<Box<[Node<T>]>>; BLOCKS],
}

/// The right to open and close a lane: it lies behind the pool's lock, so one thread has it at a time.
pub(crate) struct Key {
    open: bool,
    /// The word's number at the last opening.
    turn: u64,
}

impl Key {
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Tells one opening from the next.
    pub(crate) fn opening(&self) -> u64 {
        self.turn
    }
}

/// Who has a connection that was popped.
#[derive(Clone, Copy)]
pub(crate) struct Popped {
    pub(crate) returns: u32,
    pub(crate) place: Option<&'static Location<'static>>,
    pub(crate) since: Time,
}

impl<T: Rider> Lane<T> {
    /// A closed lane and its key.
    pub(crate) fn new() -> (Lane<T>, Key) {
        let lane = Lane {
            head: AtomicU64::new(CLOSED),
            generation: AtomicU64::new(0),
            clock: AtomicU64::new(0),
            blocks: [const { OnceLock::new() }; BLOCKS],
        };
        (lane, Key { open: false, turn: 0 })
    }

    fn node(&self, slot: u32) -> Option<&Node<T>> {
        let n = slot as usize + BLOCK;
        let block = (n / BLOCK).ilog2();
        self.blocks.get(block as usize)?.get()?.get(n - (BLOCK << block))
    }

    /// Takes the connection that was given back last.
    #[inline]
    pub(crate) fn pop(&self, place: &'static Location<'static>) -> Option<Box<T>> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            if head & CLOSED != 0 || head & TOP == 0 {
                return None;
            }
            let node = self.node((head & TOP) as u32 - 1)?;
            // Of no use if somebody else pops it meanwhile; then the exchange fails, since the number was raised.
            let below = node.below.load(Ordering::Relaxed);
            let popped = ((head & !TOP) + TURN) & !CLOSED | u64::from(below);
            match self.head.compare_exchange_weak(
                head,
                popped,
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    node.place.store(ptr::from_ref(place).cast_mut(), Ordering::Relaxed);
                    node.since.store(self.clock.load(Ordering::Relaxed), Ordering::Relaxed);
                    let rider = node.rider.load(Ordering::Relaxed);
                    // SAFETY: the pointer came out of `Box::into_raw` in `push` or `open`, before the exchange or
                    // store that put this node on the stack; our acquire of a later value of the word makes it
                    // visible. Only the owner of the slot's one rider puts the node there, and it is taken off once:
                    // by this exchange, or by `close`, after which every exchange fails. So nobody else makes a box
                    // of it.
                    return Some(unsafe { Box::from_raw(rider) });
                }
                Err(now) => head = now,
            }
        }
    }

    /// Gives a connection back, unless the lane is closed or the connection is not what it was opened for.
    #[inline(always)]
    pub(crate) fn push(rider: Box<T>) -> Result<(), Box<T>> {
        let slot = rider.slot();
        let rider = Box::into_raw(rider);
        // SAFETY: `rider` is a live box that only we have, until the exchange below succeeds; it keeps the lane alive
        // that long. The lane is not touched after that exchange. During it, it may be freed by whoever popped the
        // rider: a shared reference to an atomic allows that, as it does for the counter of an `Arc`.
        let lane = unsafe { (*rider).lane() };
        let pushed = lane.exchange_in(slot, rider);
        // SAFETY: it was not pushed, so it is still ours alone.
        if pushed { Ok(()) } else { Err(unsafe { Box::from_raw(rider) }) }
    }

    /// Returns whether the rider is on the stack now. Then it is not ours any more, nor is what it keeps alive.
    #[inline(always)]
    fn exchange_in(&self, slot: u32, rider: *mut T) -> bool {
        let mut head = self.head.load(Ordering::Acquire);
        if head & CLOSED != 0 {
            return false;
        }
        let Some(node) = self.node(slot) else { return false };
        node.rider.store(rider, Ordering::Relaxed);
        let returns = node.returns.load(Ordering::Relaxed);
        node.returns.store(returns.wrapping_add(1), Ordering::Relaxed);
        loop {
            // They belong to the opening that `head` is of: of a later one, the exchange below fails.
            let terms = Terms {
                generation: self.generation.load(Ordering::Relaxed),
                clock: Time::from_nanos(self.clock.load(Ordering::Relaxed)),
            };
            // SAFETY: as in `push`: it is ours, nothing was exchanged yet.
            if !unsafe { (*rider).fits(terms) } {
                break;
            }
            node.below.store((head & TOP) as u32, Ordering::Relaxed);
            let pushed = head & !TOP | u64::from(slot + 1);
            match self.head.compare_exchange_weak(
                head,
                pushed,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(now) if now & CLOSED != 0 => break,
                Err(now) => head = now,
            }
        }
        node.returns.store(returns, Ordering::Relaxed);
        false
    }

    /// Makes room for this many slots; what lies beyond is never taken by [`Lane::push`].
    pub(crate) fn grow(&self, _: &mut Key, slots: usize) {
        let mut size = BLOCK;
        let mut covered = 0;
        for block in &self.blocks {
            if covered >= slots {
                return;
            }
            block.get_or_init(|| (0..size).map(|_| Node::new()).collect());
            covered += size;
            size *= 2;
        }
    }

    /// Opens the lane with these on it, the first to be popped last.
    pub(crate) fn open(
        &self,
        key: &mut Key,
        terms: Terms,
        riders: impl IntoIterator<Item = Box<T>>,
    ) {
        debug_assert!(!key.open, "a lane is closed before it is opened again");
        let mut top = 0;
        for rider in riders {
            let slot = rider.slot();
            let node = self.node(slot).expect("the lane has grown before it is opened");
            node.rider.store(Box::into_raw(rider), Ordering::Relaxed);
            node.before.store(node.returns.load(Ordering::Relaxed), Ordering::Relaxed);
            node.below.store(top, Ordering::Relaxed);
            top = slot + 1;
        }
        self.generation.store(terms.generation, Ordering::Relaxed);
        self.clock.store(terms.clock.as_nanos(), Ordering::Relaxed);
        // Nobody else changes the word while it says that the lane is closed.
        let last = self.head.load(Ordering::Relaxed);
        let word = ((last & !TOP).wrapping_add(TURN)) & !CLOSED;
        key.turn = word;
        key.open = true;
        self.head.store(word | u64::from(top), Ordering::Release);
    }

    /// Closes the lane; what lay on it must be taken off. Returns how often something was popped, too.
    pub(crate) fn close(&self, key: &mut Key) -> (u64, Unload<'_, T>) {
        debug_assert!(key.open, "only an open lane is closed");
        key.open = false;
        let word = self.head.fetch_or(CLOSED, Ordering::Acquire);
        let pops = ((word & !TOP).wrapping_sub(key.turn) & !CLOSED) / TURN;
        (pops, Unload { lane: self, top: (word & TOP) as u32 })
    }

    /// How often the slot's connections were given back to the lane.
    pub(crate) fn returns(&self, slot: u32) -> u32 {
        self.node(slot).map_or(0, |node| node.returns.load(Ordering::Relaxed))
    }

    /// Who popped the slot's connection last.
    pub(crate) fn popped(&self, slot: u32) -> Option<Popped> {
        let node = self.node(slot)?;
        let place = node.place.load(Ordering::Relaxed);
        Some(Popped {
            returns: node.returns.load(Ordering::Relaxed),
            // SAFETY: null, or stored by `pop` from a reference that lives for ever.
            place: unsafe { place.as_ref() },
            since: Time::from_nanos(node.since.load(Ordering::Relaxed)),
        })
    }
}

impl<T> Node<T> {
    fn new() -> Node<T> {
        Node {
            rider: AtomicPtr::new(ptr::null_mut()),
            below: AtomicU32::new(0),
            returns: AtomicU32::new(0),
            before: AtomicU32::new(0),
            place: AtomicPtr::new(ptr::null_mut()),
            since: AtomicU64::new(0),
        }
    }
}

/// What lay on a lane when it was closed, the last one that was given back first.
pub(crate) struct Unload<'a, T> {
    lane: &'a Lane<T>,
    top: u32,
}

/// A connection that lay on a closed lane.
pub(crate) struct Resting<T> {
    pub(crate) rider: Box<T>,
    /// It was given back while the lane was open.
    pub(crate) back: bool,
    pub(crate) returns: u32,
}

impl<T: Rider> Iterator for Unload<'_, T> {
    type Item = Resting<T>;

    fn next(&mut self) -> Option<Resting<T>> {
        let node = self.lane.node(self.top.checked_sub(1)?)?;
        self.top = node.below.load(Ordering::Relaxed);
        let rider = node.rider.load(Ordering::Relaxed);
        // SAFETY: it was on the stack when `close` shut it, so nobody has taken it off nor can (see `pop`), and this
        // walk, of which there is one for each close, comes by it once.
        let rider = unsafe { Box::from_raw(rider) };
        let returns = node.returns.load(Ordering::Relaxed);
        Some(Resting { rider, back: returns != node.before.load(Ordering::Relaxed), returns })
    }
}

impl<T> Drop for Unload<'_, T> {
    fn drop(&mut self) {
        debug_assert!(
            self.top == 0 || std::thread::panicking(),
            "what lay on the lane is taken off"
        );
    }
}
