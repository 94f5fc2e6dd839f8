use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::model::SimulatedDecision;
use crate::testing::{HOST_PATH, SUBJECT, World, condition};

const OBJECT: &str = "arn:aws:s3:::carts/a";

fn world() -> World {
    World::healthy().inline(&json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }
    ]}))
}

fn asked(world: &World) -> Vec<(Vec<String>, Vec<String>)> {
    let wanted = wanted(&Chain::derive(
        &world.snapshot,
        &world.config,
        &world.key,
        world.now,
    ));
    let inquiries = wanted.map(|wanted| wanted.inquiries).unwrap_or_default();
    inquiries
        .iter()
        .map(|inquiry| (inquiry.actions.clone(), inquiry.resources.clone()))
        .collect()
}

/// Each region is a call with the whole context, and each call keeps other reads of the account waiting.
#[test]
fn few_regions_and_few_inquiries_are_asked_about() {
    let queues = |count: usize| -> Vec<String> {
        let all = (0..count).map(|at| format!("arn:aws:sqs:r-{at:02}:111122223333:carts"));
        all.collect()
    };
    let arns = queues(40);
    let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
    let one = World::healthy().expect(&["sqs:SendMessage"], &arns);
    assert_eq!(asked(&one).len(), 8);
    let many = arns.iter().fold(World::healthy(), |world, arn| {
        world.expect(&["sqs:SendMessage"], &[*arn])
    });
    assert_eq!(asked(&many).len(), 16);
}

#[test]
fn only_what_the_simulator_takes_is_asked() {
    let of = |actions: &[&str], resources: &[&str]| {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<String>>();
        vec![(owned(actions), owned(resources))]
    };
    let get = &["s3:GetObject"][..];
    for (actions, resources, wanted) in [
        (get, &[OBJECT][..], of(get, &[OBJECT])),
        (get, &[], of(get, &[])),
        (get, &["*"], of(get, &[])),
        (
            &["s3:PutObject", "s3:Get*", "s3:GetObject", "s3:GetObject"],
            &[OBJECT],
            of(&["s3:GetObject", "s3:PutObject"], &[OBJECT]),
        ),
        (
            get,
            &[
                OBJECT,
                "arn:aws:s3:::carts/*",
                "carts",
                "arn:aws:s3:::${aws:userid}",
            ],
            of(get, &[OBJECT]),
        ),
        // Another account's own policies decide as well, and another partition's are none of ours.
        (
            &["sqs:SendMessage"],
            &[
                "arn:aws:sqs:eu-west-1:444455556666:q",
                "arn:aws:sqs:eu-west-1:111122223333:q",
                "arn:aws-cn:s3:::carts/a",
            ],
            of(&["sqs:SendMessage"], &["arn:aws:sqs:eu-west-1:111122223333:q"]),
        ),
        (&["s3:Get*"], &[OBJECT], vec![]),
        (&["GetObject", "s3:", "s3:Get Object"], &[OBJECT], vec![]),
        (get, &["arn:aws:s3:::carts/*"], vec![]),
    ] {
        assert_eq!(
            asked(&world().expect(actions, resources)),
            wanted,
            "{actions:?} {resources:?}"
        );
    }
    let both = asked(&world().expect(get, &["*", OBJECT]));
    assert_eq!(
        both.iter()
            .map(|(_, resources)| resources.len())
            .collect::<Vec<_>>(),
        [0, 1]
    );
}

#[test]
fn keys_of_uncertain_type_are_not_asked_about() {
    let with = |key: &str, value: &str| {
        let (key, value) = (key.to_owned(), value.to_owned());
        let world = world().expect(&["s3:GetObject"], &[OBJECT]);
        asked(&world.request(|request| drop(request.aws[0].context.insert(key, value)))).len()
    };
    assert_eq!(with("aws:RequestedRegion", "eu-west-1"), 1);
    assert_eq!(with("s3:max-keys", "10"), 0);
}

