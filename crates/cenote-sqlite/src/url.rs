//! `sqlite:` URLs. Everything else is refused without being repeated: it may hold a password.

use cenote::Settings;

use crate::error::SqliteError;
use crate::sqlite::Sqlite;

impl Sqlite {
    /// The database of a URL: `sqlite:app.db`, `sqlite:///var/lib/app.db` or `sqlite::memory:`, with
    /// `?mode=ro` (read only), `?mode=rw` (must exist) or `?mode=rwc` (the default: created if it does not).
    ///
    /// Options of the pool ride in it as parameters whose names begin with `pool_`:
    /// `sqlite:app.db?mode=rw&pool_max_size=4&pool_acquire_timeout=3s`. They are the defaults of every pool
    /// that is built from this value; calls of the builder come after them (P-24). In a
    /// [split](Sqlite::into_split) they are those of the readers and, but for the sizes, of the writer.
    ///
    /// # Errors
    /// [`SqliteError::Url`] if it is none of these, or an option of the pool is unknown, given twice or
    /// cannot have its value.
    ///
    /// ```
    /// use cenote_sqlite::Sqlite;
    ///
    /// assert_eq!(Sqlite::from_url("sqlite:data/app.db?mode=ro").unwrap().path(), "data/app.db");
    ///
    /// let error = Sqlite::from_url("postgres://me:secret@host/db").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "a URL of scheme \"postgres\" is no SQLite database: the scheme that works is sqlite, as in sqlite:PATH",
    /// );
    /// ```
    pub fn from_url(url: &str) -> Result<Sqlite, SqliteError> {
        let fail = |reason: String| Err(SqliteError::Url { reason });
        let Some((scheme, _)) = url.split_once(':') else {
            return fail("a database URL begins with its scheme: write sqlite:PATH".into());
        };
        if !scheme.eq_ignore_ascii_case("sqlite") {
            // What is no scheme may be anything, such as a password.
            return fail(match is_scheme(scheme) {
                true => format!(
                    "a URL of scheme \"{scheme}\" is no SQLite database: the scheme that works is sqlite, as in sqlite:PATH"
                ),
                false => "a database URL begins with its scheme: write sqlite:PATH".into(),
            });
        }
        // Now that it is known not to be a URL of another kind, with a password in it.
        let (pool, left) = Settings::from_url(url)
            .map_err(|error| SqliteError::Url { reason: error.to_string() })?;
        // The path ends where it did before anything was taken out behind it.
        let before = url.split('?').next().unwrap_or_default();
        let query = left.strip_prefix(before).unwrap_or_default();
        let query = query.strip_prefix('?').unwrap_or(query);
        let (_, path) = before.split_once(':').unwrap_or_default();
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return fail("the URL names no file: write sqlite:PATH or sqlite::memory:".into());
        }
        let sqlite = Sqlite::file(path).with(|plan| plan.pool = pool);
        match query {
            "" | "mode=rwc" => Ok(sqlite),
            "mode=rw" => Ok(sqlite.create(false)),
            "mode=ro" => Ok(sqlite.read_only(true)),
            _ => fail(
                "a sqlite URL takes no other option than mode=ro, mode=rw or mode=rwc, and those of the pool, as in pool_max_size=4: set the rest in code"
                    .into(),
            ),
        }
    }
}

/// The longest scheme that anybody has registered has 36 letters; what is longer is not shown.
const LONGEST_SCHEME: usize = 36;

fn is_scheme(text: &str) -> bool {
    let mut letters = text.chars();
    text.len() <= LONGEST_SCHEME
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}
