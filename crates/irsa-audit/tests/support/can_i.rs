//! Command lines for tests.

use clap::Parser;

use super::args::CanIArgs;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: CanIArgs,
}

/// The arguments of a call about `shop/cart`.
pub(super) fn args(words: &[&str]) -> CanIArgs {
    let all = ["can-i", "shop/cart"].iter().chain(words);
    Command::try_parse_from(all).unwrap().args
}
