//! Options from environment variables: a prefix of the user's choice, and the option's name in capitals.

use std::env;
use std::ffi::OsStr;

use super::error::{self, ConfigError, Origin, nearest};
use super::settings::{Settings, names};
use super::table::{Options, find};

impl Settings {
    /// Reads the environment variables whose names begin with `prefix`, such as `CENOTE_MAX_SIZE=20` for
    /// `"CENOTE_"` (the last `_` may be left out).
    ///
    /// # Errors
    /// If a variable with this prefix names no option, or its value is none of the option's.
    pub fn from_env(prefix: &str) -> Result<Settings, ConfigError> {
        Settings::from_vars(prefix, env::vars_os())
    }

    /// As [`from_env`](Settings::from_env), from any names and values: for tests, and for variables that were
    /// read from elsewhere.
    ///
    /// # Errors
    /// As [`from_env`](Settings::from_env), and if an option is given twice.
    pub fn from_vars<N, V>(
        prefix: &str,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Settings, ConfigError>
    where
        N: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let prefix = format!("{}_", prefix.trim_end_matches('_'));
        let mut settings = Settings::default();
        for (variable, value) in vars {
            let variable = variable.as_ref().to_string_lossy();
            let Some(name) = variable.strip_prefix(&prefix) else { continue };
            let name = name.to_ascii_lowercase();
            let origin = Origin::Variable(error::variable(&variable));
            let Some(info) = find(&name) else {
                let spelled = |name: &str| format!("{prefix}{}", name.to_ascii_uppercase());
                let nearest = nearest(&name, names()).map(spelled);
                return Err(ConfigError::unknown(&name, nearest, origin));
            };
            // What is not Unicode is no value of any option, and is refused as it is shown.
            settings.add(info, &value.as_ref().to_string_lossy(), origin)?;
        }
        Ok(settings)
    }
}

impl Options {
    /// The defaults, changed by the environment variables whose names begin with `prefix`:
    /// `CENOTE_MAX_SIZE=20` for `"CENOTE_"` (P-24).
    ///
    /// # Errors
    /// If a variable with this prefix names no option, its value is none of the option's, or the options
    /// cannot work together.
    ///
    /// ```
    /// use cenote::Options;
    ///
    /// let options = Options::from_env("ORDERS_POOL_")?;
    /// assert_eq!(options, Options::default(), "no such variable is set");
    /// # Ok::<(), cenote::ConfigError>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<Options, ConfigError> {
        let mut options = Options::default();
        options.read_env(prefix)?;
        Ok(options)
    }

    /// Changes these options by the environment variables whose names begin with `prefix`.
    ///
    /// # Errors
    /// As [`from_env`](Options::from_env); then nothing is changed.
    pub fn read_env(&mut self, prefix: &str) -> Result<(), ConfigError> {
        Settings::from_env(prefix)?.apply_checked(self)
    }
}
