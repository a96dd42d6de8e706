//! Options that were given as text, each with the place it came from: what the sources have in common. Every
//! value is read and checked by itself as it comes in, so that an error knows its place; options that
//! contradict each other are refused when all are together, at the latest by `build`.

use std::fmt;

use super::error::{ConfigError, Origin, nearest};
use super::table::{OptionInfo, Options, TABLE, find};

/// A part of the options, to be laid over others: over a preset, over a driver's defaults.
///
/// Read from the environment, from a URL or, with the feature `serde`, from a file. Reading checks every
/// value by itself.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use cenote_testkit::Script;
/// use cenote::{Bound, Pool, Preset, Settings};
///
/// let settings = Settings::from_vars("CENOTE_", [("CENOTE_MAX_SIZE", "20"), ("HOME", "/root")])?;
/// let pool = Pool::builder(Script::new()).preset(Preset::Hikari).settings(&settings).build()?;
/// assert_eq!(pool.options().max_size, Bound::At(20));
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Settings {
    /// Where the given values are; the rest are defaults and mean nothing.
    values: Options,
    given: Vec<(&'static OptionInfo, Origin)>,
}

impl Settings {
    /// Lays these settings over `options`. What was not given stays.
    pub fn apply(&self, options: &mut Options) {
        for (info, _) in &self.given {
            (info.copy)(&self.values, options);
        }
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Adds what was given for an option.
    pub(crate) fn add(
        &mut self,
        info: &'static OptionInfo,
        text: &str,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        if self.given.iter().any(|(given, _)| given.name == info.name) {
            return Err(ConfigError::twice(info.name, origin));
        }
        if let Err(error) = self.values.put(info, text) {
            return Err(error.from(origin));
        }
        self.given.push((info, origin));
        Ok(())
    }

    /// Lays these settings over `options` if the result can work; otherwise nothing is changed.
    pub(crate) fn apply_checked(&self, options: &mut Options) -> Result<(), ConfigError> {
        let mut changed = options.clone();
        self.apply(&mut changed);
        if let Err(error) = changed.validate() {
            let given = self.given.iter().find(|(info, _)| info.name == error.field());
            let origin = given.map_or(Origin::Code, |(_, origin)| origin.clone());
            return Err(error.from(origin));
        }
        *options = changed;
        Ok(())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.given.iter();
        f.debug_map()
            .entries(given.map(|(info, _)| (info.name, (info.get)(&self.values).to_string())))
            .finish()
    }
}

impl Options {
    /// Sets the option of this name from text, as it stands in files, in the environment and in URLs.
    ///
    /// Numbers are plain (`20`), a bound can be `unlimited`; a time is a number with its unit (`500us`,
    /// `100ms`, `30s`, `10min`, `2h`, `1d`, `1.5h`), a timeout can be `never`; switches are `true` and `false`;
    /// choices are words, such as `lifo`, `fail_first`, `if_idle_for 1s`. Whether the option goes with the
    /// others is for [`validate`](Options::validate) to say, and `build` asks it (P-24).
    ///
    /// ```
    /// use cenote::Options;
    ///
    /// let mut options = Options::default();
    /// options.set("acquire_timeout", "3s")?;
    /// options.set("max_waiting", "unlimited")?;
    /// assert_eq!(options.get("acquire_timeout").unwrap(), "3s");
    ///
    /// let error = options.set("max_sise", "20").unwrap_err();
    /// assert_eq!(error.to_string(), "max_sise is no option of a pool: did you mean max_size?");
    /// # Ok::<(), cenote::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such option, if the text is none of its values, or if the option cannot work with that
    /// value. Then nothing is changed.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let Some(info) = find(name) else {
            let nearest = nearest(name, names()).map(str::to_owned);
            return Err(ConfigError::unknown(name, nearest, Origin::Text));
        };
        let mut changed = self.clone();
        changed.put(info, text)?;
        *self = changed;
        Ok(())
    }

    /// The value of the option of this name as text; [`set`](Options::set) reads it back. `None` if there is
    /// no such option.
    pub fn get(&self, name: &str) -> Option<String> {
        find(name).map(|info| (info.get)(self).to_string())
    }

    /// All options, in the order of the fields: what each does, its default, why one would change it.
    ///
    /// ```
    /// use cenote::Options;
    ///
    /// let info = Options::reference().iter().find(|info| info.name == "max_size").unwrap();
    /// assert_eq!((info.default, info.unit, info.rule), ("10", "connections", "P-11"));
    /// ```
    pub fn reference() -> &'static [OptionInfo] {
        TABLE
    }

    fn put(&mut self, info: &OptionInfo, text: &str) -> Result<(), ConfigError> {
        if (info.set)(self, text).is_none() {
            return Err(ConfigError::unreadable(info.name, text, info.refusal(text), Origin::Text));
        }
        info.check(self).map_err(|error| error.from(Origin::Text))
    }
}

/// The names of all options.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|info| info.name)
}
