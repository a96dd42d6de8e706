//! The guide's list of options, written from the code's own: `book/src/options.md` is never edited by hand.

use std::path::Path;

use clap::Args;

use cenote::{Change, OptionInfo, Options};

use crate::{Failure, Outcome, source};

const PAGE: &str = "book/src/options.md";

#[derive(Args)]
pub(crate) struct Wishes {
    /// Write nothing: say whether the page is what would be written
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    if wishes.check { check() } else { write() }
}

fn write() -> Outcome {
    let page = page(Options::reference());
    std::fs::write(source::root().join(PAGE), page)
        .map_err(|error| Failure::one(format!("{PAGE} cannot be written: {error}")))?;
    println!("{PAGE}: {} options", Options::reference().len());
    Ok(())
}

fn check() -> Outcome {
    judge(&source::read(Path::new(PAGE))?, Options::reference()).map_err(Failure::one)?;
    println!("{PAGE} is current: {} options", Options::reference().len());
    Ok(())
}

fn judge(found: &str, options: &[OptionInfo]) -> Result<(), String> {
    // Git may have changed the line ends of a checkout.
    match found.lines().eq(page(options).lines()) {
        true => Ok(()),
        false => Err(format!("{PAGE} is not what the code says: run cargo xtask options")),
    }
}

fn page(options: &[OptionInfo]) -> String {
    let mut page = String::from(HEAD);
    page += "\n| name | type | unit | default | can change | rule |\n|---|---|---|---|---|---|\n";
    for info in options {
        let OptionInfo { name, kind, unit, default, rule, .. } = info;
        let change = match info.change {
            Change::AtRunTime => "while the pool runs",
            Change::AtBuild => "before it is built",
        };
        page += &format!(
            "| [`{name}`](#{name}) | {kind} | {unit} | `{default}` | {change} | [{rule}](promises.md) |\n"
        );
    }
    for OptionInfo { name, what, why, .. } in options {
        page += &format!("\n## {name}\n\n{what}\n\n{why}\n");
    }
    page
}

const HEAD: &str = "\
# Options

Written from the code by `cargo xtask options`: change `crates/cenote/src/config/table.rs` and run it again.

The same names and values work everywhere:

| where | as |
|---|---|
| builder | `.max_size(20).acquire_timeout(Duration::from_secs(3))` |
| text | `options.set(\"max_size\", \"20\")` |
| TOML (feature `serde`) | `max_size = 20`, `acquire_timeout = \"3s\"` |
| JSON (feature `serde`) | `{\"max_size\": 20, \"acquire_timeout\": \"3s\"}` |
| environment, with a prefix of your choice | `CENOTE_MAX_SIZE=20`, `CENOTE_ACQUIRE_TIMEOUT=3s` |
| URL | `postgres://…?pool_max_size=20&pool_acquire_timeout=3s` |
| while the pool runs | `pool.reconfigure(\\|options\\| options.max_size = 20.into())` |
| all defaults of another system | [presets](presets.md) |

A time is a number and a unit: `500us`, `100ms`, `30s`, `10min`, `2h`, `1d`, `1.5h`. What is unknown, unreadable,
given twice or cannot work is an error that names the option, its value, its place and the rule.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_option_with_its_default() {
        let page = page(Options::reference());
        for info in Options::reference() {
            assert!(page.contains(&format!("| [`{}`](#{}) |", info.name, info.name)), "{info:?}");
            assert!(
                page.contains(&format!("\n## {}\n\n{}\n\n{}\n", info.name, info.what, info.why))
            );
        }
        assert!(
            page.contains("| connections | `10` | while the pool runs | [P-11](promises.md) |")
        );
    }

    #[test]
    fn every_row_of_the_page_has_its_cells() {
        let page = page(Options::reference());
        for row in page.lines().filter(|line| line.starts_with("| [")) {
            assert_eq!(row.matches('|').count(), 7, "{row}");
        }
    }

    #[test]
    fn a_page_that_is_not_current_is_refused_with_what_to_do() {
        let options = Options::reference();
        let current = page(options);
        assert_eq!(judge(&current, options), Ok(()));
        assert_eq!(judge(&current.replace('\n', "\r\n"), options), Ok(()));
        for old in [page(&options[1..]), current.replace("`10`", "`11`"), String::new()] {
            let refused = judge(&old, options).unwrap_err();
            assert_eq!(
                refused,
                "book/src/options.md is not what the code says: run cargo xtask options"
            );
        }
    }
}
