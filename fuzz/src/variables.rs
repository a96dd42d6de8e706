//! Options in environment variables: those with the prefix are understood or refused by name, others are nobody's
//! business.

use std::ffi::OsStr;

use cenote::{Options, Origin, Settings};

use crate::claims;

/// A variable in each line, as the system would hand them over: text or not.
pub fn variables(input: &[u8]) -> bool {
    let pairs: Vec<(&OsStr, &OsStr)> = input
        .split(|byte| *byte == b'\n')
        .map(|line| {
            let at = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
            (os(&line[..at]), os(line.get(at + 1..).unwrap_or_default()))
        })
        .collect();
    let ours = || {
        pairs.iter().filter_map(|(name, value)| {
            Some((name.to_str()?.strip_prefix("CENOTE_")?.to_ascii_lowercase(), *value))
        })
    };
    each_by_itself(ours());
    match Settings::from_vars("CENOTE_", pairs.iter().copied()) {
        Ok(settings) => {
            let mut expected = Options::default();
            for (name, value) in ours() {
                let text = value.to_str().expect("what is no text is refused");
                expected.set(&name, text).expect("what a variable can say, text can");
            }
            let options = claims::over_the_defaults(&settings);
            assert_eq!(options, expected);
            match options.validate() {
                Ok(()) => claims::read_back_the_same(&options),
                Err(error) => claims::names_one_of(&error, ours().map(|(name, _)| name)),
            }
            !settings.is_empty()
        }
        Err(error) => {
            claims::names_the_option(&error);
            let Origin::Variable(variable) = error.origin() else { panic!("{error:?}") };
            assert!(error.to_string().contains(variable), "{error}");
            assert!(variable.starts_with("CENOTE_"), "{error}");
            false
        }
    }
}

/// As text, one after the other: what is refused changes nothing, what is taken is said in other words at most.
fn each_by_itself<'a>(pairs: impl Iterator<Item = (String, &'a OsStr)>) {
    let mut options = Options::default();
    for (name, value) in pairs {
        let before = options.clone();
        let text = value.to_string_lossy();
        match options.set(&name, &text) {
            Ok(()) => {
                let read = options.get(&name).expect("what was set can be got");
                let mut again = before;
                again.set(&name, &read).expect("what is said can be set");
                assert_eq!(again, options, "{name} = {text:?} reads {read:?}");
            }
            Err(error) => {
                assert_eq!(options, before, "a refusal changes nothing");
                claims::names_the_option(&error);
            }
        }
    }
}

#[cfg(unix)]
fn os(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

#[cfg(not(unix))]
fn os(bytes: &[u8]) -> &OsStr {
    std::str::from_utf8(bytes).unwrap_or_default().as_ref()
}
