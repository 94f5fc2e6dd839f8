//! Generated cases: the engine against the reference, and what must hold of every document.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod checks;

use iam_policy::{
    ContextValue, Decision, TrustIndex, Truth, access_change, decide, diagnose_trust, explain, parse, who_can,
};
use proptest::prelude::*;

use checks::choices::Choices;
use checks::generate;
use checks::reference::{self, Known};

/// So many cases, or as many as `PROPTEST_CASES` asks for.
fn cases(cases: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() {
            config.cases
        } else {
            cases
        },
        failure_persistence: None,
        ..config
    }
}

/// Choices for a case. A seed and a length are far cheaper to draw than a list of bytes, and still shrink: a case
/// with fewer choices is smaller.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    (any::<u64>(), 0..160_usize).prop_map(|(seed, length)| {
        // SplitMix64, one byte a step.
        let byte = |step: usize| {
            let state = seed.wrapping_add((step as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed >> 32).to_le_bytes()[0]
        };
        (0..length).map(byte).collect()
    })
}

proptest! {
    #![proptest_config(cases(120_000))]

    #[test]
    fn decisions_are_the_reference_s(data in bytes()) {
        checks::evaluate_like_reference(&data);
    }
}

proptest! {
    #![proptest_config(cases(100_000))]

    #[test]
    fn what_is_said_of_a_set_of_requests_holds_of_each(data in bytes()) {
        checks::reach_like_reference(&data);
    }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn patterns_match_like_the_naive_matcher(data in prop::collection::vec(any::<u8>(), 0..40)) {
        let (pattern, text) = generate::pattern(&mut Choices::new(&data));
        checks::pattern_like_naive(format!("{pattern}\n{text}").as_bytes());
    }
}

proptest! {
    #![proptest_config(cases(8_000))]

    /// Pieces of more than 64 characters between stars.
    #[test]
    fn long_patterns_match_like_the_naive_matcher(data in prop::collection::vec(any::<u8>(), 0..8)) {
        let (pattern, text) = generate::long_pattern(&mut Choices::new(&data));
        checks::pattern_like_naive(format!("{pattern}\n{text}").as_bytes());
    }

    #[test]
    fn what_is_printed_reads_back(data in bytes()) {
        checks::print_reads_back(&data);
    }

    #[test]
    fn the_template_is_all_that_changes(data in bytes()) {
        checks::template_is_all_that_changes(&data);
    }

    #[test]
    fn least_edits_admit_one_and_lose_nobody(data in bytes()) {
        checks::edit_admits_one(&data);
    }

    #[test]
    fn no_text_breaks_the_parser(text in r#"[\[\]{}":,a-zA-Z0-9 \\\n%*]{0,80}"#) {
        checks::parse_any(text.as_bytes());
    }

}

