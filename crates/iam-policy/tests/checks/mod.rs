//! The checks that the property tests, the fuzz targets and the replay of their corpus share. Each takes bytes and
//! panics where the crate is wrong.
#![allow(dead_code, reason = "no test binary and no fuzz target uses all of them")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

pub mod choices;
pub mod generate;
pub mod reference;

use choices::Choices;
use iam_policy::{
    Decision, Document, Gravity, Pattern, StatementShape, Truth, WebIdentity, append, decide, explain, parse,
    take_away,
};

/// Whatever the text, reading it ends, positions lie in it, and a document without problems is JSON.
pub fn parse_any(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let parsed = parse(text);
    for problem in &parsed.problems {
        assert!(problem.position.line >= 1 && problem.position.column >= 1);
        assert!(!problem.message.chars().any(char::is_control));
    }
    let refused = parsed
        .problems
        .iter()
        .any(|problem| problem.gravity == Gravity::Refused);
    assert_eq!(parsed.is_refused(), refused || parsed.document.is_none());
    assert!(parsed.document.is_some() || refused);
    if let Some(document) = parsed.document.filter(|_| !refused) {
        let value: Result<serde_json::Value, _> = serde_json::from_str(document.text());
        assert!(value.is_ok_and(|value| value.is_object()) || document.text().contains(['e', 'E']));
    }
}

/// The pattern before the first line break against the text after it, compared with a naive matcher.
pub fn pattern_like_naive(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (pattern, text) = text.split_once('\n').unwrap_or((text, ""));
    if pattern.len() * text.len() > 1 << 20 {
        return;
    }
    assert_eq!(
        Pattern::new(pattern).matches(text),
        reference::like(pattern, text),
        "{pattern:?} {text:?}"
    );
}

/// A generated policy and request, compared with the reference: the decision, each statement, each condition.
pub fn evaluate_like_reference(data: &[u8]) {
    let case = generate::case(&mut Choices::new(data));
    let expected = reference::decide(&case.policy, &case.request);
    let request = case.request.to_request();
    let document = parse(&case.policy.to_string())
        .document
        .filter(|document| !document.is_refused());
    let got = document
        .as_ref()
        .map_or(Decision::Invalid, |document| decide(document, &request));
    assert_eq!(got, expected, "{:#} {:#?}", case.policy, case.request);
    if let (Some(document), false) = (document, expected == Decision::Invalid) {
        let known = |outcome: Truth| match outcome {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown => None,
        };
        let statements = explain(&document, &request).statements.into_iter();
        let got: Vec<_> = statements
            .map(|statement| {
                (
                    known(statement.outcome),
                    statement
                        .clauses
                        .iter()
                        .map(|clause| known(clause.outcome))
                        .collect(),
                )
            })
            .collect();
        assert_eq!(
            got,
            reference::outcomes(&case.policy, &case.request),
            "{:#} {:#?}",
            case.policy,
            case.request
        );
    }
}

/// What is printed reads back as the same policy, be it text or generated.
pub fn print_reads_back(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(document) = read(text)
    {
        reads_back(&document);
    }
    let case = generate::case(&mut Choices::new(data));
    if let Some(document) = read(&case.policy.to_string()) {
        let again = reads_back(&document);
        let request = case.request.to_request();
        assert_eq!(
            decide(&document, &request),
            decide(&again, &request),
            "{document}"
        );
    }
}

fn reads_back(document: &Document) -> Document {
    let printed = document.to_string();
    let again = read(&printed).unwrap_or_else(|| panic!("{printed} does not read back"));
    assert_eq!(again.to_string(), printed);
    again
}

/// A document without a problem.
fn read(text: &str) -> Option<Document> {
    let parsed = parse(text);
    parsed.document.filter(|_| parsed.problems.is_empty())
}

