//! URLs with options of the pool in them: what is the pool's is taken out and nothing else is touched; what is
//! wrong is named with its place; and no error shows what may be part of a password.

use cenote::{Options, Origin, Settings};

use crate::claims;

/// A URL; a `$` in it is a secret, and so is a `~`.
pub fn url(input: &[u8]) -> bool {
    let url = claims::text(input);
    let parts = Parts::of(&url);
    match Settings::from_url(&url) {
        Ok((settings, rest)) => parts.are_taken(&url, &settings, &rest),
        Err(error) => {
            claims::names_the_option(&error);
            parts.are_named(&url, error.origin());
            parts.keep_the_secret(&error.to_string());
        }
    }
    let before = Options::preset(cenote::Preset::Hikari);
    let mut options = before.clone();
    match options.read_url(&url) {
        Ok(_) => {
            claims::read_back_the_same(&options);
            true
        }
        Err(error) => {
            assert_eq!(options, before, "a refusal changes nothing");
            claims::names_the_option(&error);
            parts.keep_the_secret(&error.to_string());
            if !parts.are_torn() && Settings::from_url(&url).is_ok() {
                claims::names_one_of(&error, parts.pools().map(|(name, _)| name));
            }
            false
        }
    }
}

/// A URL as the test sees it.
pub(crate) struct Parts<'a> {
    before: &'a str,
    parameters: Vec<&'a str>,
    pub(crate) fragment: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(url: &'a str) -> Parts<'a> {
        let Some((before, query)) = url.split_once('?') else {
            return Parts { before: url, parameters: Vec::new(), fragment: "" };
        };
        let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
        Parts { before, parameters: query.split('&').collect(), fragment }
    }

    /// Each option of a pool is what the URL says, and all of them can be written and read back, or one is named.
    pub(crate) fn are_in(&self, options: &Options) {
        for (name, value) in self.pools() {
            let mut same = options.clone();
            same.set(&name, &value).expect("what a URL can say, text can");
            assert_eq!(&same, options, "{name} is {value:?}");
        }
        match options.validate() {
            Ok(()) => claims::read_back_the_same(options),
            Err(error) => claims::names_one_of(&error, self.pools().map(|(name, _)| name)),
        }
    }

    /// Names and values of the pool's parameters.
    pub(crate) fn pools(&self) -> impl Iterator<Item = (String, String)> {
        self.parameters.iter().filter_map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let name = decoded(name).strip_prefix("pool_")?.to_owned();
            Some((name, decoded(value)))
        })
    }

    /// The parameters that are not the pool's, as they stand.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &'a str> {
        let is_pools = |parameter: &str| {
            decoded(parameter.split('=').next().unwrap_or_default()).starts_with("pool_")
        };
        self.parameters.iter().copied().filter(move |parameter| !is_pools(parameter))
    }

    fn are_taken(&self, url: &str, settings: &Settings, left: &str) {
        let mut expected = Options::default();
        for (name, value) in self.pools() {
            expected.set(&name, &value).expect("what a URL can say, text can");
        }
        assert_eq!(claims::over_the_defaults(settings), expected, "{url}");
        assert_eq!(settings.is_empty(), self.pools().count() == 0, "{url}");
        if settings.is_empty() {
            assert_eq!(left, url, "what is not the pool's is not touched");
            return;
        }
        let rest: Vec<&str> = self.rest().collect();
        let query =
            left.strip_prefix(self.before).and_then(|left| left.strip_suffix(self.fragment));
        let query = query.unwrap_or_else(|| panic!("{url}: {left}"));
        assert_eq!(query.strip_prefix('?').unwrap_or(query), rest.join("&"), "{url}");
        assert_eq!(query.starts_with('?'), !rest.is_empty(), "{url}: {left}");
    }

    /// The place is where a parameter of the pool begins.
    fn are_named(&self, url: &str, origin: &Origin) {
        let Origin::Url { at } = *origin else { panic!("{url}: {origin:?}") };
        let (at, _) = url.char_indices().nth(at - 1).expect("a place in the URL");
        assert!(url[..at].ends_with(['?', '&']), "{url}: {at}");
        assert!(decoded(&url[at..]).starts_with("pool_"), "{url}: {at}");
    }

    /// Whether an `@` may be the end of a password that has a question mark.
    fn are_torn(&self) -> bool {
        self.fragment.contains('@') || self.parameters.iter().any(|p| p.contains('@'))
    }

    /// Shown is at most what stands in a parameter of the pool, and nothing where an `@` in the query tells
    /// that it may be the end of a password.
    pub(crate) fn keep_the_secret(&self, said: &str) {
        let mut shown = self.pools().map(|(name, value)| format!("{name} {value}"));
        if self.are_torn() || !shown.any(|parameter| claims::shows_a_secret(&parameter)) {
            assert!(!claims::shows_a_secret(said), "{said}");
        }
    }
}

/// Without percent encoding; what is encoded wrongly stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let mut plain = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let coded = match bytes[at] {
            b'%' => digit(at + 1).zip(digit(at + 2)),
            _ => None,
        };
        match (coded, bytes[at]) {
            (Some((high, low)), _) => plain.push((high * 16 + low) as u8),
            (None, b'+') => plain.push(b' '),
            (None, byte) => plain.push(byte),
        }
        at += if coded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}
