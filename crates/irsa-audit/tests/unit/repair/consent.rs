use audit_remedy::RoleTag;
use serde_json::json;

use super::super::testing::{HOSTILE, ROLE, Stage, allow, document, issuer, key, pasted};
use super::*;

fn printed(stage: &Stage) -> Result<ConsentForms, ConsentRefusal> {
    let key = key();
    let tag = ConsentText::new(issuer(), RoleArn::parse(ROLE).unwrap(), &key);
    tag.of_role(&stage.role)
}

fn with_tags(tags: &[(&str, &str)]) -> Stage {
    Stage::with(|stage| {
        stage.role.tags = tags
            .iter()
            .map(|(key, value)| RoleTag::new(*key, *value))
            .collect();
    })
}

/// The call that sets the tag.
fn written(value: &str) -> String {
    let tags = json!([{"Key": consent_key(&issuer()), "Value": value}]);
    format!("iam|tag-role|--role-name|cart|--tags|{tags}|")
}

#[test]
fn the_command_keeps_what_the_tag_lists_and_runs_nothing_else() {
    let key = consent_key(&issuer());
    for (tags, answer, value) in [
        (vec![], "None", "shop/cart"),
        (
            vec![(key.as_str(), "shop/till")],
            "shop/till",
            "shop/till shop/cart",
        ),
        (vec![(key.as_str(), "shop/cart")], "shop/cart", "shop/cart"),
    ] {
        let mut stage = with_tags(&tags);
        let mut statement = allow(HOSTILE);
        statement["Sid"] = json!(HOSTILE);
        stage.role.trust_text = document(&[statement]);
        let texts = printed(&stage).unwrap();
        let (done, calls) = pasted(&texts.aws_cli, answer);
        assert!(done, "{}", texts.aws_cli);
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert!(
            calls[0].starts_with("iam|get-role|--role-name|cart|"),
            "{calls:?}"
        );
        assert_eq!(calls[1], written(value));
        assert!(texts.terraform.contains(&format!("\"{value}\"")));
        // Somebody else has set the tag meanwhile.
        let (done, calls) = pasted(&texts.aws_cli, "other/app");
        assert!(!done && calls.len() == 1, "{calls:?}");
    }
}

#[test]
fn the_question_comes_before_the_command_and_is_a_comment() {
    let texts = printed(&with_tags(&[])).unwrap();
    let mut lines = texts.aws_cli.lines().rev();
    assert!(lines.next().unwrap().starts_with("test "));
    assert!(lines.clone().count() > 1 && lines.all(|line| line.starts_with('#')));
    assert!(
        texts.aws_cli.contains("Others"),
        "whom the role admits: {}",
        texts.aws_cli
    );
}

#[test]
fn tags_that_are_ambiguous_print_nothing() {
    let key = consent_key(&issuer());
    let upper = key.to_uppercase();
    for tags in [
        vec![(upper.as_str(), "shop/cart")],
        vec![("irsa-audit.dev/trust.1", "shop/cart")],
        vec![(key.as_str(), "shop/cart  shop/till")],
        vec![(key.as_str(), "*")],
        vec![(key.as_str(), "")],
    ] {
        let refusal = printed(&with_tags(&tags)).unwrap_err();
        assert!(refused(&refusal, &key).contains(&key), "{tags:?}");
    }
    let full = format!("shop/{}", "b".repeat(245));
    assert_eq!(
        printed(&with_tags(&[(&key, &full)])).unwrap_err(),
        ConsentRefusal::Full
    );
}

#[test]
fn a_value_that_is_given_is_read_as_strictly() {
    let key = key();
    let tag = ConsentText::new(issuer(), RoleArn::parse(ROLE).unwrap(), &key);
    let texts = tag.with_existing(Some("shop/till"), None).unwrap();
    assert_eq!(
        pasted(&texts.aws_cli, "shop/till").1.last(),
        Some(&written("shop/till shop/cart"))
    );
    for bad in ["shop/till ", "shop", HOSTILE] {
        assert!(tag.with_existing(Some(bad), None).is_err(), "{bad:?}");
    }
}
