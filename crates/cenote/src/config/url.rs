//! Options that ride in a driver's URL, as parameters whose names begin with `pool_`. They are taken out; the
//! rest of the URL is not judged, not decoded and not changed, for it is the driver's.
//!
//! No error repeats any part of a URL that may be a password. Only the query is looked at, and when a bare `@`
//! in it tells that a `?` in a password may have torn the URL apart, not even that is shown.

use super::error::{ConfigError, Origin, nearest};
use super::settings::{Settings, names};
use super::table::{Options, find};

/// What the names of the pool's parameters begin with.
const PREFIX: &str = "pool_";

impl Settings {
    /// Reads the parameters of a URL whose names begin with `pool_`, and returns the URL without them.
    ///
    /// A driver does this where it reads its own URL, keeps the settings and lays them over its
    /// [`defaults`](crate::Manager::defaults).
    ///
    /// # Errors
    /// If such a parameter names no option, its value is none of the option's, or it is given twice; each time
    /// with its position.
    ///
    /// ```
    /// use cenote::{Bound, Options, Settings};
    ///
    /// let url = "postgres://me:secret@db/app?sslmode=require&pool_max_size=20&pool_acquire_timeout=3s";
    /// let (settings, url) = Settings::from_url(url)?;
    /// assert_eq!(url, "postgres://me:secret@db/app?sslmode=require");
    ///
    /// let mut options = Options::default();
    /// settings.apply(&mut options);
    /// assert_eq!(options.max_size, Bound::At(20));
    /// # Ok::<(), cenote::ConfigError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<(Settings, String), ConfigError> {
        let mut settings = Settings::default();
        let Some((before, query)) = url.split_once('?') else {
            return Ok((settings, url.to_owned()));
        };
        let fragment_at = query.find('#').unwrap_or(query.len());
        let (query, fragment) = query.split_at(fragment_at);
        let torn = is_torn(url);

        let mut rest = Vec::new();
        // The first is 1, and the ? is passed.
        let mut at = before.chars().count() + 2;
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match decoded(name).strip_prefix(PREFIX) {
                Some(name) => {
                    let taken = take(&mut settings, name, &decoded(value), Origin::Url { at });
                    taken.map_err(|error| if torn { error.hidden() } else { error })?;
                }
                None => rest.push(parameter),
            }
            at += parameter.chars().count() + 1;
        }
        if settings.is_empty() {
            return Ok((settings, url.to_owned()));
        }
        let mark = if rest.is_empty() { "" } else { "?" };
        Ok((settings, format!("{before}{mark}{}{fragment}", rest.join("&"))))
    }
}

/// Whether what looks like parameters may be the end of a password with a `?` in it.
fn is_torn(url: &str) -> bool {
    url.split_once('?').is_some_and(|(_, query)| query.contains('@'))
}

fn take(
    settings: &mut Settings,
    name: &str,
    text: &str,
    origin: Origin,
) -> Result<(), ConfigError> {
    match find(name) {
        Some(info) => settings.add(info, text, origin),
        None => {
            let nearest = nearest(name, names()).map(|name| format!("{PREFIX}{name}"));
            Err(ConfigError::unknown(&format!("{PREFIX}{name}"), nearest, origin))
        }
    }
}

/// A name or a value without its percent encoding. What is encoded wrongly becomes a sign that no option and
/// no value has.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                rest = after;
                hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0)
            }
            _ => first,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

impl Options {
    /// The defaults, changed by the parameters of a URL whose names begin with `pool_`, and the URL without
    /// them, for the driver (P-24).
    ///
    /// # Errors
    /// As [`read_url`](Options::read_url).
    ///
    /// ```
    /// use cenote::{Bound, Options};
    ///
    /// let (options, url) = Options::from_url("sqlite:app.db?mode=rw&pool_max_size=4")?;
    /// assert_eq!((options.max_size, url.as_str()), (Bound::At(4), "sqlite:app.db?mode=rw"));
    /// # Ok::<(), cenote::ConfigError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<(Options, String), ConfigError> {
        let mut options = Options::default();
        let url = options.read_url(url)?;
        Ok((options, url))
    }

    /// Changes these options by the parameters of a URL whose names begin with `pool_`, and returns the URL
    /// without them.
    ///
    /// # Errors
    /// If such a parameter names no option, its value is none of the option's, it is given twice, or the
    /// options cannot work together. Then nothing is changed.
    pub fn read_url(&mut self, url: &str) -> Result<String, ConfigError> {
        let (settings, rest) = Settings::from_url(url)?;
        settings
            .apply_checked(self)
            .map_err(|error| if is_torn(url) { error.hidden_pair() } else { error })?;
        Ok(rest)
    }
}
