//! Garbage as configuration: text, variables and URLs drawn from a seed, some of it nearly right. Nothing of it
//! panics; what is taken is read back; what is refused is refused with one sentence that names it, and changes
//! nothing; no password comes out.

use cenote::{Options, Origin, Settings};

/// Random numbers of the test's own.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// Pieces of what is right in any order, now and then with something strange between.
    fn text(&mut self) -> String {
        const PIECES: &[&str] = &[
            "0",
            "1",
            "10",
            "4096",
            "18446744073709551616",
            "-1",
            "1e9",
            ".5",
            "s",
            "ms",
            "us",
            "min",
            "d",
            " ",
            "  ",
            "never",
            "unlimited",
            "true",
            "false",
            "lifo",
            "fifo",
            "if_idle_for",
            "fail_all",
            "at_close",
            "_",
            "\u{0}",
            "\u{202e}",
            "ß",
            "∞",
            "\n",
            "NaN",
            "inf",
        ];
        if self.below(3) == 0 {
            return format!("{}{}", self.below(12), self.one_of(&["", "", "s", "ms", "min"]));
        }
        if self.below(3) == 0 {
            return self.one_of(PIECES).to_owned();
        }
        let pieces = self.below(5);
        (0..pieces).map(|_| self.one_of(PIECES)).collect()
    }

    fn name(&mut self) -> String {
        let names: Vec<&str> = Options::reference().iter().map(|info| info.name).collect();
        let mut name = names[self.below(names.len())].to_owned();
        match self.below(6) {
            0 => name.truncate(self.below(name.len())),
            1 => name.push_str(self.one_of(&["s", "_", "é", "="])),
            2 => name = self.text(),
            _ => {}
        }
        name
    }

    fn parameter(&mut self) -> String {
        let (prefix, name) =
            (self.one_of(&["pool_", "pool_", "pool_", "", "POOL_", "pool%5F"]), self.name());
        let value = match self.below(4) {
            0 => self.one_of(&["%", "%4", "%ZZ", "%00", "+", "a=b", "a@b", "%E2%28"]).to_owned(),
            _ => self.text(),
        };
        format!("{prefix}{name}={value}")
    }
}

fn is_one_sentence(text: &str) {
    assert!(!text.is_empty() && text.len() < 600, "{text}");
    assert!(!text.contains(['\n', '\0', '\u{202e}']), "{text:?}");
}

// P-24, S
#[test]
fn garbage_as_text_is_taken_whole_or_refused_whole() {
    let mut dice = Dice(1);
    let (mut taken, mut refused) = (0, 0);
    let mut options = Options::default();
    for _ in 0..40_000 {
        let (name, text) = (dice.name(), dice.text());
        let before = options.clone();
        match options.set(&name, &text) {
            Ok(()) => {
                taken += 1;
                let read = options.get(&name).expect("what was set can be got");
                let mut again = before;
                again.set(&name, &read).expect("what is said can be set");
                assert_eq!(again, options, "{name} = {text:?} reads {read:?}");
            }
            Err(error) => {
                refused += 1;
                assert_eq!(options, before, "a refusal changes nothing");
                is_one_sentence(&error.to_string());
            }
        }
    }
    assert!(taken > 1_000 && refused > 10_000, "{taken} taken, {refused} refused");
}

// P-24, S
#[test]
fn garbage_in_a_url_is_refused_with_its_place_and_without_the_password() {
    let mut dice = Dice(2);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..40_000 {
        let mut parameters = Vec::new();
        for _ in 0..1 + dice.below(4) {
            parameters.push(dice.parameter());
        }
        // The last two are torn apart by the first question mark: what follows looks like the pool's own.
        let password = dice.one_of(&[
            "hunter2",
            "hunter2?x",
            "hunter2#",
            "hunter2&pool_max_size=1",
            "x?pool_hunter2=1",
            "x?pool_max_size=hunter2",
        ]);
        let url = format!("postgres://me:{password}@db/app?{}", parameters.join("&"));
        match Settings::from_url(&url) {
            Ok((settings, rest)) => {
                taken += 1;
                assert!(url.len() >= rest.len(), "nothing is added");
                let mut options = Options::default();
                settings.apply(&mut options);
                // It may be impossible as a whole, but saying so must not panic.
                let _ = options.validate().map_err(|error| is_one_sentence(&error.to_string()));
            }
            Err(error) => {
                refused += 1;
                let sentence = error.to_string();
                is_one_sentence(&sentence);
                assert!(!sentence.contains("hunter2"), "{url}: {sentence}");
                assert!(
                    matches!(error.origin(), Origin::Url { at } if *at <= url.chars().count() + 1),
                    "{url}: {error:?}"
                );
            }
        }
    }
    assert!(taken > 1_000 && refused > 10_000, "{taken} taken, {refused} refused");
}

// P-24, S
#[test]
fn garbage_in_the_environment_is_refused_with_the_variable() {
    let mut dice = Dice(3);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let prefix = dice.one_of(&["CENOTE_", "CENOTE_", "cenote_", "OTHER_"]);
        let variable = format!("{prefix}{}", dice.name().to_uppercase());
        match Settings::from_vars("CENOTE_", [(variable.as_str(), dice.text().as_str())]) {
            Ok(settings) => {
                taken += 1;
                assert!(settings.is_empty() || variable.starts_with("CENOTE_"), "{variable}");
            }
            Err(error) => {
                refused += 1;
                is_one_sentence(&error.to_string());
                assert!(matches!(error.origin(), Origin::Variable(_)), "{error:?}");
            }
        }
    }
    assert!(taken > 1_000 && refused > 5_000, "{taken} taken, {refused} refused");
}
