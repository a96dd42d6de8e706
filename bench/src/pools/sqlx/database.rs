//! A database for sqlx's pool that has connections, which a source makes, and nothing else: whatever
//! would stand for a query, a row or a value is a type without values.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use either::Either;
use log::LevelFilter;
use sqlx_core::Error;
use sqlx_core::arguments::Arguments;
use sqlx_core::column::{Column, ColumnIndex};
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::database::Database;
use sqlx_core::encode::Encode;
use sqlx_core::error::BoxDynError;
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::statement::Statement;
use sqlx_core::transaction::{Transaction, TransactionManager};
use sqlx_core::type_info::TypeInfo;
use sqlx_core::types::Type;
use sqlx_core::value::{Value, ValueRef};
use url::Url;

use crate::subject::{Conn, Source};

/// The database.
#[derive(Debug)]
pub(super) struct Nothing;

/// Where connections come from.
#[derive(Clone)]
pub(super) struct Target(pub(super) Source);

/// A connection, as sqlx wants it.
pub(super) struct Session {
    _conn: Conn,
}

/// What a database without queries never makes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Void {}

/// Arguments of queries that nobody runs.
#[derive(Default)]
pub(super) struct NoArguments;

impl Database for Nothing {
    type Connection = Session;
    type TransactionManager = NoTransactions;
    type Row = Void;
    type QueryResult = NoResult;
    type Column = Void;
    type TypeInfo = Void;
    type Value = Void;
    type ValueRef<'r> = Void;
    type Arguments = NoArguments;
    type ArgumentBuffer = ();
    type Statement = Void;

    const NAME: &'static str = "Nothing";
    const URL_SCHEMES: &'static [&'static str] = &["nothing"];
}

impl Connection for Session {
    type Database = Nothing;
    type Options = Target;

    async fn close(self) -> Result<(), Error> {
        Ok(())
    }

    async fn close_hard(self) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Nothing>, Error> {
        Err(none())
    }

    fn shrink_buffers(&mut self) {}

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn should_flush(&self) -> bool {
        false
    }
}

impl ConnectOptions for Target {
    type Connection = Session;

    fn from_url(_: &Url) -> Result<Target, Error> {
        Err(none())
    }

    async fn connect(&self) -> Result<Session, Error> {
        Ok(Session { _conn: self.0.connect().await })
    }

    fn log_statements(self, _: LevelFilter) -> Target {
        self
    }

    fn log_slow_statements(self, _: LevelFilter, _: Duration) -> Target {
        self
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(_: &str) -> Result<Target, Error> {
        Err(none())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target")
    }
}

fn none() -> Error {
    Error::Configuration("a database without queries has none of these".into())
}

pub(super) struct NoTransactions;

impl TransactionManager for NoTransactions {
    type Database = Nothing;

    async fn begin(_: &mut Session, _: Option<SqlStr>) -> Result<(), Error> {
        Err(none())
    }

    async fn commit(_: &mut Session) -> Result<(), Error> {
        Err(none())
    }

    async fn rollback(_: &mut Session) -> Result<(), Error> {
        Err(none())
    }

    fn start_rollback(_: &mut Session) {}

    fn get_transaction_depth(_: &Session) -> usize {
        0
    }
}

#[derive(Default)]
pub(super) struct NoResult;

impl Extend<NoResult> for NoResult {
    fn extend<I: IntoIterator<Item = NoResult>>(&mut self, _: I) {}
}

impl Arguments for NoArguments {
    type Database = Nothing;

    fn reserve(&mut self, _: usize, _: usize) {}

    fn add<'t, T>(&mut self, _: T) -> Result<(), BoxDynError>
    where
        T: Encode<'t, Nothing> + Type<Nothing>,
    {
        Err(none().into())
    }

    fn len(&self) -> usize {
        0
    }
}

sqlx_core::impl_into_arguments_for_arguments!(NoArguments);

impl Row for Void {
    type Database = Nothing;

    fn columns(&self) -> &[Void] {
        match *self {}
    }

    fn try_get_raw<I: ColumnIndex<Void>>(&self, _: I) -> Result<Void, Error> {
        match *self {}
    }
}

impl Column for Void {
    type Database = Nothing;

    fn ordinal(&self) -> usize {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }

    fn type_info(&self) -> &Void {
        match *self {}
    }
}

impl fmt::Display for Void {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl TypeInfo for Void {
    fn is_null(&self) -> bool {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }
}

impl Value for Void {
    type Database = Nothing;

    fn as_ref(&self) -> Void {
        match *self {}
    }

    fn type_info(&self) -> Cow<'_, Void> {
        match *self {}
    }

    fn is_null(&self) -> bool {
        match *self {}
    }
}

impl ValueRef<'_> for Void {
    type Database = Nothing;

    fn to_owned(&self) -> Void {
        match *self {}
    }

    fn type_info(&self) -> Cow<'_, Void> {
        match *self {}
    }

    fn is_null(&self) -> bool {
        match *self {}
    }
}

impl Statement for Void {
    type Database = Nothing;

    fn into_sql(self) -> SqlStr {
        match self {}
    }

    fn sql(&self) -> &SqlStr {
        match *self {}
    }

    fn parameters(&self) -> Option<Either<&[Void], usize>> {
        match *self {}
    }

    fn columns(&self) -> &[Void] {
        match *self {}
    }

    sqlx_core::impl_statement_query!(NoArguments);
}
