//! Edits of generated trust policies, judged by the second evaluator: the reference of `iam-policy`'s own tests, which shares no code
//! with the engine that plans and proves them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../../iam-policy/tests/checks/mod.rs"]
mod checks;

use audit_core::model::IssuerUrl;
use audit_remedy::{
    EditRefusal, LiveRole, RemediationMode, RemedySubject, append_statement, prove, remove_statement,
    same_document,
};
use checks::choices::Choices;
use checks::generate;
use iam_policy::{RoleArn, parse};
use jiff::Timestamp;

/// So many documents are edited, or as many as `PROPTEST_CASES` asks for.
const DOCUMENTS: u64 = 400;

fn subject() -> RemedySubject {
    RemedySubject {
        issuer: IssuerUrl::parse(&format!("https://{}", generate::ISSUER)).unwrap(),
        namespace: "shop".to_owned(),
        name: "cart".to_owned(),
        service_account_uid: "sa".to_owned(),
        irsa_audit_uid: "ia".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        role_arn: RoleArn::parse("arn:aws:iam::111122223333:role/app").unwrap(),
        expected_role: None,
        opt_in: RemediationMode::Propose,
    }
}

fn role(trust_text: &str) -> LiveRole {
    LiveRole {
        arn: subject().role_arn,
        id: "AROAEXAMPLE".to_owned(),
        trust_text: trust_text.to_owned(),
        tags: Vec::new(),
        quota: 4096,
    }
}

#[test]
fn an_edit_admits_one_more_and_its_rollback_one_less_and_nobody_else_notices() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let identity = subject().identity(at);
    let asked = std::env::var("PROPTEST_CASES").ok();
    let documents = asked.and_then(|number| number.parse().ok()).unwrap_or(DOCUMENTS);
    let (mut edited, mut refused) = (0, 0);
    for seed in 0..documents {
        let mut rng = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = (0..rng.usize(..160)).map(|_| rng.u8(..)).collect();
        let text = generate::trust_text(&mut Choices::new(&bytes));
        let edit = match append_statement(&role(&text), &subject(), seed, at) {
            Ok(edit) => edit,
            Err(EditRefusal::Unproven(failure)) => panic!("{failure:?} {text}"),
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        edited += 1;
        assert!(parse(&text).is_whole(), "{text}");
        assert_eq!(prove(&edit, &identity), Ok(()));
        checks::admits_one_more(&text, &edit.after, &identity);
        let back = remove_statement(&role(&edit.after), &subject(), &edit.statement, at).unwrap();
        assert_eq!(prove(&back, &identity), Ok(()));
        checks::admits_one_more(&back.after, &edit.after, &identity);
        // But for the list around a single statement, the document is what it was.
        let is_list =
            serde_json::from_str::<serde_json::Value>(&edit.before).unwrap()["Statement"].is_array();
        assert_eq!(same_document(&back.after, &edit.before), is_list, "{text}");
        assert_eq!(back.after == edit.before, is_list, "{text}");
    }
    assert!(
        edited > documents / 10 && refused > documents / 10,
        "{edited} {refused}"
    );
}
