//! What the drivers of the [Cenote pool](cenote) have in common, for those who write one: what an error of the system's means
//! ([`io`]), as whom to log in ([`Credentials`]), cancels that must not hit the next borrower ([`Fence`]), percent encoding
//! in URLs ([`decoded`]), and, with the feature `tls`, what TLS is spoken with ([`tls`]).
//!
//! Who uses a driver needs none of this: what belongs to its face is re-exported there.

#![forbid(unsafe_code)]

mod credentials;
mod fence;
pub mod io;
mod percent;
#[cfg(feature = "tls")]
pub mod tls;

pub use credentials::{AskCredentials, Credentials, Handed};
pub use fence::{Cancels, Fence, UnderWay};
pub use percent::{Encoding, decoded};
