use super::*;

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const OTHER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/FFFF456789ABCDEF0123456789ABCDEF";

fn issuer(url: &str) -> IssuerUrl {
    IssuerUrl::parse(url).unwrap()
}

fn key() -> String {
    consent_key(&issuer(ISSUER))
}

fn asked(tags: &[(&str, &str)]) -> Result<RoleConsent, ConsentRefusal> {
    let tags: Vec<RoleTag> = tags
        .iter()
        .map(|(key, value)| RoleTag::new(*key, *value))
        .collect();
    role_consent(&tags, &issuer(ISSUER), "shop", "cart")
}

fn value(value: &str) -> Result<RoleConsent, ConsentRefusal> {
    asked(&[("team", "shop/cart"), (&key(), value)])
}

fn malformed<T>(entry: &str) -> Result<T, ConsentRefusal> {
    Err(ConsentRefusal::EntryMalformed {
        entry: entry.to_owned(),
    })
}

#[test]
fn the_key_is_part_of_the_digest_of_the_issuer_url() {
    // printf %s https://example.com | sha256sum
    let example = consent_key(&issuer("https://example.com"));
    assert_eq!(example, "irsa-audit.dev/trust.100680ad546ce6a577f42f52df33b4cf");
    assert!(key().len() <= 128);
    assert_ne!(key(), consent_key(&issuer(OTHER)));
    assert_ne!(
        consent_key(&issuer("https://a/b")),
        consent_key(&issuer("https://a/b/"))
    );
}

#[test]
fn a_listed_pair_is_consent_and_the_whole_value_is_told() {
    for listed in ["shop/cart", "bank/till shop/cart", "shop/cart bank/till a/b.c"] {
        let consent = value(listed).unwrap();
        assert_eq!((consent.key, consent.value.as_str()), (key(), listed));
    }
    let digest = format!("bank/till sha256:{}", crate::digest::sha256_hex(b"shop/cart"));
    assert!(value(&digest).is_ok());
}

#[test]
fn others_are_no_consent() {
    for others in ["bank/cart", "shop/cart2", "shop/car", "hop/cart", "cart/shop"] {
        assert_eq!(value(others), Err(ConsentRefusal::NotListed), "{others}");
    }
    let digest = format!("sha256:{}", crate::digest::sha256_hex(b"bank/cart"));
    assert_eq!(value(&digest), Err(ConsentRefusal::NotListed));
}

#[test]
fn another_cluster_s_key_is_no_consent_and_does_no_harm() {
    let other = consent_key(&issuer(OTHER));
    assert_eq!(
        asked(&[(&other, "shop/cart")]),
        Err(ConsentRefusal::Absent { other_clusters: true })
    );
    assert_eq!(
        asked(&[("a", "shop/cart")]),
        Err(ConsentRefusal::Absent {
            other_clusters: false
        })
    );
    assert!(asked(&[(&other, "not a value!"), (&key(), "shop/cart")]).is_ok());
}

#[test]
fn keys_that_look_alike_spoil_the_right_one_beside_them() {
    let key = key();
    let with = |from: &str, to: &str| key.replacen(from, to, 1);
    for variant in [
        key.to_uppercase(),
        with("irsa", "Irsa"),
        with("trust", "TRUST"),
        with("irsa-audit", "irsa_audit"),
        with("irsa-audit", "irsa\u{2011}audit"),
        with("audit", "\u{430}udit"),
        with("trust", "tru\u{455}t"),
        with("trust", "trust\u{200b}"),
        with("dev/", "dev\u{2044}"),
        with("dev", "\u{ff44}ev"),
        key.chars()
            .map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap())
            .collect(),
        format!(" {key}"),
        format!("{key} "),
        format!("{key}\u{feff}"),
        with("dev/", "dev/ "),
    ] {
        let expected = Err(ConsentRefusal::KeyLooksAlike { key: variant.clone() });
        assert_eq!(asked(&[(&variant, "shop/cart")]), expected, "{variant:?}");
        assert_eq!(
            asked(&[(&key, "shop/cart"), (&variant, "shop/cart")]),
            expected,
            "{variant:?}"
        );
        assert_eq!(
            asked(&[(&variant, ""), (&key, "shop/cart")]),
            expected,
            "{variant:?}"
        );
    }
}

