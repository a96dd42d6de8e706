//! The error of options: which one, what is wrong with it, and where it was set. One sentence without line
//! breaks, so that it fits into a log line and into the error of whoever reads a file.

use std::borrow::Cow;
use std::fmt;

/// An option that cannot work, cannot be read, is not known or is given twice (P-24).
///
/// ```
/// use cenote::{Options, Origin};
///
/// let error = Options::from_url("sqlite:app.db?pool_max_size=ten").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "max_size is \"ten\" at character 15 of the URL, but it must be a whole number, or unlimited",
/// );
/// assert_eq!((error.field(), error.origin()), ("max_size", &Origin::Url { at: 15 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: Cow<'static, str>,
    problem: Problem,
    origin: Origin,
}

/// Where the value of an option came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It was set in code, or is a default.
    Code,
    /// It was given as text; who reads a file knows the line.
    Text,
    /// An environment variable of this name.
    Variable(String),
    /// A parameter of a URL, which begins at this character (the first is 1).
    Url {
        /// The parameter's first character.
        at: usize,
    },
}

/// How an option that must not be zero is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Off {
    Unlimited,
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Impossible { value: String, rule: String, off: Option<Off> },
    Unknown { nearest: Option<String> },
    Twice,
}

impl ConfigError {
    pub(crate) fn impossible(
        field: &'static str,
        value: impl fmt::Display,
        rule: impl Into<String>,
        off: Option<Off>,
    ) -> ConfigError {
        let problem = Problem::Impossible { value: value.to_string(), rule: rule.into(), off };
        ConfigError { field: field.into(), problem, origin: Origin::Code }
    }

    pub(crate) fn unreadable(
        field: &'static str,
        text: &str,
        rule: String,
        origin: Origin,
    ) -> ConfigError {
        ConfigError::impossible(field, quoted(text), rule, None).from(origin)
    }

    /// `nearest` is spelled as the origin spells names.
    pub(crate) fn unknown(name: &str, nearest: Option<String>, origin: Origin) -> ConfigError {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let named = !name.is_empty() && name.len() <= LONGEST && name.chars().all(plain);
        let field = if named { name.to_owned() } else { quoted(name) };
        ConfigError { field: field.into(), problem: Problem::Unknown { nearest }, origin }
    }

    pub(crate) fn twice(name: &'static str, origin: Origin) -> ConfigError {
        ConfigError { field: name.into(), problem: Problem::Twice, origin }
    }

    pub(crate) fn from(self, origin: Origin) -> ConfigError {
        ConfigError { origin, ..self }
    }

    /// The same error without the value: it may be part of a password that tore its URL.
    pub(crate) fn hidden(mut self) -> ConfigError {
        match &mut self.problem {
            Problem::Impossible { value, .. } => *value = "(hidden)".to_owned(),
            Problem::Unknown { nearest } => {
                self.field = "(hidden)".into();
                *nearest = None;
            }
            Problem::Twice => {}
        }
        self
    }

    /// The same error of options that contradict each other, without what either is.
    pub(crate) fn hidden_pair(mut self) -> ConfigError {
        if let Problem::Impossible { rule, .. } = &mut self.problem {
            *rule = "it does not go with the other options (hidden too: they may be part of a password)"
                .to_owned();
        }
        self.hidden()
    }

    /// The option's name. For an option that is not known, the name that was given; for a value without an
    /// option, "the value".
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Where its value came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConfigError { field, problem, origin } = self;
        let place = Place(origin);
        match problem {
            Problem::Impossible { value, rule, off } => {
                write!(f, "{field} is {value}{place}, but {rule}")?;
                match (off, origin) {
                    (None, _) => Ok(()),
                    (Some(Off::Unlimited), Origin::Code) => {
                        f.write_str(" (for no limit say Bound::Unlimited)")
                    }
                    (Some(Off::Unlimited), _) => f.write_str(" (for no limit say unlimited)"),
                    (Some(Off::Never), Origin::Code) => {
                        f.write_str(" (to switch it off say Timeout::Never)")
                    }
                    (Some(Off::Never), _) => f.write_str(" (to switch it off say never)"),
                }
            }
            Problem::Unknown { nearest: Some(nearest) } => {
                write!(f, "{field}{place} is no option of a pool: did you mean {nearest}?")
            }
            Problem::Unknown { nearest: None } => {
                write!(
                    f,
                    "{field}{place} is no option of a pool: see the list of options in the guide"
                )
            }
            Problem::Twice => {
                write!(f, "{field}{place} is given a second time: keep one of the two")
            }
        }
    }
}

/// An origin as part of a sentence, with the space before it; nothing where there is no place to name.
struct Place<'a>(&'a Origin);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Origin::Code | Origin::Text => Ok(()),
            Origin::Variable(name) => write!(f, " in the environment variable {name}"),
            Origin::Url { at } => write!(f, " at character {at} of the URL"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The most that is shown of a text.
const LONGEST: usize = 64;

/// The most that is shown of a variable's name, whose beginning is the user's own.
const LONGEST_VARIABLE: usize = 200;

/// A text that may be anything: in quotes, without line breaks, and not without end.
fn quoted(text: &str) -> String {
    match cut(text, LONGEST) {
        Some(head) => format!("{head:?}…"),
        None => format!("{text:?}"),
    }
}

/// The name of a variable, which may be anything too.
pub(crate) fn variable(name: &str) -> String {
    match cut(name, LONGEST_VARIABLE) {
        Some(head) => format!("{}…", head.escape_debug()),
        None => name.escape_debug().to_string(),
    }
}

/// The first letters of a text that is longer than so many as it is shown: a strange one takes up to ten.
fn cut(text: &str, most: usize) -> Option<&str> {
    let mut shown = 0;
    let mut too_far = text.char_indices().filter(|(_, letter)| {
        shown += letter.escape_debug().count();
        shown > most
    });
    too_far.next().map(|(end, _)| &text[..end])
}

/// The known name that is most like this one, if any is like it.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A name that goes on for ever resembles none, and is not worth the work.
    if name.len() > LONGEST {
        return None;
    }
    let slips = 1 + name.len() / 4;
    known
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// How many letters must be put in, taken out or replaced to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, known) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *known);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
