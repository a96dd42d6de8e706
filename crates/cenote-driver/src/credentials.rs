//! As whom to log in, when that is asked at each connect: passwords are rotated while a pool runs.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// As whom to log in; made by the function that a driver's `credentials` was given.
#[derive(Clone)]
pub struct Credentials {
    user: Option<String>,
    password: String,
}

impl Credentials {
    /// A user and a password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials { user: Some(user.into()), password: password.into() }
    }

    /// Another password for the user that is set, or for the one that the server takes when none is.
    pub fn password(password: impl Into<String>) -> Credentials {
        Credentials { user: None, password: password.into() }
    }

    /// The user, if one is given. For drivers.
    #[doc(hidden)]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password. For drivers.
    #[doc(hidden)]
    pub fn secret(&self) -> &str {
        &self.password
    }
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What such a function hands over.
pub type Handed = Result<Credentials, Box<dyn StdError + Send + Sync>>;

/// Such a function, as a driver keeps it.
pub type AskCredentials =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Handed> + Send>> + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    // section S
    #[test]
    fn a_password_is_in_no_output() {
        let told = format!(
            "{:?} {:?}",
            Credentials::new("ada", "sesame"),
            Credentials::password("sesame")
        );
        assert!(told.contains("ada") && !told.contains("sesame"), "{told}");
    }
}