#[test]
fn keys_that_begin_as_a_consent_and_are_none_are_refused() {
    let key = key();
    let shorter = key.get(..key.len() - 1).unwrap().to_owned();
    for variant in [
        "irsa-audit.dev/trust.".to_owned(),
        shorter,
        format!("{key}0"),
        "irsa-audit.dev/trust.xyz".to_owned(),
        "IRSA-AUDIT.DEV/trust.aaaa".to_owned(),
        format!("irsa-audit.dev/trust.{}", "g".repeat(32)),
    ] {
        let expected = Err(ConsentRefusal::KeyMalformed { key: variant.clone() });
        assert_eq!(
            asked(&[(&key, "shop/cart"), (&variant, "shop/cart")]),
            expected,
            "{variant:?}"
        );
    }
    let upper = format!("irsa-audit.dev/trust.{}", "A".repeat(32));
    assert!(matches!(
        asked(&[(&upper, "shop/cart")]),
        Err(ConsentRefusal::KeyMalformed { .. })
    ));
    assert!(
        asked(&[
            ("irsa-audit.dev/other", "x"),
            ("trust.irsa-audit.dev", ""),
            (&key, "shop/cart")
        ])
        .is_ok()
    );
}

#[test]
fn a_long_key_of_another_script_is_nobody_s() {
    for long in [
        "\u{90e8}".repeat(key().len()),
        "\u{90e8}".repeat(128),
        "\u{43a}".repeat(21),
    ] {
        assert!(asked(&[(&long, "x"), (&key(), "shop/cart")]).is_ok());
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    assert_eq!(
        asked(&[(&key(), "shop/cart"), (&key(), "shop/cart")]),
        Err(ConsentRefusal::KeyTwice)
    );
}

#[test]
fn values_are_read_strictly() {
    assert_eq!(value(""), Err(ConsentRefusal::ValueEmpty));
    for spaces in [" ", " shop/cart", "shop/cart ", "bank/till  shop/cart"] {
        assert_eq!(value(spaces), Err(ConsentRefusal::ValueSpaces), "{spaces:?}");
    }
    for unicode in [
        "sh\u{43e}p/cart",
        "shop\u{2215}cart shop/cart",
        "shop/cart\u{a0}",
        "bank/till\u{3000}shop/cart",
        "shop/cart \u{200b}",
    ] {
        assert_eq!(value(unicode), Err(ConsentRefusal::ValueNotAscii), "{unicode:?}");
    }
    for entry in [
        "shop",
        "shop:cart",
        "shop/cart/x",
        "/cart",
        "shop/",
        "Shop/cart",
        "shop/*",
        "*/*",
        "*",
        "shop/cart,bank/till",
        "shop/cart\tbank/till",
        "sha256:",
        "sha256:abc",
        "shop\\cart",
    ] {
        assert_eq!(value(entry), malformed(entry), "{entry:?}");
    }
    let upper = format!(
        "sha256:{}",
        crate::digest::sha256_hex(b"shop/cart").to_uppercase()
    );
    assert_eq!(value(&upper), malformed(&upper));
    assert_eq!(
        value("shop/cart bank/*"),
        malformed("bank/*"),
        "one bad part spoils the rest"
    );
    assert_eq!(
        value("shop/cart shop/cart"),
        Err(ConsentRefusal::EntryTwice {
            entry: "shop/cart".to_owned()
        })
    );
    let long = format!("shop/cart {}", vec!["ns/account-name"; 17].join(" "));
    assert_eq!(value(&long), Err(ConsentRefusal::ValueTooLong));
}

#[test]
fn a_pair_is_added_once_and_by_its_digest_where_it_is_too_long() {
    assert_eq!(consent_value_with(None, "shop", "cart").unwrap(), "shop/cart");
    assert_eq!(
        consent_value_with(Some("bank/till"), "shop", "cart").unwrap(),
        "bank/till shop/cart"
    );
    assert_eq!(
        consent_value_with(Some("shop/cart bank/till"), "shop", "cart").unwrap(),
        "shop/cart bank/till"
    );
    let (namespace, name) = ("n".repeat(63), "a".repeat(253));
    let added = consent_value_with(Some("bank/till"), &namespace, &name).unwrap();
    assert!(added.starts_with("bank/till sha256:"), "{added}");
    let tags = [RoleTag::new(key(), added.clone())];
    assert!(role_consent(&tags, &issuer(ISSUER), &namespace, &name).is_ok());
    assert_eq!(
        consent_value_with(Some(&added), &namespace, &name).unwrap(),
        added
    );
    assert_eq!(
        consent_value_with(Some("bank/till "), "shop", "cart"),
        Err(ConsentRefusal::ValueSpaces)
    );
    assert_eq!(
        consent_value_with(None, "shop", "*"),
        Err(ConsentRefusal::NotAName)
    );
    let full = format!("{}/a {}/b", "n".repeat(62), "m".repeat(63));
    let fuller = format!("{full} {}/c", "o".repeat(63));
    assert!(consent_value_with(Some(&fuller), "shop", "cart").is_ok());
    assert_eq!(
        consent_value_with(Some(&fuller), &namespace, &"b".repeat(63)),
        Err(ConsentRefusal::Full)
    );
}
