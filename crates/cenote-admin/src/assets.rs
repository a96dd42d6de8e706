//! The files of the page, compiled in: a line for each.

use axum::http::HeaderValue;

/// A file of the page.
pub(crate) struct Asset {
    name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) body: &'static [u8],
}

/// `index.html` is the page; the others are `assets/NAME`.
const ALL: &[Asset] = &[];

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
