//! A line to etcd: one who asks, one question at a time. It stays with the server that answers and turns to the next when
//! that one does not; it shows its token, and gets another when that is refused. Every question has a deadline: the
//! servers' patience, one after the other.
//!
//! Whatever is asked here may be asked twice: what was put is put again as it is, a lease that nobody knows of runs out.

use std::sync::Arc;

use cenote::Manager;
use cenote_http::hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use cenote_http::hyper::{Request, Response, StatusCode};
use cenote_http::{Body, Http, HttpConnection, HttpError};
use serde_json::Value;
use tokio::time::timeout;

use crate::answer::{self, LONGEST, Refusal, Told};
use crate::ask;
use crate::error::{EtcdError, code};
use crate::etcd::Plan;
use crate::watch::Watch;

/// Why a server did not do it.
#[derive(Debug)]
enum Trouble {
    /// Another one may: a sentence.
    Here(String),
    /// No other will.
    Everywhere(EtcdError),
}

/// What is known of the token.
enum Token {
    /// None was asked for yet, or the last was refused.
    Wanted,
    /// etcd asks nobody who he is.
    Needless,
    Known(HeaderValue),
}

pub(crate) struct Line {
    plan: Arc<Plan>,
    /// The server that is asked first.
    at: usize,
    /// A connection to it that rests.
    conn: Option<HttpConnection>,
    token: Token,
}

impl Line {
    pub(crate) fn new(plan: Arc<Plan>) -> Line {
        Line { plan, at: 0, conn: None, token: Token::Wanted }
    }

