//! `Http` as the pool sees it: how connections are made and tested, and what becomes of a used one.

use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Options, Share, Timeout};
use hyper::Request;

use crate::connect;
use crate::connection::{HttpConnection, HttpHandle};
use crate::error::{HttpError, success};
use crate::http::Http;
use crate::version::{Two, Version};

/// What an answer to a health check may be long.
const HEALTH: usize = 64 * 1024;

/// Below what balancers and web servers let a connection rest (60 s and 75 s are usual); those that let it rest for less
/// say so with each answer.
const IDLE: Duration = Duration::from_secs(50);

impl<V: Version> Manager for Http<V> {
    type Connection = HttpConnection;
    type Error = HttpError;

    async fn connect(&self) -> Result<HttpConnection, HttpError> {
        connect::connect(&self.plan, V::IS_TWO).await
    }

    /// Whether the connection is open is known without a round trip: its task sees the server's end of it. The health
    /// check is one, if one is asked for.
    async fn check(&self, conn: &mut HttpConnection) -> Result<(), HttpError> {
        let Some(path) = &self.plan.health else { return conn.settle().await };
        let request = Request::get(path.as_str()).body(());
        let request = request.map_err(|error| HttpError::settings(error.to_string()))?;
        success(conn.send(request).await?)?.into_body().bytes(HEALTH).await?;
        Ok(())
    }

    async fn reset(&self, conn: &mut HttpConnection) -> Result<(), HttpError> {
        conn.settle().await
    }

    async fn close(&self, conn: HttpConnection) -> Result<(), HttpError> {
        conn.close().await;
        Ok(())
    }

    fn is_closed(&self, conn: &HttpConnection) -> bool {
        conn.is_closed()
    }

    /// What is under way is known, so a borrower who was cancelled between two requests has left nothing behind.
    fn released(&self, conn: &mut HttpConnection, how: Ended) -> Fate {
        match how {
            Ended::Returned
            | Ended::Cancelled
            | Ended::Failed(Fault::Query | Fault::Timeout | Fault::Overload) => conn.fate(),
            _ => Fate::Close,
        }
    }

    fn classify(&self, error: &HttpError) -> Fault {
        error.fault()
    }

    /// A service that restarts is looked for once a second at least. What the URL says about the pool comes last.
    fn defaults(&self, mut options: Options) -> Options {
        options.backoff_max = Duration::from_secs(1);
        options.idle_timeout = Timeout::After(IDLE);
        self.plan.pool.apply(&mut options);
        options
    }
}

impl Share for Http<Two> {
    type Handle = HttpHandle;

    fn handle(&self, conn: &HttpConnection) -> HttpHandle {
        conn.handle().expect("this manager makes connections that speak HTTP/2 only")
    }
}
