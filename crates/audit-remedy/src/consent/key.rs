//! The key of a consent, and keys that only look like it.

use audit_core::model::IssuerUrl;

use crate::digest::sha256_hex;

/// How every key of a consent begins.
const PREFIX: &str = "irsa-audit.dev/trust.";
/// How many hexadecimal digits of the issuer's digest follow.
const DIGITS: usize = 32;

/// The key of the tag by which a role consents to ServiceAccounts of the cluster with this issuer:
/// `irsa-audit.dev/trust.` and the first 32 hexadecimal digits of the SHA-256 of the issuer URL, with its scheme.
#[must_use]
pub fn consent_key(issuer: &IssuerUrl) -> String {
    let digest = sha256_hex(issuer.as_str().as_bytes());
    let digits: String = digest.chars().take(DIGITS).collect();
    format!("{PREFIX}{digits}")
}

/// What a tag's key has to do with a cluster's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is the cluster's key, to the letter.
    Own,
    /// It is a well-formed key of another cluster.
    OtherCluster,
    /// It has nothing to do with consent.
    Unrelated,
    /// It reads like the cluster's key, and is not.
    LooksAlike,
    /// It begins as a consent does, in whatever case, and is none.
    Malformed,
}

/// Compares a tag's key with a cluster's.
pub(super) fn compare(key: &str, own: &str) -> Likeness {
    if key == own {
        return Likeness::Own;
    }
    if let Some(rest) = key.strip_prefix(PREFIX)
        && rest.len() == DIGITS
        && rest
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    {
        return Likeness::OtherCluster;
    }
    if reads_like(key, own) {
        return Likeness::LooksAlike;
    }
    let shown = visible(key);
    let begins = shown
        .get(..PREFIX.len())
        .is_some_and(|beginning| is_alike(beginning, PREFIX));
    if begins {
        Likeness::Malformed
    } else {
        Likeness::Unrelated
    }
}

/// Whether the keys read the same once case, white space, invisible characters, and what another script or font may stand for are
/// disregarded.
fn reads_like(key: &str, own: &str) -> bool {
    // Other characters may be invisible, or stand in the place of one.
    let ascii: Vec<char> = key.chars().filter(char::is_ascii_graphic).collect();
    is_alike(&visible(key), own) || is_alike(&ascii, own)
}

/// Whether each character may be taken for the one that is wanted in its place. A character other than ASCII may stand for any, so
/// this errs to the side of refusing; but where most are such, nobody takes the whole for a key.
fn is_alike(shown: &[char], wanted: &str) -> bool {
    let others = shown.iter().filter(|c| !c.is_ascii()).count();
    shown.len() == wanted.len()
        && others * 2 <= shown.len()
        && shown
            .iter()
            .zip(wanted.chars())
            .all(|(shown, wanted)| resembles(*shown, wanted))
}

/// The characters but for white space and control characters; those of full width as the ASCII ones that they are forms of.
fn visible(key: &str) -> Vec<char> {
    key.chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .map(|c| match u32::from(c) {
            wide @ 0xff01..=0xff5e => char::from_u32(wide - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// Whether a character may be taken for an ASCII one of a key.
fn resembles(shown: char, wanted: char) -> bool {
    if !shown.is_ascii() {
        return true;
    }
    let fold = |c: char| match c.to_ascii_lowercase() {
        'o' => '0',
        'l' | 'i' | '|' => '1',
        '_' => '-',
        ':' => '.',
        '\\' => '/',
        c => c,
    };
    fold(shown) == fold(wanted)
}
