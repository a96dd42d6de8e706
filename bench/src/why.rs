//! Why the limits that are missed lie where they do: what was measured when they were last tried, told in the targets'
//! table. Instructions are callgrind's.

pub(crate) const SERVED: &str = "it was 251 until a pool could belong to a cluster, which the guard's end and the acquire look \
     at each time; what that cost was won back but for one instruction";

pub(crate) const HIT: &str = "most of a hit is not the lane: of 261 instructions the loop takes 24, the caller's future 54, the \
     acquire 79 and the guard's end 104, of which the two atomic exchanges are 2; what is left is saving registers, asking \
     the manager twice and looking whether a panic is under way";

pub(crate) const TOP: &str = "both threads exchange the same top of the stack; raw-cas, which does nothing else, has one \
     word to exchange as well";

pub(crate) const ROOMY: &str = "three quarters of a cycle are the row none, the task and its yield: a pool that cost nothing \
     would be at 2 ×";

pub(crate) const TURN: &str = "of some 1,700 instructions 830 are the loop's and tokio's: two polls, a yield and a wake. A turn \
     is three times the lock (72): to line up, to pass on, to pick up. The wait's future takes some 420, joining the queue \
     120, the release 210, and the clock, read for one wait in sixteen, 35. On a machine with other work the processor's \
     time tells more than the clock: there it is 1.16 times as fast as raw-sem (289 ns to 334, seven runs in turn). To take \
     the turns together would need shared nodes without the lock, which is more unsafe code than it would gain";

pub(crate) const CROWD: &str = "a wait is as long as the turns of all before it, so this is the factor of a turn by default \
     settings. There each wait has a deadline: its timer, and the clock that it needs, are 630 instructions a turn (S4, \
     default less tuned), and raw-sem has none. It is kept on purpose: who expires is told by its own timer, not by \
     somebody who comes by (lesson 3 of tests/conformance/LESSONS.md)";

pub(crate) const LEAVING: &str = "raw-sem, which counts nothing and tells nothing, is at 1.3 × already. Ours reads the clock \
     twice (37 ns each here) and takes the lock four times, to ask, to wait, to look and leave, and to tell, and makes an error \
     that tells the pool's counts";

pub(crate) const SERVER: &str = "the two processors are the server's too, and each of these ratios moves by some 0.05 from \
     run to run, so which is missed changes with the run: bare tokio with its semaphore (raw-sem) and deadpool are at 0.97 × \
     here as well. By instructions of the client, on one worker, a query takes 12,287 over raw-sem, 13,408 over deadpool, \
     13,430 over ours without deadlines and 14,084 with them: 650 are the timer and the clock of each wait, and 750 follow the \
     request, so that no round trip is needed when the connection comes back. deadpool sets no deadline and follows nothing";

pub(crate) const THREADS: &str = "a turn is a switch from one thread to another, for both pools: the same turn between tasks \
     (S4) costs a fifth of it at most. r2d2 saves switches by letting whoever runs take what others wait for: its p99 is \
     many times as long";
