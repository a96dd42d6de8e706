//! What holds of every source: errors are sentences, no secret is in them, and options are the same however
//! they are written.

use cenote::{ConfigError, Options, Settings};

/// What a `$` of an input stands for: no part of any name, so that it is seen wherever it comes out.
pub(crate) const SECRET: &str = "hunter2";
/// What a `~` of an input stands for: a secret that can be an option's value.
pub(crate) const SECRET_NUMBER: &str = "471147";

/// The input as text, with the secrets in it.
pub(crate) fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).replace('$', SECRET).replace('~', SECRET_NUMBER)
}

/// Whether a secret can be seen.
pub(crate) fn shows_a_secret(text: &str) -> bool {
    text.contains(SECRET) || text.contains(SECRET_NUMBER)
}

/// Fits into a log line, whatever was read.
pub(crate) fn is_one_sentence(said: &str) {
    assert!(!said.is_empty() && said.chars().count() < 500, "{} characters: {said}", said.len());
    let strange =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!said.contains(strange), "{said:?}");
}

/// Says what is wrong with which option, in one sentence.
pub(crate) fn names_the_option(error: &ConfigError) {
    let said = error.to_string();
    is_one_sentence(&said);
    assert!(said.starts_with(error.field()), "{said}: {}", error.field());
    let known = is_option(error.field());
    assert_eq!(known, !said.contains("is no option of a pool"), "{said}");
}

pub(crate) fn is_option(name: &str) -> bool {
    Options::reference().iter().any(|info| info.name == name)
}

/// Where options that are wrong together came from `given`, the sentence names one of them.
pub(crate) fn names_one_of(error: &ConfigError, mut given: impl Iterator<Item = String>) {
    names_the_option(error);
    let said = error.to_string();
    assert!(given.any(|name| said.contains(&name)), "{said}");
}

/// Options that can work are written and read back the same by every way there is.
pub(crate) fn read_back_the_same(options: &Options) {
    let pairs: Vec<(&str, String)> = Options::reference()
        .iter()
        .map(|info| (info.name, options.get(info.name).expect("an option of the list")))
        .collect();

    let mut set = Options::default();
    for (name, text) in &pairs {
        set.set(name, text).expect("what is written can be set");
    }
    assert_eq!(&set, options, "text");

    let variables =
        pairs.iter().map(|(name, text)| (format!("A_{}", name.to_ascii_uppercase()), text));
    let settings = Settings::from_vars("A_", variables).expect("what is written can be a variable");
    assert_eq!(&over_the_defaults(&settings), options, "variables");

    let parameters: Vec<String> =
        pairs.iter().map(|(name, text)| format!("pool_{name}={}", encoded(text))).collect();
    let url = format!("x:?{}", parameters.join("&"));
    let (settings, rest) = Settings::from_url(&url).expect("what is written can be in a URL");
    assert_eq!((&over_the_defaults(&settings), rest.as_str()), (options, "x:"), "URL");

    let toml = toml::to_string(options).expect("options can be TOML");
    assert_eq!(&toml::from_str::<Options>(&toml).expect(&toml), options, "{toml}");
    let json = serde_json::to_string(options).expect("options can be JSON");
    assert_eq!(&serde_json::from_str::<Options>(&json).expect(&json), options, "{json}");
}

pub(crate) fn over_the_defaults(settings: &Settings) -> Options {
    let mut options = Options::default();
    settings.apply(&mut options);
    options
}

fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02x}"),
    };
    text.bytes().map(letter).collect()
}
