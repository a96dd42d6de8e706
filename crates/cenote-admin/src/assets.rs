//! The files of the page, compiled in: a line for each.

use axum::http::HeaderValue;

/// A file of the page.
pub(crate) struct Asset {
    name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) body: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($name:literal, $kind:ident) => {
        Asset { name: $name, kind: $kind, body: include_bytes!(concat!("../assets/", $name)) }
    };
}

/// `index.html` is the page; the others are `assets/NAME`.
const ALL: &[Asset] = &[
    asset!("index.html", HTML),
    asset!("style.css", CSS),
    asset!("icon.svg", SVG),
    asset!("app.js", JS),
    asset!("charts.js", JS),
    asset!("dom.js", JS),
    asset!("events.js", JS),
    asset!("live.js", JS),
    asset!("model.js", JS),
    asset!("operate.js", JS),
    asset!("subject.js", JS),
    asset!("units.js", JS),
    asset!("verdict.js", JS),
];

/// The file of this name.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    ALL.iter().find(|asset| asset.name == name)
}

impl Asset {
    /// What changes when the file does.
    pub(crate) fn tag(&self) -> HeaderValue {
        let hash = cenote_cluster::stable_hash(self.body);
        HeaderValue::try_from(format!("\"{hash:016x}\"")).expect("digits are visible")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        let there: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let known: BTreeSet<String> = ALL.iter().map(|asset| asset.name.to_owned()).collect();
        assert_eq!(there, known);
    }

    /// A strict content security policy would stop it, and an address that begins with a slash or a host would lead
    /// elsewhere where the router is mounted.
    #[test]
    fn the_page_has_nothing_inline_and_only_relative_addresses() {
        for asset in ALL {
            let text = std::str::from_utf8(asset.body).unwrap();
            for never in [
                "<style",
                "style=\"",
                " onclick",
                "javascript:",
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
                "new Function",
                "://",
                "src=\"/",
                "href=\"/",
                "fetch('/",
                "localStorage",
            ] {
                let rest = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!rest.contains(never), "{} has {never}", asset.name);
            }
            for script in text.split("<script").skip(1) {
                let (tag, rest) = script.split_once('>').unwrap();
                assert!(tag.contains(" src=\"assets/") && rest.starts_with("</script>"), "{tag}");
            }
        }
    }
}
