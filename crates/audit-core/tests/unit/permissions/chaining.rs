use serde_json::{Value, json};

use super::*;
use crate::model::Observed;
use crate::permissions::expected;
use crate::testing::*;

const TARGET: &str = "arn:aws:iam::111122223333:role/reports";
const ELSEWHERE: &str = "arn:aws:iam::444455556666:role/reports";
const ROOT: &str = "arn:aws:iam::111122223333:root";

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn own(actions: &[&str]) -> Value {
    document(&[json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })])
}

fn admits(principal: &Value, action: &str) -> Value {
    json!({ "Effect": "Allow", "Principal": principal, "Action": action })
}

fn named(principal: &str) -> Value {
    admits(&json!({ "AWS": principal }), "sts:AssumeRole")
}

fn with(mut statement: Value, condition: &Value) -> Value {
    statement["Condition"] = condition.clone();
    statement
}

/// `shop/cart`, whose role has this policy, and what it is asked to assume.
struct Case {
    world: World,
    target: String,
    action: &'static str,
}

impl Case {
    fn new(policy: &Value, target: &str, trust: &[Value]) -> Self {
        let name = target.rsplit('/').next().unwrap_or_default().to_owned();
        let world = World::healthy().inline(policy);
        let lookup = role(target, &document(trust).to_string());
        let world = if target.contains(":111122223333:") {
            world.any_role(&name, lookup)
        } else {
            let mut world = world;
            let account = world
                .snapshot
                .accounts
                .entry("444455556666".to_owned())
                .or_default();
            account.roles.insert(name, Observed::known(lookup, world.now));
            world
        };
        Self {
            world,
            target: target.to_owned(),
            action: "sts:AssumeRole",
        }
    }

    fn within(mut self, boundary: &Value) -> Self {
        self.world = self.world.boundary(boundary);
        self
    }

    fn knowing(self, key: &str, value: &str) -> (String, String) {
        self.asked(&[(key, value)])
    }

    fn says(self) -> (String, String) {
        self.asked(&[])
    }

    /// The answer by its name, and all that it says.
    fn asked(self, context: &[(&str, &str)]) -> (String, String) {
        let world = self
            .world
            .expect(&[self.action], &[&self.target])
            .request(|request| {
                let pairs = context
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
                request.aws.last_mut().unwrap().context.extend(pairs);
            });
        let chain = Chain::derive(&world.snapshot, &world.config, &world.key, world.now);
        let all = expected(&chain);
        let answer = &all.first().expect("the trust policy admits it").answer;
        let name = match answer {
            PolicyAnswer::Allowed(_) => "allowed",
            PolicyAnswer::NotAllowed => "not allowed",
            PolicyAnswer::Denied(_) => "denied",
            PolicyAnswer::OutsideBoundary(_) => "outside",
            PolicyAnswer::Trusted(_) => "trusted",
            PolicyAnswer::Free => "free",
            PolicyAnswer::Refused(_) => "refused",
            PolicyAnswer::Unlisted => "unlisted",
            PolicyAnswer::Undetermined(_) => "undetermined",
        };
        let report = world.audit();
        (name.to_owned(), shown(&report))
    }
}

#[test]
fn within_an_account_who_is_named_decides_what_else_is_needed() {
    let (may, may_not) = (own(&["sts:AssumeRole"]), own(&["s3:*"]));
    let by_arn = || with(named("*"), &json!({ "ArnEquals": { "aws:PrincipalArn": ROLE } }));
    let session = "arn:aws:sts::111122223333:assumed-role/cart/one";
    for (trust, with_policy, without) in [
        (named(ROLE), "allowed", "trusted"),
        (named("*"), "allowed", "trusted"),
        (admits(&json!("*"), "sts:AssumeRole"), "allowed", "trusted"),
        (by_arn(), "allowed", "trusted"),
        (named(ROOT), "allowed", "not allowed"),
        (named("111122223333"), "allowed", "not allowed"),
        (named(session), "undetermined", "undetermined"),
        (
            named("arn:aws:iam::111122223333:role/other"),
            "refused",
            "refused",
        ),
        (named("arn:aws:iam::444455556666:root"), "refused", "refused"),
        (
            admits(&json!({ "Service": "ec2.amazonaws.com" }), "sts:AssumeRole"),
            "refused",
            "refused",
        ),
        (
            admits(&json!({ "Federated": "*" }), "sts:AssumeRoleWithWebIdentity"),
            "refused",
            "refused",
        ),
        (
            admits(&json!({ "AWS": ROLE }), "sts:TagSession"),
            "refused",
            "refused",
        ),
    ] {
        let says = |policy: &Value| Case::new(policy, TARGET, std::slice::from_ref(&trust)).says();
        assert_eq!(says(&may).0, with_policy, "{trust}");
        assert_eq!(says(&may_not).0, without, "{trust}: {}", says(&may_not).1);
    }
}

