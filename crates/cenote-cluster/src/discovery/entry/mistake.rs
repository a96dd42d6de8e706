//! What is wrong with a description of nodes, and where.

use std::error::Error as StdError;
use std::fmt;

/// What is wrong, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::discovery) struct Mistake {
    line: Option<usize>,
    what: String,
}

impl Mistake {
    pub(in crate::discovery) fn at(line: usize, what: impl Into<String>) -> Mistake {
        Mistake { line: Some(line), what: what.into() }
    }

    /// One that is in no line.
    #[cfg(feature = "file")]
    pub(in crate::discovery) fn nowhere(what: impl Into<String>) -> Mistake {
        Mistake { line: None, what: what.into() }
    }

    /// In a file of this name.
    #[cfg(feature = "file")]
    pub(in crate::discovery) fn of(self, file: String) -> FileError {
        FileError { file: Some(file), mistake: self }
    }

    /// In a text that is in no file.
    pub(in crate::discovery) fn of_text(self) -> FileError {
        FileError { file: None, mistake: self }
    }
}

/// Why a node file, or a text that describes a node, cannot be used, in one sentence: the file if it is one, the line, the
/// rule. It shows no address, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    file: Option<String>,
    mistake: Mistake,
}

impl FileError {
    /// The line of the mistake, from 1; `None` if the file cannot be read at all.
    pub fn line(&self) -> Option<usize> {
        self.mistake.line
    }

    /// The rule, without the place.
    pub fn rule(&self) -> &str {
        &self.mistake.what
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.mistake.line) {
            (Some(file), Some(line)) => write!(f, "node file {file}, line {line}: ")?,
            (Some(file), None) => write!(f, "node file {file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.mistake.what)
    }
}

impl StdError for FileError {}
