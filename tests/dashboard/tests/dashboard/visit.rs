//! A page that is open on a world.

use std::ops::Deref;

use cenote_dashboard_tests::{Browser, Page};

use crate::world::World;

pub(crate) struct Visit {
    page: Page,
    browser: Browser,
    pub(crate) world: World,
}

impl Visit {
    /// Opens the page of a new world, and waits for its figures.
    pub(crate) fn new() -> Visit {
        Visit::of(World::new())
    }

    pub(crate) fn of(world: World) -> Visit {
        let browser = Browser::start().unwrap();
        let page = browser.page().unwrap();
        page.size(1280, 900).unwrap();
        page.open(&world.url()).unwrap();
        let visit = Visit { page, browser, world };
        visit.sees("document.querySelectorAll('.subject').length > 0");
        visit
    }

    /// Waits until this is so on the page.
    pub(crate) fn sees(&self, expression: &str) -> String {
        let value = self.page.wait(expression).unwrap_or_else(|trouble| panic!("{trouble}"));
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// Waits until an element, the first that fits, shows this text.
    pub(crate) fn reads(&self, selector: &str, text: &str) {
        let text = format!("{text:?}");
        self.sees(&format!("document.querySelector('{selector}').innerText.includes({text})"));
    }

    /// Scrolls until an element is in the middle of the window.
    pub(crate) fn scroll_to(&self, selector: &str) {
        self.sees(&format!(
            "(() => {{ document.querySelector('{selector}').scrollIntoView({{ block: 'center', behavior: 'instant' }}); return true; }})()"
        ));
    }

    /// The selector of a subject's card, by its place on the page.
    pub(crate) fn card(&self, name: &str) -> String {
        self.sees(&format!(
            "'#' + [...document.querySelectorAll('.subject')].find((card) => card.querySelector('.name').textContent === '{name}').id"
        ))
    }

    /// Ends the visit: nothing was complained of but what the test expects, and nobody was asked but the server.
    pub(crate) fn leave(self, expected: &[&str]) {
        let complaints = self.page.complaints();
        let unexpected: Vec<_> = complaints
            .iter()
            .filter(|said| !expected.iter().any(|expected| said.contains(expected)))
            .collect();
        assert!(unexpected.is_empty(), "the page complained: {unexpected:#?}");
        let url = self.world.url();
        let requests = self.page.requests();
        assert!(requests.iter().any(|asked| asked.ends_with("/live")), "{requests:?}");
        let elsewhere: Vec<_> = requests.iter().filter(|asked| !asked.starts_with(&url)).collect();
        assert!(elsewhere.is_empty(), "the page asked elsewhere: {elsewhere:?}");
        drop(self.browser);
    }
}

impl Deref for Visit {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}
