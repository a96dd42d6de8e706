//! The core against its reference model: exhaustively in the small, by random histories in the large.

mod asked;
mod broken;
mod draw;
mod ending;
mod enumeration;
mod flow;
mod gate;
mod histories;
mod lane;
mod model;
mod queue;
mod retire;
mod runtime;
mod shares;
mod slices;
mod steady;
mod time;
mod world;
