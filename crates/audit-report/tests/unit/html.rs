//! The page as an HTML parser reads it.

use audit_core::Link;
use audit_core::model::{ManifestPlace, ManifestPlaces};
use scraper::{Html, Selector};

use super::*;
use crate::testing::*;

fn texts(page: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    let found = page.select(&selector);
    found.map(|element| element.text().collect()).collect()
}

#[test]
fn each_binding_can_be_filtered_by_its_verdict_and_shows_its_chain_and_fix() {
    let report = report(vec![working("a"), broken()]);
    let page = Html::parse_document(&render(&presented(&report)));
    assert_eq!(texts(&page, "details.binding .name"), ["a/cart", "shop/cart"]);
    assert_eq!(texts(&page, "details[data-verdict=Broken] .name"), ["shop/cart"]);
    assert_eq!(
        texts(&page, "button[data-verdict]"),
        ["Broken 1", "Unknown 0", "At risk 0", "Working 1"]
    );
    let boxes = "details[data-verdict=Broken] .chain li";
    assert_eq!(texts(&page, boxes).len(), Link::ALL.len());
    assert_eq!(texts(&page, &format!("{boxes}.Broken b")), ["Trust policy"]);
    assert!(texts(&page, ".finding pre code").contains(&COMMAND.to_owned()));
}

#[test]
fn what_concerns_the_cluster_and_where_manifests_are_is_shown() {
    let mut report = report(vec![working("a")]);
    report.cluster.findings = broken().findings;
    let place = ManifestPlace {
        path: "apps/<sa>.yaml".into(),
        line: 7,
    };
    let places = ManifestPlaces::from([(working("a").key, place)]);
    let page = Html::parse_document(&render(&Presentation {
        places: &places,
        ..presented(&report)
    }));
    assert_eq!(texts(&page, ".cluster article").len(), 2);
    assert_eq!(
        texts(&page, ".binding .source"),
        ["Manifest: apps/<sa>.yaml, line 7"]
    );
}

#[test]
fn the_page_asks_nothing_of_the_network() {
    let report = report(vec![broken()]);
    let page = Html::parse_document(&render(&presented(&report)));
    for selector in ["[src]", "link", "img", "iframe", "[style]", "[onclick]", "base"] {
        assert_eq!(texts(&page, selector), [""; 0], "{selector}");
    }
    let script = Selector::parse("script").unwrap();
    assert_eq!(page.select(&script).count(), 1);
}
