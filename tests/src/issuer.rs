//! What tokens of the worlds' clusters say.

use test_kit::DEFAULT_ISSUER;

/// The issuer of the cluster's tokens.
pub const ISSUER: &str = DEFAULT_ISSUER;

/// An audience that the provider in [`HOME`](crate::aws::HOME) knows besides the usual one.
pub const SECOND_AUDIENCE: &str = "billing.example";