#[test]
fn across_accounts_both_sides_have_to_allow_it() {
    let (may, may_not) = (own(&["sts:AssumeRole"]), own(&["s3:*"]));
    for (trust, with_policy, without) in [
        (named(ROLE), "allowed", "not allowed"),
        (named(ROOT), "allowed", "not allowed"),
        (named("*"), "allowed", "not allowed"),
        (named("arn:aws:iam::444455556666:root"), "refused", "refused"),
    ] {
        let says = |policy: &Value| {
            Case::new(policy, ELSEWHERE, std::slice::from_ref(&trust))
                .says()
                .0
        };
        assert_eq!(
            (says(&may).as_str(), says(&may_not).as_str()),
            (with_policy, without),
            "{trust}"
        );
    }
    let (_, text) = Case::new(&may_not, ELSEWHERE, &[named("arn:aws:iam::444455556666:root")]).says();
    for part in [
        "no policy allows `sts:AssumeRole`",
        "does not let",
        "put-role-policy",
        "ask the owner of role",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn each_statement_speaks_for_its_own_action() {
    let trust = [named(ROOT), admits(&json!({ "AWS": ROLE }), "sts:TagSession")];
    assert_eq!(Case::new(&own(&["s3:*"]), TARGET, &trust).says().0, "not allowed");
    let tagging = Case {
        action: "sts:TagSession",
        ..Case::new(&own(&["s3:*"]), TARGET, &trust)
    };
    assert_eq!(tagging.says().0, "trusted");
    let (answer, text) = Case::new(&own(&["sts:*"]), TARGET, &trust[1..]).says();
    assert_eq!(answer, "refused");
    assert!(text.contains("names it for `sts:TagSession` only"), "{text}");
}

#[test]
fn a_boundary_limits_what_is_granted_to_the_arn() {
    let boundary = own(&["s3:*"]);
    let by_arn = with(
        named("*"),
        &json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/cart" } }),
    );
    for (policy, trust, expected) in [
        (own(&["s3:*"]), named(ROLE), "outside"),
        (own(&["sts:AssumeRole"]), named(ROLE), "outside"),
        (own(&["sts:AssumeRole"]), named(ROOT), "outside"),
        (own(&["s3:*"]), named(ROOT), "not allowed"),
        (own(&["s3:*"]), by_arn, "trusted"),
        (own(&["s3:*"]), named("*"), "undetermined"),
    ] {
        let (answer, text) = Case::new(&policy, TARGET, std::slice::from_ref(&trust))
            .within(&boundary)
            .says();
        assert_eq!(answer, expected, "{trust}: {text}");
    }
    let wide = own(&["sts:*"]);
    assert_eq!(
        Case::new(&own(&["s3:*"]), TARGET, &[named(ROLE)])
            .within(&wide)
            .says()
            .0,
        "trusted"
    );
}

#[test]
fn a_deny_anywhere_decides() {
    let deny = json!({ "Effect": "Deny", "Action": "sts:*", "Resource": "*" });
    let denied = document(&[deny]);
    assert_eq!(Case::new(&denied, TARGET, &[named(ROLE)]).says().0, "denied");
    assert_eq!(
        Case::new(&own(&["s3:*"]), TARGET, &[named(ROLE)])
            .within(&denied)
            .says()
            .0,
        "denied"
    );
    let mut keep_out = named(ROLE);
    keep_out["Effect"] = "Deny".into();
    let (answer, text) = Case::new(&own(&["sts:*"]), TARGET, &[named(ROOT), keep_out]).says();
    assert_eq!(answer, "refused");
    assert!(text.contains("statement 2 denies"), "{text}");
}

#[test]
fn a_condition_is_named_with_what_it_wants_and_what_the_request_has() {
    let trust = || {
        [with(
            named(ROLE),
            &json!({ "StringEquals": { "sts:ExternalId": "tenant-42" } }),
        )]
    };
    let case = || Case::new(&own(&["sts:AssumeRole"]), ELSEWHERE, &trust());
    let (answer, text) = case().says();
    assert_eq!(answer, "undetermined");
    assert!(text.contains("`sts:ExternalId` must equal `tenant-42`"), "{text}");
    assert_eq!(case().knowing("sts:ExternalId", "tenant-42").0, "allowed");
    let (answer, text) = case().knowing("sts:ExternalId", "other");
    assert_eq!(answer, "refused");
    assert!(
        text.contains("must equal `tenant-42`, but the request has `other`"),
        "{text}"
    );
    let organization = [with(
        named("*"),
        &json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }),
    )];
    let (answer, text) = Case::new(&own(&["sts:AssumeRole"]), ELSEWHERE, &organization).says();
    assert!(
        answer == "undetermined" && text.contains("`aws:PrincipalOrgID`"),
        "{answer}: {text}"
    );
    let another = [with(
        named("*"),
        &json!({ "ArnEquals": { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/x" } }),
    )];
    let (answer, text) = Case::new(&own(&["sts:AssumeRole"]), TARGET, &another).says();
    assert!(
        answer == "refused" && text.contains("`aws:PrincipalArn` must match"),
        "{answer}: {text}"
    );
}

#[test]
fn the_whole_arn_counts() {
    let at = |arn: &str| {
        let mut case = Case::new(&own(&["sts:AssumeRole"]), arn, &[named(ROLE)]);
        TARGET.clone_into(&mut case.target);
        case.says()
    };
    let (answer, text) = at("arn:aws:iam::111122223333:role/team/reports");
    assert!(
        answer == "refused" && text.contains("its path included"),
        "{answer}: {text}"
    );
    let (answer, text) = at("arn:aws:iam::111122223333:role/Reports");
    assert!(
        answer == "refused" && text.contains("the case of its name"),
        "{answer}: {text}"
    );
    let elsewhere = "arn:aws-cn:iam::444455556666:role/reports";
    let (answer, text) = Case::new(&own(&["sts:AssumeRole"]), elsewhere, &[named(ROLE)]).says();
    assert!(
        answer == "refused" && text.contains("partition"),
        "{answer}: {text}"
    );
}

#[test]
fn a_unique_id_is_of_one_that_was_deleted() {
    let (answer, text) = Case::new(
        &own(&["sts:AssumeRole"]),
        TARGET,
        &[named("AROAZZZZZZZZZZZZZZZZZ")],
    )
    .says();
    assert!(
        answer == "refused" && text.contains("was deleted"),
        "{answer}: {text}"
    );
    let id = match role(ROLE, "") {
        RoleLookup::Found(role) => role.id.clone(),
        RoleLookup::Absent => String::new(),
    };
    if !id.is_empty() {
        let (answer, text) = Case::new(&own(&["sts:AssumeRole"]), TARGET, &[named(&id)]).says();
        assert_eq!(answer, "undetermined", "{text}");
    }
}

#[test]
fn a_role_that_assumes_itself_needs_its_own_trust() {
    let world = World::healthy()
        .inline(&own(&["sts:AssumeRole"]))
        .expect(&["sts:AssumeRole"], &[ROLE]);
    let report = world.audit();
    let text = shown(&report);
    assert_eq!(codes(&report), ["IRSA502"]);
    assert!(
        text.contains("the same role that the pods already have"),
        "{text}"
    );
}

#[test]
fn what_was_not_seen_is_neither() {
    let unseen = |target: &str, policy: &Value| {
        let world = World::healthy()
            .inline(policy)
            .expect(&["sts:AssumeRole"], &[target]);
        codes(&world.audit())
    };
    assert_eq!(
        unseen(TARGET, &own(&["s3:*"])),
        ["IRSA906"],
        "its trust policy may name this role"
    );
    assert_eq!(unseen(ELSEWHERE, &own(&["s3:*"])), ["IRSA502"]);
    for target in [TARGET, ELSEWHERE] {
        assert_eq!(
            unseen(target, &own(&["sts:AssumeRole"])),
            ["IRSA906"],
            "its trust policy has to allow it as well"
        );
    }
}

#[test]
fn what_was_seen_too_long_ago_proves_neither() {
    let stale = |trust: Value| {
        let mut case = Case::new(&own(&["sts:AssumeRole"]), TARGET, &[trust]);
        let long_ago = case.world.now - jiff::SignedDuration::from_hours(2);
        case.world = case.world.account(|account| {
            let seen = account.roles.get_mut("reports").unwrap();
            seen.value.as_mut().unwrap().1 = long_ago;
        });
        case.says()
    };
    for trust in [named(ROLE), named("arn:aws:iam::111122223333:role/other")] {
        let (answer, shown) = stale(trust);
        assert_eq!(answer, "undetermined", "{shown}");
    }
}

#[test]
fn a_role_without_policies_is_not_broken_where_the_other_names_it() {
    let target = role(TARGET, &document(&[named(ROLE)]).to_string());
    let world = World::healthy().policies(0).any_role("reports", target);
    let report = world.clone().expect(&["sts:AssumeRole"], &[TARGET]).audit();
    assert_eq!(report.verdict, crate::Verdict::AtRisk, "{}", shown(&report));
    let target = role(TARGET, &document(&[named(ROOT)]).to_string());
    let world = World::healthy().policies(0).any_role("reports", target);
    let report = world.expect(&["sts:AssumeRole"], &[TARGET]).audit();
    assert_eq!(report.verdict, crate::Verdict::Broken, "{}", shown(&report));
}