/// Appending the template changes nothing else, admits the identity unless it is forbidden, and nobody else.
pub fn template_is_all_that_changes(data: &[u8]) {
    let mut choices = Choices::new(data);
    let generated = generate::trust_text(&mut choices);
    let text = std::str::from_utf8(data)
        .ok()
        .filter(|text| text.trim_start().starts_with(['{', '%']));
    let text = text.unwrap_or(&generated);
    let identity = generate::identity();
    let Ok(appended) = append(text, &identity, "Added") else {
        return;
    };
    let parsed = parse(text);
    let original = parsed.document.as_ref().unwrap();
    let before: serde_json::Value = serde_json::from_str(original.text()).unwrap();
    assert_eq!(
        take_away(&appended.document, &appended.statement, appended.shape).unwrap(),
        before
    );
    if appended.shape == StatementShape::List {
        let statement = appended.statement.to_string();
        assert_eq!(
            appended.document["Statement"]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .to_string(),
            statement
        );
    }
    let after = parse(&appended.text).document.unwrap();
    let decisions = |identity: &WebIdentity| {
        let request = identity.into();
        (decide(original, &request), decide(&after, &request))
    };
    let (old, new) = decisions(&identity);
    assert_eq!(new, appended.decision);
    match old {
        Decision::Allowed | Decision::ImplicitlyDenied => assert_ne!(new, Decision::ImplicitlyDenied),
        Decision::ExplicitlyDenied => assert_eq!(new, old),
        Decision::Undetermined | Decision::Invalid => {}
    }
    for other in generate::other_identities() {
        let (old, new) = decisions(&other);
        assert_eq!(old, new, "{other:?}");
    }
}

/// A least edit admits the identity, nothing else, and loses nobody: by the engine, and by the reference.
pub fn edit_admits_one(data: &[u8]) {
    let text = generate::trust_text(&mut Choices::new(data));
    let identity = generate::identity();
    let Some(edit) = iam_policy::least_edit(&text, &identity) else {
        return;
    };
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&edit.text).unwrap(),
        edit.document
    );
    assert!(!edit.changes.is_empty());
    admits_one_more(&text, &edit.text, &identity);
}

/// Whether of all identities and other callers exactly this one is admitted by the second policy and not by the first.
pub fn admits_one_more(text: &str, edited: &str, identity: &WebIdentity) {
    let before = parse(text).document.unwrap();
    let after = parse(edited).document.unwrap();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (old, new) = (value(before.text()), value(edited));
    let decisions = |request: &reference::ReferenceRequest| {
        let engine = request.to_request();
        let decided = [decide(&before, &engine), decide(&after, &engine)];
        assert_eq!(
            decided,
            [reference::decide(&old, request), reference::decide(&new, request)],
            "{request:?}\n{text}\n{edited}"
        );
        decided
    };
    let [first, then] = decisions(&reference::ReferenceRequest::of(identity));
    // Where a condition of which nothing is known is kept, whether it is met is left to AWS.
    assert_eq!(first, Decision::ImplicitlyDenied, "{text}\n{edited}");
    assert!(
        matches!(then, Decision::Allowed | Decision::Undetermined),
        "{text}\n{edited}"
    );
    let others = generate::other_identities();
    let others = others.iter().map(reference::ReferenceRequest::of);
    for other in others.chain(generate::other_callers()) {
        let [old, new] = decisions(&other);
        assert_eq!(old, new, "{other:?}\n{text}\n{edited}");
    }
}

/// What is said of a whole set of requests holds of each of them: of all where it is said of every one, of none where it is
/// said of none; and of a single request it is what the reference says.
pub fn reach_like_reference(data: &[u8]) {
    let mut choices = Choices::new(data);
    let case = generate::identity_case(&mut choices);
    let Some(document) = read(&case.policy.to_string()) else {
        return;
    };
    let Some(reaches) = iam_policy::reach(&document, &case.request.to_request()) else {
        return;
    };
    for member in generate::members(&case.request) {
        for (reach, (outcome, _)) in reaches.iter().zip(reference::outcomes(&case.policy, &member)) {
            let said = format!(
                "{reach:?} {outcome:?} {:#} {:#?} {member:#?}",
                case.policy, case.request
            );
            match (reach.every, reach.some) {
                (Truth::True, _) => assert_eq!(outcome, Some(true), "{said}"),
                (_, Truth::False) => assert_eq!(outcome, Some(false), "{said}"),
                _ => {}
            }
            if member.action == case.request.action && member.resource == case.request.resource {
                let known = |outcome: Truth| (outcome != Truth::Unknown).then_some(outcome == Truth::True);
                assert_eq!(
                    (known(reach.every), known(reach.some)),
                    (outcome, outcome),
                    "{said}"
                );
            }
        }
    }
}
