//! How much is kept of one object: whoever may edit a namespace can write objects with thousands of names, and texts of a megabyte.

use audit_core::model::{Consumer, NextRole, ObjectUses, RequestedAudience, Use, Used, cut_short};
use audit_core::paths::MOST_NEXT_ROLES;

/// How many bytes of text are kept of one object: hundreds of ServiceAccounts, of which real ones name a few.
const MOST_BYTES: usize = 64 << 10;

/// The longest name of a namespace or ServiceAccount, in bytes.
const MOST_NAME: usize = 253;

/// How many bytes of a role, an audience or an external ID are kept: what is longer is none, and nor is its beginning. The longest external ID has
/// 1,224 characters.
const MOST_TEXT: usize = 2048;

/// The uses of an object that are kept.
pub(super) fn within(mut consumers: Vec<Consumer>) -> ObjectUses {
    consumers.retain(|one| can_exist(&one.used));
    let count = consumers.len();
    let mut left = MOST_BYTES;
    let bounded = consumers.into_iter().map(|one| Consumer {
        how: bounded(one.how),
        ..one
    });
    let kept = bounded.take_while(|one| {
        let rest = left.checked_sub(one.bytes());
        left = rest.unwrap_or_default();
        rest.is_some()
    });
    let uses: Vec<Consumer> = kept.collect();
    ObjectUses {
        has_more: uses.len() < count,
        uses,
    }
}

fn can_exist(used: &Used) -> bool {
    match used {
        Used::Named(key) => is_name(&key.namespace) && is_name(&key.service_account),
        Used::InAnyNamespace(name) | Used::WithController { name, .. } => is_name(name),
        Used::OfMountingPods => true,
    }
}

/// Whether the API server takes it as the name of a namespace or ServiceAccount.
fn is_name(text: &str) -> bool {
    let is_taken =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (1..=MOST_NAME).contains(&text.len()) && text.bytes().all(is_taken)
}

fn bounded(how: Use) -> Use {
    let Use::Requests {
        audience,
        role,
        mut then,
    } = how
    else {
        return how;
    };
    // One more than are looked into, so that it shows.
    then.truncate(MOST_NEXT_ROLES + 1);
    Use::Requests {
        audience: match audience {
            RequestedAudience::Fixed(audience) => RequestedAudience::Fixed(text(audience)),
            other => other,
        },
        role: role.map(text),
        then: then.into_iter().map(next).collect(),
    }
}

fn next(next: NextRole) -> NextRole {
    NextRole {
        role: text(next.role),
        external_id: next.external_id.map(text),
        ..next
    }
}

fn text(text: String) -> String {
    cut_short(text, MOST_TEXT)
}