proptest! {
    #![proptest_config(cases(6_000))]

    /// Whatever an unknown key turns out to be, a decision made without it stands.
    #[test]
    fn unknown_keys_cannot_change_what_is_decided(data in bytes()) {
        let case = generate::case(&mut Choices::new(&data));
        let Some(document) = parse(&case.policy.to_string()).document else { return Ok(()) };
        let decision = decide(&document, &case.request.to_request());
        if decision == Decision::Undetermined {
            return Ok(());
        }
        let mut worlds = vec![reference::ReferenceRequest { others_absent: true, ..case.request.clone() }];
        for (key, known) in &case.request.context {
            let possible = match known {
                Known::Unknown => vec![Known::Absent, Known::Values(vec![]), Known::Values(vec!["a".into()])],
                // It has one value.
                Known::Present => vec![Known::Values(vec!["10.0.0.1".into()]), Known::Values(vec!["true".into()])],
                _ => continue,
            };
            for world in worlds.clone() {
                for value in &possible {
                    let mut world = world.clone();
                    world.context.insert(key.clone(), value.clone());
                    worlds.push(world);
                }
            }
            worlds.truncate(60);
        }
        let allowed = decision == Decision::Allowed;
        for world in worlds {
            let settled = world.context.values().all(|known| matches!(known, Known::Values(_) | Known::Absent));
            if settled {
                let there = decide(&document, &world.to_request());
                // A policy's value that nobody can read stays unknown in every world.
                if there != Decision::Undetermined {
                    prop_assert_eq!(there == Decision::Allowed, allowed, "{:#} {:?}", case.policy, world);
                }
            }
        }
    }

    /// The explanation is of the same decision, and its parts add up.
    #[test]
    fn explanations_add_up(data in bytes()) {
        let case = generate::case(&mut Choices::new(&data));
        let Some(document) = parse(&case.policy.to_string()).document else { return Ok(()) };
        let request = case.request.to_request();
        let explanation = explain(&document, &request);
        prop_assert_eq!(explanation.decision, decide(&document, &request));
        for statement in &explanation.statements {
            let parts = statement.elements.iter().map(|e| e.outcome).chain(statement.clauses.iter().map(|c| c.outcome));
            // Of keys that differ by case alone, each clause says what it would come to; which of them counts is not known.
            let twice = statement.clauses.iter().enumerate().any(|(at, one)| {
                let before = statement.clauses.iter().take(at);
                before.into_iter().any(|other| other.operator == one.operator && other.key.eq_ignore_ascii_case(&one.key))
            });
            prop_assert!(parts.fold(Truth::True, |a, b| a & b) == statement.outcome || (twice && statement.outcome == Truth::Unknown));
        }
        prop_assert_eq!(explanation.residual().next().is_some(), explanation.decision == Decision::Undetermined);
        for clause in explanation.statements.iter().flat_map(|s| &s.clauses) {
            prop_assert!(!matches!(clause.got, ContextValue::Unknown) || clause.outcome == Truth::Unknown);
        }
    }

    /// Exactly one cause for whatever is not allowed, none for what is.
    #[test]
    fn every_refusal_has_one_cause(data in bytes(), text in "[{}\\[\\]\":a-z ]{0,30}", broken in any::<bool>()) {
        let text = if broken { text } else { generate::trust_text(&mut Choices::new(&data)) };
        let diagnosis = diagnose_trust(&parse(&text), &generate::identity());
        prop_assert_eq!(diagnosis.cause.is_none(), diagnosis.decision == Decision::Allowed);
        prop_assert!(diagnosis.exposures.is_empty() || diagnosis.decision == Decision::Allowed);
    }

    /// The symbolic answer decides every subject as the evaluator does, and a document compared with itself
    /// changes nothing.
    #[test]
    fn who_can_decides_like_the_evaluator(data in bytes()) {
        let text = generate::trust_text(&mut Choices::new(&data));
        let document = parse(&text).document.unwrap();
        let mut identities = generate::other_identities();
        identities.push(generate::identity());
        for identity in identities {
            let symbolic = who_can(&document, &identity);
            prop_assert_eq!(symbolic.decide(&identity.subject), decide(&document, &(&identity).into()), "{} {:?}", text, identity);
            let change = access_change(&symbolic, &symbolic);
            prop_assert!(change.loses_nobody() && change.gained.is_empty());
        }
    }

    /// What the comparison calls no loss is none.
    #[test]
    fn no_proven_loss_is_none(one in bytes(), other in bytes()) {
        let read = |data: &[u8]| parse(&generate::trust_text(&mut Choices::new(data))).document.unwrap();
        let (before, after) = (read(&one), read(&other));
        for identity in generate::other_identities() {
            let change = access_change(&who_can(&before, &identity), &who_can(&after, &identity));
            let decisions = (decide(&before, &(&identity).into()), decide(&after, &(&identity).into()));
            if change.loses_nobody() {
                prop_assert!(decisions.0 != Decision::Allowed || decisions.1 == Decision::Allowed);
            }
        }
    }

    /// The index finds what trying every pair finds.
    #[test]
    fn the_index_misses_no_pair(data in prop::collection::vec(bytes(), 1..6)) {
        let documents: Vec<_> = data
            .iter()
            .map(|data| parse(&generate::trust_text(&mut Choices::new(data))).document.unwrap())
            .collect();
        let index = TrustIndex::new(&documents);
        for identity in generate::other_identities() {
            let every: Vec<_> = documents
                .iter()
                .enumerate()
                .map(|(at, document)| (at, decide(document, &(&identity).into())))
                .filter(|(_, decision)| matches!(decision, Decision::Allowed | Decision::Undetermined))
                .collect();
            prop_assert_eq!(index.admitting(&identity), every);
        }
    }
}
