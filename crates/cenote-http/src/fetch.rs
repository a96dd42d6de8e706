//! One request, from the pool to the end of its answer, sent again where that is safe.

use std::panic::Location;
use std::time::Instant;

use cenote::{Ended, Error, Fault, Pool, Pooled, Shared, Timeout};
use hyper::body::Bytes;
use hyper::{Request, Response};

use crate::body::Body;
use crate::error::HttpError;
use crate::fault;
use crate::http::Http;
use crate::version::{One, Two};

/// How often a request is sent at most that was not carried out before: more connections than this that rest and are dead
/// are found otherwise.
const MOST: usize = 4;

/// Sends a request over a pool.
pub trait Fetch {
    /// Acquires a connection, or a share of one under HTTP/2, sends the request and waits for the head of its answer. The
    /// body has the connection until it is at its end, or dropped.
    ///
    /// The classic trap of connections that are kept: the server closes one that rested, at the moment in which a request
    /// goes out on it. So a request is sent again
    /// - if the service has certainly not carried it out, whatever its method: nothing of it was sent, or HTTP/2 says
    ///   so. At most three times;
    /// - if the connection was lost before the answer, and the method may be repeated ([`HttpError::may_repeat`]).
    ///   Once.
    ///
    /// A POST whose connection was lost is not sent again: nobody knows whether it was carried out. Neither is what took
    /// too long, nor what was answered, whatever the status. All of it has the deadline of one acquire for its waits.
    ///
    /// The pool, and so a cluster, is told of 429 and 503 as overload (C-15), and of everything else as a success or by its
    /// error's class. A fetch that is dropped is told as cancelled, which says nothing of the node (C-8).
    ///
    /// # Errors
    /// Those of [`Pool::acquire`], and [`Error::Run`] with an [`HttpError`].
    fn fetch(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error<HttpError>>> + Send;
}

impl Fetch for Pool<Http<One>> {
    #[track_caller]
    fn fetch(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error<HttpError>>> + Send {
        let location = Location::caller();
        repeat(self, request, move |request, deadline| async move {
            let mut acquire = self.acquire_owned().location(location);
            if let Some(deadline) = deadline {
                acquire = acquire.deadline(deadline);
            }
            let mut conn = acquire.await?;
            Pooled::set_ended(&mut conn, Ended::Cancelled);
            let sent = conn.send(request).await;
            Pooled::set_ended(&mut conn, Ended::Returned);
            match sent {
                Ok(answer) => {
                    match fault::of_status(answer.status()) {
                        Fault::Overload => Pooled::report_fault(&mut conn, Fault::Overload),
                        _ => _ = Pooled::report(&mut conn, &Ok(())),
                    }
                    Ok(answer.map(|body| body.with(conn)))
                }
                Err(error) => {
                    Pooled::report_error(&mut conn, &error);
                    Err(Error::Run(error))
                }
            }
        })
    }
}

impl Fetch for Pool<Http<Two>> {
    fn fetch(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Body>, Error<HttpError>>> + Send {
        repeat(self, request, move |request, deadline| async move {
            let mut acquire = self.share();
            if let Some(deadline) = deadline {
                acquire = acquire.deadline(deadline);
            }
            let mut share = acquire.await?;
            Shared::set_ended(&mut share, Ended::Cancelled);
            let sent = share.send(request).await;
            Shared::set_ended(&mut share, Ended::Returned);
            match sent {
                Ok(answer) => {
                    match fault::of_status(answer.status()) {
                        Fault::Overload => Shared::report_fault(&mut share, Fault::Overload),
                        _ => _ = Shared::report(&mut share, &Ok(())),
                    }
                    Ok(answer.map(|body| body.with(share)))
                }
                Err(error) => {
                    Shared::report_error(&mut share, &error);
                    Err(Error::Run(error))
                }
            }
        })
    }
}

async fn repeat<V, Sent>(
    pool: &Pool<Http<V>>,
    request: Request<Bytes>,
    send: impl Fn(Request<Bytes>, Option<Instant>) -> Sent,
) -> Result<Response<Body>, Error<HttpError>>
where
    V: crate::version::Version,
    Sent: Future<Output = Result<Response<Body>, Error<HttpError>>>,
{
    let began = Instant::now();
    let mut deadline = None;
    let mut lost = false;
    for _ in 1..MOST {
        match send(request.clone(), deadline).await {
            Err(Error::Run(error)) if error.may_repeat(request.method()) => {
                let unsent = error.may_repeat(&hyper::Method::POST);
                if lost && !unsent {
                    return Err(Error::Run(error));
                }
                lost |= !unsent;
            }
            done => return done,
        }
        if let Timeout::After(patience) = pool.options().acquire_timeout {
            deadline = began.checked_add(patience);
        }
    }
    send(request, deadline).await
}
