//! Deciding a typical request allocates nothing. Alone in its binary: the counter sees all threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::alloc::System;

use iam_policy::{Decision, Request, WebIdentity, decide, parse};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn the_allow_path_does_not_allocate() {
    let fixture = |name: &str| {
        let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
        parse(&std::fs::read_to_string(path).unwrap()).document.unwrap()
    };
    let issuer = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    let request = Request::from(&WebIdentity {
        provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{issuer}"),
        issuer: issuer.to_owned(),
        subject: "system:serviceaccount:shop:cart".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        called_at: None,
    });
    for name in [
        "eksctl",
        "terraform-module",
        "terraform-wildcard",
        "kops",
        "aws-guide",
        "two-clusters",
    ] {
        let document = fixture(name);
        let region = Region::new(ALLOCATOR);
        let decision = decide(&document, &request);
        let change = region.change();
        assert_eq!(
            (decision, change.allocations, change.reallocations),
            (Decision::Allowed, 0, 0),
            "{name}"
        );
    }
}
