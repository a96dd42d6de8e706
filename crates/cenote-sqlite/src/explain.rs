//! Why a database cannot be opened, said so that one knows what to do. SQLite has few words for it
//! ("unable to open database file"), so the path is looked at: what can never be a database before SQLite
//! sees it (it takes an empty path for a temporary file, and a tiny file for an empty one that it may
//! overwrite), the rest after it has refused, only for the message.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use cenote::Fault;
use rusqlite::ErrorCode;

use crate::error::{SqliteError, without_sql, words};
use crate::open::{Plan, Target};

const NO_DATABASE: &str = "it is not an SQLite database, or it is encrypted: give the path of one, or of a file that does not exist yet";

/// The size of the smallest page, and so of the smallest database.
const SMALLEST: u64 = 512;

/// Refuses a path that is no file's.
pub(crate) fn must_be_a_file(plan: &Plan) -> Result<(), SqliteError> {
    let Target::File(path) = &plan.target else { return Ok(()) };
    let reason = match fs::metadata(path) {
        _ if path.as_os_str().is_empty() => {
            "the path is empty: give the path of a file, or use Sqlite::memory()"
        }
        Ok(found) if found.is_dir() => "it is a folder: give the path of a file",
        Ok(found) if !found.is_file() => "it is a device, pipe or socket: give the path of a file",
        Ok(found) if (1..SMALLEST).contains(&found.len()) => NO_DATABASE,
        // That it is not there, or cannot be reached, SQLite will find itself.
        Ok(_) | Err(_) => return Ok(()),
    };
    let (path, reason) = (plan.path(), reason.to_owned());
    Err(SqliteError::Open { path, reason, fault: Fault::Permanent, source: None })
}

/// The error of an opening; `pragma` is the one that was being set.
pub(crate) fn explain(plan: &Plan, error: rusqlite::Error, pragma: Option<&str>) -> SqliteError {
    let (reason, fault) = reason(plan, &error, pragma);
    SqliteError::Open { path: plan.path(), reason, fault, source: Some(without_sql(error)) }
}

fn reason(plan: &Plan, error: &rusqlite::Error, pragma: Option<&str>) -> (String, Fault) {
    let words = words(error);
    let said = |reason: &str, fault| (reason.to_owned(), fault);
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => said(NO_DATABASE, Fault::Permanent),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            match &plan.target {
                Target::File(path) => look(plan, path).unwrap_or((words, Fault::Permanent)),
                Target::Memory(_) => (words, Fault::Permanent),
            }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            format!(
                "another connection kept it locked for {:?}: end that one's transaction, or raise busy_timeout",
                plan.busy_timeout
            ),
            Fault::Timeout,
        ),
        Some(ErrorCode::DiskFull) => {
            (format!("{words}: free space; nothing that was committed is lost"), Fault::Connection)
        }
        Some(ErrorCode::DatabaseCorrupt) => (
            format!("{words}: restore it from a backup, or try .recover of the sqlite3 shell"),
            Fault::Permanent,
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => (words, Fault::Connection),
        _ => match pragma {
            Some(name) => (
                format!("PRAGMA {name} was refused ({words}): correct its value"),
                Fault::Permanent,
            ),
            None => (words, Fault::Permanent),
        },
    }
}

/// What is wrong with the path, if anything can be seen.
fn look(plan: &Plan, path: &Path) -> Option<(String, Fault)> {
    let said = |reason: String| Some((reason, Fault::Permanent));
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return said("this process may not reach it: change the rights of its folders".into());
        }
        Err(_) => return absent(plan, path),
    }
    if let Err(error) = OpenOptions::new().read(true).open(path) {
        return refused(&error, "read it: change its rights");
    }
    if plan.read_only {
        return None;
    }
    let error = OpenOptions::new().write(true).open(path).err()?;
    refused(&error, "write it: change its rights, or open it with Sqlite::read_only(true)")
}

/// The file is not there: because nobody made it, or because nobody could.
fn absent(plan: &Plan, path: &Path) -> Option<(String, Fault)> {
    let said = |reason: String| Some((reason, Fault::Permanent));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let shown = folder.display();
    if let Some(file) = folder.ancestors().find(|above| above.is_file()) {
        return said(format!(
            "\"{}\" is a file, so there is nothing in it: correct the path",
            file.display()
        ));
    }
    if !folder.is_dir() {
        return said(format!(
            "the folder \"{shown}\" does not exist: create it, or correct the path"
        ));
    }
    if plan.read_only || !plan.create {
        return said(
            "the file does not exist: correct the path, or create the database first".into(),
        );
    }
    said(format!(
        "no file can be created in \"{shown}\": change the rights of the folder, or choose another"
    ))
}

fn refused(error: &std::io::Error, what: &str) -> Option<(String, Fault)> {
    // EMFILE and ENFILE: with fewer connections the rest may work.
    if matches!(error.raw_os_error(), Some(23 | 24)) && cfg!(unix) {
        let reason =
            "there are too many open files: lower max_size, or raise the limit (ulimit -n)";
        return Some((reason.into(), Fault::Overload));
    }
    Some((format!("this process may not {what}"), Fault::Permanent))
}
