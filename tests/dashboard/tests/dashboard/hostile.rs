//! Names and errors say what others want them to say, and stay text.

use cenote::Pool;
use cenote_testkit::Script;

use crate::visit::Visit;
use crate::world::{TOKEN, World};

#[test]
fn what_looks_like_markup_is_shown_as_text() {
    let name = r#"<img src=x onerror="window.hit=1"></title><script>window.hit=1</script>"#;
    let world = World::new();
    let hostile = Pool::builder(Script::new()).name(name);
    let hostile = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| (runtime.block_on(async { hostile.build().unwrap() }), runtime))
        .unwrap();
    world.registry.pool(&hostile.0);
    let visit = Visit::of(world);
    let text = format!("{name:?}");
    visit.sees(&format!(
        "[...document.querySelectorAll('.subject .name')].some((one) => one.textContent === {text})"
    ));
    // Its pictures have the name in them too.
    visit.scroll_to(".subject:last-child .pictures");
    visit.sees(&format!("[...document.querySelectorAll('svg title')].some((one) => one.textContent.includes({text}))"));
    // And what an action answers.
    visit.click("[data-action=refuse]").unwrap();
    visit.value("document.getElementById('operate-token').focus()").unwrap();
    visit.write(TOKEN).unwrap();
    visit.click("#operate-go").unwrap();
    visit.reads("#operate-answer[data-level=bad]", "no, <b>never</b>");
    assert_eq!(visit.value("String(window.hit)").unwrap(), "undefined");
    assert_eq!(
        visit.sees("String(document.querySelectorAll('main img, main script, dialog b').length)"),
        "0"
    );
    // Whatever status the answer has, the browser notes it.
    visit.leave(&["actions/refuse"]);
}