#[test]
fn what_is_in_a_region_is_asked_for_there() {
    let queue = |region: &str| format!("arn:aws:sqs:{region}:111122223333:orders");
    let (here, there) = (queue("eu-west-1"), queue("us-east-1"));
    let world = world().expect(&["sqs:SendMessage"], &[&here, &there, OBJECT]);
    let regions = |world: &World| {
        let wanted = wanted(&Chain::derive(
            &world.snapshot,
            &world.config,
            &world.key,
            world.now,
        ))
        .unwrap();
        let region = |inquiry: &Arc<Inquiry>| {
            let mut keys = inquiry.context.iter();
            let found = keys.find(|entry| entry.key.eq_ignore_ascii_case("aws:RequestedRegion"));
            (inquiry.resources.clone(), found.map(|entry| entry.value.clone()))
        };
        wanted.inquiries.iter().map(region).collect::<Vec<_>>()
    };
    let of = |arn: &str, region: Option<&str>| (vec![arn.to_owned()], region.map(str::to_owned));
    let wanted = [
        of(OBJECT, Some("eu-west-1")),
        of(&here, Some("eu-west-1")),
        of(&there, Some("us-east-1")),
    ];
    assert_eq!(regions(&world), wanted);
    // Who knows better is believed.
    let (key, value) = ("AWS:requestedregion".to_owned(), "eu-central-1".to_owned());
    let world = world.request(|request| drop(request.aws[0].context.insert(key, value)));
    assert!(
        regions(&world)
            .iter()
            .all(|(_, region)| region.as_deref() == Some("eu-central-1"))
    );
}

#[test]
fn nothing_is_asked_that_no_verdict_needs() {
    let expecting = || world().expect(&["s3:GetObject"], &[OBJECT]);
    assert_eq!(asked(&expecting()).len(), 1);
    for world in [
        world(),
        world().request(|_| ()).expect_kubernetes(),
        expecting().condition(&condition("system:serviceaccount:shop:orders")),
        expecting().documents_unseen(None),
        expecting().without_account(),
        expecting().later(3601),
    ] {
        assert_eq!(asked(&world), []);
    }
}

#[test]
fn questions_are_bounded() {
    let arns: Vec<String> = (0..MAX_QUESTIONS).map(|n| format!("{OBJECT}{n}")).collect();
    let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
    let few = world().expect(&["s3:GetObject"], &[OBJECT]);
    assert_eq!(
        asked(&few.clone().expect(&["s3:GetObject"], &arns)).len(),
        1,
        "the first"
    );
    assert_eq!(asked(&few.expect(&["s3:PutObject"], &[OBJECT])).len(), 2);
}

#[test]
fn a_first_contradiction_is_asked_about_again() {
    let doubted = |world: &World| {
        wanted(&Chain::derive(
            &world.snapshot,
            &world.config,
            &world.key,
            world.now,
        ))
        .unwrap()
        .is_doubted
    };
    let world = world().expect(&["s3:GetObject"], &[OBJECT]);
    assert!(!doubted(&world) && !doubted(&world.clone().simulated(&[]).simulated_once()));
    let denied = world.simulated(&[("s3:GetObject", SimulatedDecision::DeniedImplicitly)]);
    assert!(!doubted(&denied), "it is believed");
    let once = denied.simulated_once();
    assert!(doubted(&once));
    assert!(
        !doubted(&once.simulation_fails(crate::model::FailureKind::Unavailable)),
        "there is nothing to gain"
    );
}

#[test]
fn a_state_is_another_one_with_every_policy_that_counts() {
    let state = |world: &World| {
        wanted(&Chain::derive(
            &world.snapshot,
            &world.config,
            &world.key,
            world.now,
        ))
        .unwrap()
        .state
    };
    let policy = |action: &str| json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] });
    let world = world().expect(&["s3:GetObject"], &[OBJECT]);
    let states = [
        state(&world),
        state(&world.clone().inline_named("other", &policy("sqs:*"))),
        state(
            &world
                .clone()
                .attached("arn:aws:iam::aws:policy/Other", &policy("sqs:*")),
        ),
        state(&world.clone().boundary(&policy("s3:*"))),
        state(&world.clone().boundary(&policy("sqs:*"))),
    ];
    assert_eq!(states.iter().collect::<BTreeSet<_>>().len(), states.len());
    let same = world
        .clone()
        .expect(&["s3:PutObject"], &[OBJECT])
        .condition(&trusting_more());
    assert_eq!(
        state(&same),
        states[0],
        "neither expectations nor trust policies are policies of the role"
    );
}

/// The subject, and another one.
fn trusting_more() -> serde_json::Value {
    let mut condition = condition(SUBJECT);
    condition["StringEquals"][format!("{HOST_PATH}:sub")] =
        json!([SUBJECT, "system:serviceaccount:shop:orders"]);
    condition
}
