//! Every option of a pool, and every way to set it: in code, as text, from the environment, from a URL, from a
//! file, or all at once as another system has them.
//!
//! [`table`] is the one list; the rest of the folder goes through it. [`Options`] is plain data: the core keeps
//! a copy and [`Pool::reconfigure`](crate::Pool::reconfigure) swaps it while the pool runs.

mod environment;
mod error;
#[cfg(feature = "serde")]
mod file;
mod preset;
mod settings;
mod table;
mod text;
mod url;
mod validate;
mod values;

pub use error::{ConfigError, Origin};
pub use preset::Preset;
pub use settings::Settings;
pub(crate) use table::each_option;
pub use table::{Change, OptionInfo, Options};
#[cfg(any(test, debug_assertions))]
pub(crate) use validate::MOST_SHARERS;
pub use values::{Bound, FreeSlot, OnConnectError, Order, TestOnAcquire, Timeout};