    /// Which server is asked, by its number.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    fn server(&self) -> &Http {
        &self.plan.servers[self.at]
    }

    /// Where it leads to.
    pub(crate) fn place(&self) -> String {
        self.server().place()
    }

    fn turn(&mut self) {
        self.at = (self.at + 1) % self.plan.servers.len();
        self.conn = None;
    }

    /// Asks, if need be one server after the other.
    pub(crate) async fn ask(&mut self, path: &str, body: &Value) -> Result<Value, EtcdError> {
        let body = body.to_string();
        let mut tried = Vec::new();
        for _ in 0..self.plan.servers.len() {
            let patience = self.plan.patience;
            match timeout(patience, self.ask_here(path, &body)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Trouble::Everywhere(error))) => return Err(error),
                Ok(Err(Trouble::Here(why))) => tried.push(why),
                Err(_) => tried.push(self.late()),
            }
            self.turn();
        }
        Err(EtcdError::Unreachable { tried })
    }

    /// Begins a watch at the server that answered last, and waits until it stands.
    pub(crate) async fn watch(&mut self, body: &Value) -> Result<Watch, EtcdError> {
        let body = body.to_string();
        let why = match timeout(self.plan.patience, self.watch_here(&body)).await {
            Ok(Ok(watch)) => return Ok(watch),
            Ok(Err(Trouble::Everywhere(error))) => return Err(error),
            Ok(Err(Trouble::Here(why))) => why,
            Err(_) => self.late(),
        };
        self.turn();
        Err(EtcdError::Unreachable { tried: vec![why] })
    }

    fn late(&self) -> String {
        format!(
            "{}: no answer within {:?}: see how it fares, or raise answer_timeout",
            self.place(),
            self.plan.patience
        )
    }

    async fn ask_here(&mut self, path: &str, body: &str) -> Result<Value, Trouble> {
        self.log_in().await?;
        match self.exchange(path, body).await {
            Err(Trouble::Everywhere(error)) if self.renews(&error) => {
                self.log_in().await?;
                self.exchange(path, body).await
            }
            done => done,
        }
    }

    async fn watch_here(&mut self, body: &str) -> Result<Watch, Trouble> {
        self.log_in().await?;
        let mut conn = self.server().connect().await.map_err(here)?;
        let answer = self.send(&mut conn, ask::WATCH, body).await.map_err(here)?;
        if !answer.status().is_success() {
            let said = self.read(conn, answer).await;
            return Err(said.err().unwrap_or_else(|| odd(&self.place(), "begins no watch")));
        }
        let mut watch = Watch::new(self.at, conn, answer.into_body());
        let ended =
            |code, message| Trouble::Everywhere(refused(self.place(), Refusal { code, message }));
        match watch.next().await.map_err(Trouble::Here)? {
            Told::Created => Ok(watch),
            Told::Compacted(_) => Err(ended(code::OUT_OF_RANGE, "compacted meanwhile".into())),
            Told::Canceled(why) => Err(ended(code::PERMISSION_DENIED, why)),
            Told::Refused(refusal) => Err(trouble_of(self.place(), refusal)),
            Told::Changes(_) => Err(odd(&self.place(), "begins no watch")),
        }
    }

    /// Whether this error may be the token's, which is forgotten then.
    fn renews(&mut self, error: &EtcdError) -> bool {
        let renews = self.plan.login.is_some() && error.is_about_the_token();
        if renews {
            self.token = Token::Wanted;
        }
        renews
    }

    /// Sees to it that there is a token, if one is needed.
    async fn log_in(&mut self) -> Result<(), Trouble> {
        let (Token::Wanted, Some((user, password))) = (&self.token, &self.plan.login) else {
            return Ok(());
        };
        let body = ask::login(user, password).to_string();
        let answer = match self.exchange(ask::AUTHENTICATE, &body).await {
            Err(Trouble::Everywhere(error)) if error.code() == Some(code::FAILED_PRECONDITION) => {
                self.token = Token::Needless;
                return Ok(());
            }
            answer => answer?,
        };
        let wrong = |what| odd(&self.place(), what);
        let token = answer::token(&answer).map_err(|what| wrong(what.0))?;
        let mut token =
            HeaderValue::try_from(token).map_err(|_| wrong("has a token that is none"))?;
        token.set_sensitive(true);
        self.token = Token::Known(token);
        Ok(())
    }

    /// One question and its answer, on the connection that rests or on a new one.
    async fn exchange(&mut self, path: &str, body: &str) -> Result<Value, Trouble> {
        if let Some(mut conn) = self.conn.take() {
            if !self.server().is_closed(&conn) {
                // It may be closed at this very moment.
                if let Ok(answer) = self.send(&mut conn, path, body).await {
                    return self.read(conn, answer).await;
                }
            }
        }
        let mut conn = self.server().connect().await.map_err(here)?;
        let answer = self.send(&mut conn, path, body).await.map_err(here)?;
        self.read(conn, answer).await
    }

    async fn send(
        &self,
        conn: &mut HttpConnection,
        path: &str,
        body: &str,
    ) -> Result<Response<Body>, HttpError> {
        let mut request = Request::post(path).header(CONTENT_TYPE, "application/json");
        if let Token::Known(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        // Path and headers are ours, and well.
        let request = request.body(body.to_owned()).expect("a path and two headers make a request");
        conn.send(request).await
    }

    async fn read(
        &mut self,
        conn: HttpConnection,
        answer: Response<Body>,
    ) -> Result<Value, Trouble> {
        let status = answer.status();
        let bytes = match answer.into_body().bytes(LONGEST).await {
            Ok(bytes) => bytes,
            Err(HttpError::Unfit { .. }) => {
                return Err(Trouble::Everywhere(EtcdError::TooLong { place: self.place() }));
            }
            Err(error) => return Err(here(error)),
        };
        self.conn = Some(conn);
        judge(&self.place(), status, &bytes)
    }
}

fn here(error: HttpError) -> Trouble {
    Trouble::Here(error.to_string())
}

/// Somebody else may listen on the next.
fn odd(place: &str, what: &str) -> Trouble {
    Trouble::Here(EtcdError::odd(place, what).to_string())
}

/// What an answer says: what was asked for, or why not.
fn judge(place: &str, status: StatusCode, bytes: &[u8]) -> Result<Value, Trouble> {
    let value = answer::json(bytes);
    if let Some(refusal) = value.as_ref().ok().and_then(answer::refusal) {
        return Err(trouble_of(place.to_owned(), refusal));
    }
    match value {
        Ok(value) if status.is_success() => Ok(value),
        Err(what) if status.is_success() => Err(odd(place, what.0)),
        _ => Err(Trouble::Here(format!(
            "{place}: it answered {status}: see whether etcd 3.4 or later listens there, with its JSON gateway"
        ))),
    }
}

/// What a refusal means: that this server cannot, or that etcd will not.
fn trouble_of(place: String, refusal: Refusal) -> Trouble {
    match refusal.code {
        code::UNAVAILABLE | code::DEADLINE_EXCEEDED | code::RESOURCE_EXHAUSTED => {
            Trouble::Here(format!("{place}: etcd cannot do it now ({})", refusal.message))
        }
        _ => Trouble::Everywhere(refused(place, refusal)),
    }
}

fn refused(place: String, refusal: Refusal) -> EtcdError {
    EtcdError::Refused { place, code: refusal.code, message: refusal.message }
}
