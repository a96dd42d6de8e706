//! HTTP for the Cenote pool, through hyper: connections to one service, over HTTP/1.1 or HTTP/2.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use cenote::Pool;
//! use cenote_http::hyper::Request;
//! use cenote_http::{Fetch, Http, success};
//!
//! let url = "https://orders.internal/v1?pool_max_size=16";
//! let pool = Pool::builder(Http::from_url(url)?).name("orders").build()?;
//!
//! // Acquires, sends, and tries again what may be sent again. The body has the connection until it is read.
//! let answer = pool.fetch(Request::get("/orders/7").body("".into())?).await?;
//! let order = success(answer)?.into_body().text(1 << 20).await?;
//!
//! // The same by hand: several requests on one connection.
//! let mut conn = pool.acquire().await?;
//! let answer = conn.send(Request::post("/orders").body("{}")?).await?;
//! println!("{}", answer.status());
//!
//! // HTTP/2: many at once over few connections.
//! let pool = Pool::builder(Http::from_url(url)?.http2()).build()?;
//! let answer = pool.share().await?.send(Request::get("/orders/8").body(())?).await?;
//! # Ok(()) }
//! ```
//!
//! [`Http`] has the settings, [`HttpConnection`] and [`HttpHandle`] send, [`Fetch`] does all of it in one call,
//! [`HttpError`] says what went wrong, [`fault`](HttpError::fault) what that means for the pool, and
//! [`may_repeat`](HttpError::may_repeat) whether the request can have been carried out.
//!
//! # What it sees to
//! - A connection whose answer was not read to its end is never lent: what is little is read and thrown away, else the
//!   connection is closed.
//! - One that the server has closed, or will (`Connection: close`, `Keep-Alive: timeout`, GOAWAY), is not lent either.
//! - Nothing is sent twice that the server may have carried out, unless its method allows it.
//! - 429 and 503 are overload, with their `Retry-After`.
//! - No error, and nothing else that is printed, shows a password, a token or a path.
//!
//! Feature `tls` (default): rustls with ring. Without it, `https` is refused.

#![forbid(unsafe_code)]

mod body;
mod connect;
mod connection;
mod ended;
mod error;
mod fault;
mod fetch;
mod http;
mod manager;
mod plan;
mod send;
#[cfg(feature = "tls")]
mod tls;
mod track;
mod url;
mod version;

pub use body::{Body, Outgoing};
pub use connection::{HttpConnection, HttpHandle};
pub use error::{HttpError, success};
pub use fetch::Fetch;
pub use http::Http;
pub use hyper;
pub use version::{One, Two, Version};
