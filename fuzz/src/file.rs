//! Options in files: what is read can work and is written back the same; what is wrong is named with its line;
//! a part of the options is refused where all of them would be.

use cenote::{ConfigError, Options, Settings};

use crate::claims;

/// A TOML file that holds options.
pub fn toml(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let is_toml = toml::from_str::<toml::Table>(&text).is_ok();
    let place = |error: toml::de::Error| {
        let said = error.to_string();
        if is_toml {
            claims::is_one_sentence(error.message());
        }
        let line = said.split_once("line ").and_then(|(_, rest)| rest.split_once(','));
        Refusal {
            message: error.message().to_owned(),
            line: line.and_then(|(n, _)| n.parse().ok()),
        }
    };
    let whole = toml::from_str::<Options>(&text).map_err(place);
    let part = toml::from_str::<Settings>(&text).map_err(place);
    let taken = whole.is_ok();
    agree(&text, whole, part);
    taken
}

/// A JSON file that holds options.
pub fn json(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let place = |error: serde_json::Error| {
        let message = error.to_string();
        claims::is_one_sentence(&message);
        let line = Some(error.line()).filter(|line| *line > 0);
        assert_eq!(line.is_some(), message.contains(" at line "), "{message}");
        Refusal { message, line }
    };
    let whole = serde_json::from_str::<Options>(&text).map_err(place);
    let part = serde_json::from_str::<Settings>(&text).map_err(place);
    let taken = whole.is_ok();
    agree(&text, whole, part);
    taken
}

/// Why a file is refused.
#[derive(Debug, PartialEq)]
struct Refusal {
    message: String,
    line: Option<usize>,
}

/// The same file read as all options and as a part of them.
fn agree(text: &str, whole: Result<Options, Refusal>, part: Result<Settings, Refusal>) {
    match (whole, part) {
        (Ok(options), Ok(settings)) => {
            assert_eq!(options, claims::over_the_defaults(&settings), "{text}");
            options.validate().expect("what a file gives can work");
            claims::read_back_the_same(&options);
        }
        // Each by itself can work, together they cannot.
        (Err(whole), Ok(settings)) => {
            let options = claims::over_the_defaults(&settings);
            let error: ConfigError = options.validate().expect_err("it was refused");
            claims::names_the_option(&error);
            let said = error.to_string();
            let (about, _) = said.split_once(", but").expect("a rule");
            assert!(whole.message.starts_with(about), "{error}, but said {}", whole.message);
        }
        // What follows the options is found after they were put together.
        (Err(whole), Err(part)) if whole.line.is_none() => {
            assert!(whole.message.contains(", but "), "{text}: {whole:?}");
            names_the_line(text, &part);
        }
        (Err(whole), Err(part)) => {
            assert_eq!(whole, part, "{text}");
            names_the_line(text, &part);
        }
        (Ok(_), Err(part)) => panic!("taken as a whole, but in part: {}", part.message),
    }
}

/// The line is one of the file's; and if the sentence is about an option, that line has it.
fn names_the_line(text: &str, refusal: &Refusal) {
    let line = refusal.line.unwrap_or_else(|| panic!("{text:?}: {}", refusal.message));
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&line), "{text:?}: {} at {line}", refusal.message);
    let about = refusal.message.split(' ').next().unwrap_or_default();
    // Names can be written with escapes, and JSON's values on other lines than their names.
    if claims::is_option(about) && !text.contains('\\') {
        let until = lines[..line].join("\n");
        assert!(until.contains(about), "{text:?}: {} at {line}", refusal.message);
    }
}
