//! `Http`: which service, and how its connections are treated. A value to be built and handed to a pool; nothing is
//! opened before the pool connects.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Node, Timeout};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::error::HttpError;
use crate::plan::Plan;
use crate::url;
use crate::version::{One, Two, Version};

/// Makes connections to one service.
///
/// ```
/// use cenote_http::Http;
/// use std::time::Duration;
///
/// let orders = Http::from_url("https://orders.internal/v1?pool_max_size=16")?
///     .bearer("secret")?
///     .health("/healthz")?
///     .answer_timeout(Duration::from_secs(5));
/// assert_eq!(orders.place(), "https://orders.internal:443");
/// # Ok::<(), cenote_http::HttpError>(())
/// ```
///
/// It speaks HTTP/1.1, one request at a time on each connection. [`http2`](Http::http2) makes it speak HTTP/2, whose
/// connections can be [shared](cenote::Pool::share).
pub struct Http<V = One> {
    pub(crate) plan: Arc<Plan>,
    version: PhantomData<fn() -> V>,
}

impl Http {
    /// The service of a URL: `http://` or `https://`, with a port if it is not the scheme's, and with a path that every
    /// request's path is put behind. `user:password@` is sent with every request (Basic).
    ///
    /// Options of the pool ride in it as parameters whose names begin with `pool_`:
    /// `https://orders.internal/v1?pool_max_size=16`. They are the defaults of every pool that is built from this value;
    /// calls of the builder come after them (P-24).
    ///
    /// # Errors
    /// [`HttpError::Settings`] if it is no such URL. It repeats nothing that may be a password.
    ///
    /// ```
    /// use cenote_http::Http;
    ///
    /// let error = Http::from_url("ftp://app:secret@files").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the URL of a service begins with its scheme: write http://HOST or https://HOST",
    /// );
    /// ```
    pub fn from_url(url: &str) -> Result<Http, HttpError> {
        Ok(Http::of(url::read(url)?))
    }

    /// The service of a cluster's node, whose address is a URL.
    ///
    /// # Errors
    /// As [`from_url`](Http::from_url).
    pub fn to(node: &Node) -> Result<Http, HttpError> {
        Http::from_url(node.address())
    }

    /// Speaks HTTP/2: over TLS if the server agrees to it (ALPN), else from the first byte ("prior knowledge").
    #[must_use]
    pub fn http2(self) -> Http<Two> {
        // What TLS was made for one version says nothing of the other.
        Http { plan: self.with(|_| {}).plan, version: PhantomData }
    }
}

impl<V: Version> Http<V> {
    fn of(plan: Plan) -> Http<V> {
        Http { plan: Arc::new(plan), version: PhantomData }
    }

    fn with(mut self, change: impl FnOnce(&mut Plan)) -> Http<V> {
        let plan = Arc::make_mut(&mut self.plan);
        change(plan);
        // Made from what was told before.
        #[cfg(feature = "tls")]
        {
            plan.tls = Arc::default();
        }
        self
    }

    /// A header of every request that has none of this name. Its value is never shown.
    ///
    /// # Errors
    /// [`HttpError::Settings`] if that can be no header.
    pub fn header(self, name: &str, value: &str) -> Result<Http<V>, HttpError> {
        let name = HeaderName::try_from(name)
            .map_err(|_| HttpError::settings("a header has a name that can be none: correct it"))?;
        let value = secret(value).ok_or_else(|| {
            HttpError::settings(format!(
                "the header {name} has a value that can be none: correct it"
            ))
        })?;
        Ok(self.with(|plan| _ = plan.headers.insert(name, value)))
    }

    /// `Authorization: Bearer` with this token, in every request that has no `Authorization`.
    ///
    /// # Errors
    /// [`HttpError::Settings`] if that can be no token.
    pub fn bearer(self, token: &str) -> Result<Http<V>, HttpError> {
        let value = secret(&format!("Bearer {token}"))
            .ok_or_else(|| HttpError::settings("that can be no bearer token: correct it"))?;
        Ok(self.with(|plan| _ = plan.headers.insert(AUTHORIZATION, value)))
    }

    /// A test asks for this path, behind the URL's, and wants a 2xx. Default: none, so a test asks nothing: whether the
    /// connection is open is known without.
    ///
    /// # Errors
    /// [`HttpError::Settings`] if that can be no path.
    pub fn health(self, path: &str) -> Result<Http<V>, HttpError> {
        if !path.starts_with('/') || url::bad_path(path) {
            return Err(HttpError::settings(
                "the path of the health check must begin with a slash: write /healthz",
            ));
        }
        Ok(self.with(|plan| plan.health = Some(path.to_owned())))
    }

    /// How long the head of an answer may take to come; then the request is given up, and under HTTP/1.1 its connection
    /// closed. The body may take longer. Default: 30 s.
    #[must_use]
    pub fn answer_timeout(self, timeout: impl Into<Timeout>) -> Http<V> {
        let timeout = timeout.into();
        self.with(|plan| plan.answer_timeout = timeout)
    }

    /// How many bytes of an answer that nobody reads are read nevertheless, to lend the connection again. What is longer, or
    /// takes longer than 250 ms, costs the connection. Default: 64 KiB. With 0 it is always closed. Only HTTP/1.1: under
    /// HTTP/2 the server is told to stop.
    #[must_use]
    pub fn drain(self, bytes: usize) -> Http<V> {
        self.with(|plan| plan.drain = bytes)
    }

    /// A file with the certificates, in PEM form, of those who may have signed the server's. It is read once, at the
    /// first connect. Default: those that the system trusts.
    #[must_use]
    pub fn root_cert(self, path: impl Into<PathBuf>) -> Http<V> {
        self.with(|plan| plan.root_cert = Some(path.into()))
    }

    /// Our own certificate and its private key, both in PEM form. They are read once, at the first connect.
    #[must_use]
    pub fn identity(self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Http<V> {
        self.with(|plan| plan.identity = Some((cert.into(), key.into())))
    }

    /// Where it connects, as errors say it: `https://host:port`.
    pub fn place(&self) -> String {
        self.plan.place().to_string()
    }
}

impl Http<Two> {
    /// Sends a ping this often, also while nothing is asked, and closes a connection whose server does not answer it
    /// within as long again. Default: never. Set it where something on the way forgets connections in silence: without
    /// it, requests on such a connection wait for [`answer_timeout`](Http::answer_timeout).
    #[must_use]
    pub fn ping_every(self, interval: Duration) -> Http<Two> {
        self.with(|plan| plan.ping = Some(interval))
    }
}

fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl<V> Clone for Http<V> {
    fn clone(&self) -> Http<V> {
        Http { plan: Arc::clone(&self.plan), version: PhantomData }
    }
}

/// Without what may be secret: headers, and paths.
impl<V: Version> fmt::Debug for Http<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("place", &self.plan.place())
            .field("http2", &V::IS_TWO)
            .field("answer_timeout", &self.plan.answer_timeout)
            .field("drain", &self.plan.drain)
            .finish_non_exhaustive()
    }
}
