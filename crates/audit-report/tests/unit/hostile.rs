//! Names and messages of people who wish the reader ill: each format stays what it is, and shows nothing that is hidden.

use audit_core::Report;
use audit_core::model::{ManifestPlace, ManifestPlaces};
use audit_core::text::is_hidden;
use proptest::prelude::*;
use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::testing::*;
use crate::text::shown;
use crate::{Presentation, Terminal, dot, html, json, junit, markdown, sarif, table, wide, yaml};

/// What breaks out of one format or another.
const PARTS: [&str; 32] = [
    "</script>",
    "</style>",
    "<img src=x onerror=alert(1)>",
    "-->",
    "<!--",
    "]]>",
    "<![CDATA[",
    "&amp;",
    "&#0;",
    "\"",
    "'",
    "|",
    "`",
    "```",
    "~~~",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e0041}",
    "漢字",
    "](https://example.com)",
];

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(&PARTS[..]).prop_map(str::to_owned),
        "\\PC{0,6}",
        "[a-z0-9-]{0,8}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// A report in which this text is everywhere where text can be, with its manifests.
fn everywhere(text: &str) -> (Report, ManifestPlaces) {
    let mut binding = named(text);
    binding.key.service_account = text.into();
    for fact in [
        &mut binding.facts.role_arn,
        &mut binding.facts.account,
        &mut binding.facts.provider_arn,
        &mut binding.facts.audience,
    ] {
        *fact = Some(text.to_owned());
    }
    text.clone_into(&mut binding.facts.subject);
    for finding in &mut binding.findings {
        if let Some(fix) = &mut finding.fix {
            fix.brief = Some(text.to_owned());
            for other in &mut fix.first.alternatives {
                text.clone_into(&mut other.text);
            }
        }
    }
    binding.then.clone_from(&binding.findings);
    let place = ManifestPlace {
        path: text.into(),
        line: 1,
    };
    let places = ManifestPlaces::from([(binding.key.clone(), place)]);
    let mut report = report(vec![binding]);
    report.cluster.findings = report.bindings[0].findings.clone();
    (report, places)
}

fn all(presentation: &Presentation<'_>) -> [String; 9] {
    [
        table::render(presentation, Terminal::default()),
        wide::render(presentation, Terminal::default()),
        json::render(presentation),
        yaml::render(presentation),
        sarif::render(presentation),
        junit::render(presentation),
        markdown::render(presentation),
        html::render(presentation),
        dot::render(presentation),
    ]
}

fn text_of(page: &Html, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    page.select(&selector)
        .map(|element| element.text().collect())
        .collect()
}

/// The parts that can be read back, by a parser of each format.
fn is_read_back(name: &str) {
    let (report, places) = everywhere(name);
    let presentation = Presentation {
        places: &places,
        ..presented(&report)
    };
    for text in all(&presentation) {
        assert!(!text.chars().any(|c| is_hidden(c) && c != '\n'), "{text:?}");
    }
    let value: Value = serde_json::from_str(&json::render(&presentation)).unwrap();
    assert_eq!(value["bindings"][0]["namespace"], json!(name));
    let in_yaml: Value = serde_saphyr::from_str(&yaml::render(&presentation)).unwrap();
    assert_eq!(in_yaml, value);

    let log: Value = serde_json::from_str(&sarif::render(&presentation)).unwrap();
    let errors: Vec<String> = schema()
        .iter_errors(&log)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);

    let xml = junit::render(&presentation);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let case = document
        .descendants()
        .find(|node| node.has_tag_name("testcase"))
        .unwrap();
    let seen = shown(name);
    assert_eq!(case.attribute("name"), Some(&*seen));
    assert_eq!(
        document
            .descendants()
            .filter(|node| node.has_tag_name("failure"))
            .count(),
        2
    );

    let page = Html::parse_document(&html::render(&presentation));
    assert_eq!(page.errors, [""; 0]);
    assert_eq!(text_of(&page, ".binding .name"), [format!("{seen}/{seen}")]);
    assert_eq!(text_of(&page, "script").len(), 1);
    assert_eq!(text_of(&page, "img, svg, iframe, object, [onerror]"), [""; 0]);
}

fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: std::sync::OnceLock<jsonschema::Validator> = std::sync::OnceLock::new();
    SCHEMA.get_or_init(|| {
        let text = include_str!("../fixtures/sarif/sarif-schema-2.1.0.json");
        jsonschema::draft4::options()
            .should_validate_formats(true)
            .build(&serde_json::from_str(text).unwrap())
            .unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_name_breaks_a_format(name in hostile()) {
        is_read_back(&name);
    }
}

#[test]
fn each_part_alone_breaks_no_format() {
    for part in PARTS {
        is_read_back(part);
    }
}

#[test]
fn a_long_name_is_whole_for_machines_and_cut_for_people() {
    let name = "x".repeat(65_536);
    is_read_back(&name);
    let bindings = (0..50).map(|_| named(&name)).collect();
    let report = report(bindings);
    let presentation = presented(&report);
    // The fix and the message are long as well, and each is printed once a binding.
    let of_names = table::render(&presentation, Terminal::default())
        .lines()
        .take(51)
        .map(str::len)
        .sum::<usize>();
    assert!(of_names < 50 * 2_000, "{of_names}");
    assert!(markdown::render(&presentation).len() < 65_536);
    assert!(dot::render(&presentation).len() < 50 * 1_000);
}

#[test]
fn the_schema_refuses_what_is_not_sarif() {
    let report = report(vec![broken()]);
    let mut log: Value = serde_json::from_str(&sarif::render(&presented(&report))).unwrap();
    assert!(schema().is_valid(&log));
    log["runs"][0]["results"][0]["level"] = json!("fatal");
    assert!(!schema().is_valid(&log));
}
