//! One behaviour, three ways to get it: the pool on tokio, the pool for threads, and the pool on tokio with a
//! blocking manager. Every case is written once and run on each, in real time and with real threads, which meet at
//! gates and conditions.

mod ending;
mod face;
mod lending;
mod making;
