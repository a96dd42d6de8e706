//! What is shown is so.

use crate::visit::Visit;
use crate::world::{NODES, World};

#[test]
fn each_pool_and_cluster_is_there_with_the_figures_it_has() {
    let mut world = World::new();
    let place = world.hold_still();
    let visit = Visit::of(world);
    for name in ["shop", "orders", "still", "roomy"] {
        visit.card(name);
    }
    let still = visit.card("still");
    visit.reads(&format!("{still} .figures .using"), "3 of 3");
    visit.reads(&format!("{still} .figures .waiting"), "2");
    visit.reads(&format!("{still} .state"), "running");
    visit.reads(
        &format!("{still} .counts"),
        "3 of at most 3 connections, 3 in use, 0 idle, 2 waited at once at most",
    );
    let roomy = visit.card("roomy");
    visit.reads(&format!("{roomy} .figures .using"), "2 of 7");
    visit.reads(
        &format!("{roomy} .counts"),
        "5 of at most 7 connections, 2 in use, 3 idle, 1 waited at once at most",
    );
    visit.sees(&format!("document.querySelector('{roomy} .figures .waiting').innerText === '0'"));
    // Folded away until somebody looks for a cause.
    visit.click(&format!("{still} .depth summary")).unwrap();
    visit.reads(&format!("{still} .holders tbody"), &place);
    visit.reads(&format!("{still} .acquires"), "got a connection");
    visit.sees(&format!("document.querySelector('{still} .acquires dd').innerText === '3'"));
    visit.sees(&format!("document.querySelector('{still} .connects dd').innerText === '3'"));
    // Nobody is served and two wait.
    visit.reads("#problems", "2 callers wait and nobody is served");
    visit.leave(&[]);
}

#[test]
fn numbers_move_and_are_those_of_the_pool() {
    let visit = Visit::new();
    let orders = visit.card("orders");
    visit.reads("#verdict-title", "Nothing is wrong");
    visit.click(&format!("{orders} .depth summary")).unwrap();
    let shown = format!(
        "Number(document.querySelector('{orders} .acquires dd').innerText.replaceAll(',', ''))"
    );
    let mut last = 0;
    for _ in 0..3 {
        let before = visit.world.orders.stats().counts.acquired;
        let text = visit.sees(&format!("{shown} > {last} && {shown}"));
        let now: u64 = text.parse().unwrap();
        assert!(now > last && now <= visit.world.orders.stats().counts.acquired, "{now}");
        // What came with the next document was counted after the one before was shown.
        assert!(last <= before, "{last} was shown, and there were {before}");
        last = now;
    }
    visit.sees(&format!(
        "/^[1-9].*\\/s$/.test(document.querySelector('{orders} .figures .acquired').innerText)"
    ));
    visit.sees(&format!(
        "/(µs|ms)$/.test(document.querySelector('{orders} .figures .wait').innerText)"
    ));
    visit.leave(&[]);
}

#[test]
fn nodes_are_there_with_what_they_are() {
    let visit = Visit::new();
    let shop = visit.card("shop");
    for (n, (name, role)) in NODES.iter().enumerate() {
        let row = format!("{shop} .nodes tbody tr:nth-child({})", n + 1);
        visit.reads(&row, name);
        visit.reads(&row, role.name());
        visit.reads(&format!("{row} .badge"), "online");
        visit.sees(&format!("document.querySelector('{row} .using').innerText.endsWith('of 6')"));
        visit.sees(&format!("document.querySelector('{row} .weight').innerText === '1'"));
        visit.sees(&format!("parseInt(document.querySelector('{row} .traffic').innerText) > 0"));
    }
    visit.leave(&[]);
}

#[test]
fn pictures_are_drawn_and_say_their_values_to_whoever_cannot_see_them() {
    let mut world = World::new();
    world.hold_still();
    let visit = Visit::of(world);
    let (shop, still) = (visit.card("shop"), visit.card("still"));
    let picture = |card: &str, n: u32| format!("{card} figure:nth-child({n}) svg[role=img]");
    // One that nobody looks at is not asked for.
    visit.scroll_to(&format!("{still} .pictures"));
    visit.sees(&format!(
        "document.querySelector('{} title').textContent.includes('Now: limit 3, size 3, idle 0, in use 3, waiting 2')",
        picture(&still, 1)
    ));
    visit.sees(&format!("document.querySelector('{} polyline.using')", picture(&still, 1)));
    visit.scroll_to(&format!("{shop} .pictures"));
    visit.sees(&format!(
        "document.querySelector('{} title').textContent.includes('50 %')",
        picture(&shop, 2)
    ));
    visit.sees(&format!(
        "document.querySelector('{} title').textContent.includes('b:5432')",
        picture(&shop, 3)
    ));
    visit.scroll_to(&format!("{still} .pictures"));
    // The style sheet has the last word on colours.
    let stroke = format!(
        "getComputedStyle(document.querySelector('{} polyline.waiting')).stroke",
        picture(&still, 1)
    );
    let light = visit.sees(&stroke);
    visit.dark(true).unwrap();
    let dark = visit.sees(&stroke);
    assert_ne!(light, dark);
    visit.leave(&[]);
}

#[test]
fn events_come_newest_first_and_can_be_narrowed() {
    let visit = Visit::new();
    visit.click("[data-action=kill-primary]").unwrap();
    visit.reads("#events-list", "offline");
    visit.sees(
        "(() => { const at = [...document.querySelectorAll('#events-list time')].map((time) => time.dateTime); return at.length > 1 && at.every((one, n) => n === 0 || one <= at[n - 1]); })()",
    );
    visit.sees("document.querySelector('#events-list [data-level=info]')");
    visit.value("(() => { const level = document.getElementById('events-level'); level.value = 'warn'; level.dispatchEvent(new Event('change')); })()").unwrap();
    visit.sees("!document.querySelector('#events-list [data-level=info]') && document.querySelector('#events-list [data-level=warn]')");
    visit.leave(&[]);
}

#[test]
fn it_is_the_same_where_a_service_has_mounted_it() {
    let visit = Visit::of(World::at("/pools"));
    visit.reads("#link-badge", "live");
    visit.sees("document.querySelector('figure svg[role=img]')");
    visit.click("[data-action=kill-primary]").unwrap();
    visit.reads("#action-answer", "its connections are gone");
    visit.sees("getComputedStyle(document.querySelector('.bar')).position === 'sticky'");
    visit.leave(&[]);
}
