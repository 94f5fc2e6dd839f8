//! How much is kept of one object: whoever may edit a namespace can write objects with thousands of names, and texts of a megabyte.

use audit_core::model::{NextRole, RequestedAudience, Use, Used};
use audit_core::paths::MOST_NEXT_ROLES;

use super::usage::Usage;

/// How many uses of one object are kept. Real ones name a few ServiceAccounts.
const MOST_USES: usize = 128;

/// How many bytes of text are kept of one object.
const MOST_BYTES: usize = 64 << 10;

/// The longest name of a namespace or ServiceAccount, in bytes: none of a longer one can exist.
const MOST_NAME: usize = 253;

/// How many bytes of a role, an audience or an external ID are kept: what is longer is none, and nor is its beginning. The longest external ID has
/// 1,224 characters.
const MOST_TEXT: usize = 2048;

/// The uses of an object that are kept.
pub(super) fn within(usages: Vec<Usage>) -> impl Iterator<Item = Usage> {
    let mut left = MOST_BYTES;
    let usages = usages.into_iter().filter(|usage| can_exist(&usage.used));
    let usages = usages.take(MOST_USES).map(|usage| Usage {
        how: bounded(usage.how),
        ..usage
    });
    usages.take_while(move |usage| {
        let rest = left.checked_sub(bytes(usage));
        left = rest.unwrap_or_default();
        rest.is_some()
    })
}

fn bytes(usage: &Usage) -> usize {
    let used = match &usage.used {
        Used::Named(key) => key.namespace.len() + key.service_account.len(),
        Used::InAnyNamespace(name) | Used::WithController { name, .. } => name.len(),
        Used::OfMountingPods => 0,
    };
    let Use::Requests { audience, role, then } = &usage.how else {
        return used;
    };
    let audience = match audience {
        RequestedAudience::Fixed(audience) => audience.len(),
        RequestedAudience::Annotated | RequestedAudience::Several => 0,
    };
    let of_next = |next: &NextRole| next.role.len() + next.external_id.as_ref().map_or(0, String::len);
    used + audience + role.as_ref().map_or(0, String::len) + then.iter().map(of_next).sum::<usize>()
}

fn can_exist(used: &Used) -> bool {
    match used {
        Used::Named(key) => key.namespace.len().max(key.service_account.len()) <= MOST_NAME,
        Used::InAnyNamespace(name) | Used::WithController { name, .. } => name.len() <= MOST_NAME,
        Used::OfMountingPods => true,
    }
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

/// The beginning of what is too long; a copy, so that the long one is let go of.
fn text(text: String) -> String {
    if text.len() <= MOST_TEXT {
        return text;
    }
    text.split_at(text.floor_char_boundary(MOST_TEXT)).0.to_owned()
}
