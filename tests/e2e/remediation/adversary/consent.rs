//! Tags that look like a consent.

use e2e::remediation::{key, writer};

use super::{OWN, Stage, own, refused, reported};
use crate::Outcome;

/// Keys that are not this cluster's.
fn keys(own: &str) -> Vec<String> {
    let (prefix, digits) = own.split_at(own.len() - 32);
    vec![
        // Another cluster's.
        format!("{prefix}{}", "0a".repeat(16)),
        own.to_uppercase(),
        format!("{prefix}{}", digits.to_uppercase()),
        // Cyrillic and full-width letters, and spaces that are hard to see.
        own.replacen('a', "\u{430}", 1),
        own.replacen('t', "\u{ff54}", 1),
        format!("{own} "),
        format!("\u{a0}{own}"),
        own.replacen('/', " /", 1),
        // A part of it, and more than it.
        own[..own.len() - 1].to_owned(),
        format!("{own}0"),
        format!("{prefix}="),
        own.replacen("irsa-audit.dev", "irsa-audit.dev.example.com", 1),
    ]
}

/// Values that do not name a binding.
fn values(name: &str) -> Vec<String> {
    let pair = format!("{OWN}/{name}");
    vec![
        format!("{OWN}/other"),
        format!("shop/{name}"),
        OWN.to_owned(),
        name.to_owned(),
        format!("{OWN}/"),
        format!("{OWN}:{name}"),
        // A part of it, and more than it.
        pair[..pair.len() - 1].to_owned(),
        format!("{pair}0"),
        format!("{pair}/"),
        format!("a{pair}"),
        // Letters and spaces that look the same.
        pair.to_uppercase(),
        pair.replacen('o', "\u{43e}", 1),
        format!("{pair}\u{a0}"),
        format!("{pair} "),
        format!(" {pair}"),
        format!("shop/app  {pair}"),
        format!("shop/app\u{a0}{pair}"),
        format!("{pair} {pair}"),
        // Another form of it.
        format!("sha256:{}", "0a".repeat(32)),
        format!("system:serviceaccount:{OWN}:{name}"),
    ]
}

#[tokio::test]
async fn a_tag_that_only_looks_like_a_consent_is_none() -> Outcome {
    let mut stage = Stage::new(&[]).await?;
    let key = key()?;
    let mut names = Vec::new();
    for (at, other) in keys(&key).iter().enumerate() {
        let name = format!("key-{at}");
        stage.role(&name).await?;
        let pair = format!("{OWN}/{name}");
        stage.world.aws().tag_role(&name, other, &pair).await?;
        names.push(name);
    }
    for at in 0..values("").len() {
        let name = format!("value-{at}");
        stage.role(&name).await?;
        let value = &values(&name)[at];
        stage.world.aws().tag_role(&name, &key, value).await?;
        names.push(name);
    }
    // The right tag beside one that looks like it: which of the two the role's owner has seen is not known.
    stage.role("beside").await?;
    let pair = format!("{OWN}/beside");
    stage.world.aws().tag_role("beside", &key, &pair).await?;
    let alike = key.replacen('a', "\u{430}", 1);
    stage.world.aws().tag_role("beside", &alike, &pair).await?;
    names.push("beside".to_owned());
    for name in &names {
        stage.bind(own(name), "Automatic").await?;
    }

    let writer = writer(&stage.world, &[]).await?;
    for name in &names {
        refused(&writer, OWN, name, "consent").await?;
    }
    let blocked = reported(&writer, "irsa_audit_remediation_blocked_total", ("by", "consent"));
    assert!(blocked.await? >= names.len() as u64);
    stage.nothing_happened().await?;
    stage.repairs_what_is_agreed(&writer).await
}
