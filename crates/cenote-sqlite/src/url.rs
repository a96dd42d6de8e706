//! `sqlite:` URLs. Everything else is refused without being repeated: it may hold a password.

use crate::error::SqliteError;
use crate::sqlite::Sqlite;

impl Sqlite {
    /// The database of a URL: `sqlite:app.db`, `sqlite:///var/lib/app.db` or `sqlite::memory:`, with
    /// `?mode=ro` (read only), `?mode=rw` (must exist) or `?mode=rwc` (the default: created if it does not).
    ///
    /// # Errors
    /// [`SqliteError::Url`] if it is none of these.
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
        let Some((scheme, rest)) = url.split_once(':') else {
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
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() {
            return fail("the URL names no file: write sqlite:PATH or sqlite::memory:".into());
        }
        let sqlite = Sqlite::file(path);
        match query {
            "" | "mode=rwc" => Ok(sqlite),
            "mode=rw" => Ok(sqlite.create(false)),
            "mode=ro" => Ok(sqlite.read_only(true)),
            _ => fail(
                "a sqlite URL takes no other option than mode=ro, mode=rw or mode=rwc: set the rest in code"
                    .into(),
            ),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}
