//! Whether the outputs tell all roles of an account, so that a role which is in none of them does not exist.
//!
//! A page of `get-account-authorization-details` says whether another follows, and not which one it is. Where an account was printed in
//! several pages, that none is missing shows only by the number of roles in `get-account-summary` (`SummaryMap.Roles`).

use audit_core::text::quote;

use crate::problem::{InputProblem, Place};

/// That another page follows, and was not given.
pub(super) const LAST_IS_MISSING: &str = "is one page of several, and the last page is missing: a role that is in no page is unknown. Run `aws iam \
     get-account-authorization-details` without --no-paginate and --max-items";

/// Why a listing may lack roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The output was filtered, as by `--query`.
    Chosen,
    /// The name of some role cannot be read.
    Nameless,
}

/// What is known of the listings of an account.
#[derive(Debug, Default)]
pub(super) struct Wholeness {
    /// Some listing is the last, or the only one.
    has_last: bool,
    /// Some output without roles is the last of its pages, or was printed with `--filter` and is no page of these.
    may_have_last: bool,
    /// The first page after which another follows.
    goes_on: Option<Place>,
    doubt: Option<(Place, Doubt)>,
    /// How many roles the account has, by its summary.
    pub(super) counted: Option<usize>,
}

impl Wholeness {
    /// Takes note of a listing after which none follows.
    pub(super) fn last(&mut self) {
        self.has_last = true;
    }

    /// Takes note of an output without roles after which none follows.
    pub(super) fn last_of_others(&mut self) {
        self.may_have_last = true;
    }

    /// Takes note of a page after which another follows.
    pub(super) fn goes_on(&mut self, place: &Place) {
        self.goes_on.get_or_insert_with(|| place.clone());
    }

    /// Takes note of why roles may be missing.
    pub(super) fn doubt(&mut self, place: &Place, doubt: Doubt) {
        self.doubt.get_or_insert_with(|| (place.clone(), doubt));
    }

    /// The page after which another one is certainly missing, where the outputs hold so many roles.
    pub(super) fn missing_after(&self, roles: usize) -> Option<&Place> {
        let is_missing = !self.is_ended() || self.counted.is_some_and(|counted| counted > roles);
        self.goes_on.as_ref().filter(|_| is_missing)
    }

    /// Whether some output may be the last of its pages.
    fn is_ended(&self) -> bool {
        self.has_last || (self.may_have_last && self.goes_on.is_some())
    }

    /// Whether all roles were told, of which the outputs hold so many; with a warning where they should be and are not.
    pub(super) fn decide(&self, account: &str, roles: usize, problems: &mut Vec<InputProblem>) -> bool {
        let (place, why) = if let Some((place, Doubt::Chosen)) = &self.doubt {
            let why = "holds no list but RoleDetailList, as --query leaves it, and may lack roles: a role that is not in it is unknown. \
                       Give the whole output of `aws iam get-account-authorization-details`";
            (place.clone(), why.to_owned())
        } else if let (Some(place), false) = (&self.goes_on, self.is_ended()) {
            (place.clone(), LAST_IS_MISSING.to_owned())
        } else if let Some(counted) = self.counted.filter(|counted| self.is_ended() && *counted > roles) {
            let why = format!(
                "account {} has {counted} roles by its get-account-summary, and the outputs hold {roles}: a page may be missing, and a \
                 role that is not in them is unknown. Run `aws iam get-account-authorization-details` again",
                quote(account)
            );
            (self.goes_on.clone().unwrap_or_else(Place::everywhere), why)
        } else if let (Some(place), None) = (&self.goes_on, self.counted) {
            let why = "is one page of several, and whether a page is missing does not show: a role that is in no page is unknown. Give the \
                       output of `aws iam get-account-summary` as well, which counts the roles";
            (place.clone(), why.to_owned())
        } else {
            return self.is_ended() && self.doubt.is_none();
        };
        problems.push(InputProblem::warning(place, why));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all of so many roles were told, and how many warnings there are.
    fn decided(whole: &Wholeness, roles: usize) -> (bool, usize) {
        let mut problems = Vec::new();
        (whole.decide("111122223333", roles, &mut problems), problems.len())
    }

    #[test]
    fn pages_are_whole_if_the_summary_counts_no_more_roles() {
        let place = Place::everywhere();
        let mut whole = Wholeness::default();
        assert_eq!(
            decided(&whole, 5),
            (false, 0),
            "nothing but single roles was given"
        );
        whole.last();
        assert_eq!(decided(&whole, 5), (true, 0));
        whole.counted = Some(6);
        assert_eq!(decided(&whole, 5), (false, 1));
        assert_eq!(decided(&whole, 6), (true, 0));
        whole.goes_on(&place);
        assert_eq!(decided(&whole, 6), (true, 0));
        whole.counted = None;
        assert_eq!(decided(&whole, 6), (false, 1));
        let mut first = Wholeness::default();
        first.goes_on(&place);
        first.counted = Some(5);
        assert_eq!(decided(&first, 5), (false, 1));
        assert!(first.missing_after(5).is_some());
        first.last_of_others();
        assert_eq!(decided(&first, 5), (true, 0), "the last page has policies alone");
        assert!(first.missing_after(5).is_none() && first.missing_after(4).is_some());
        first.counted = None;
        assert_eq!(decided(&first, 5), (false, 1));
        let mut filtered = Wholeness::default();
        filtered.last_of_others();
        assert_eq!(decided(&filtered, 5), (false, 0), "printed with `--filter User`");
        let mut chosen = Wholeness::default();
        chosen.last();
        chosen.doubt(&place, Doubt::Chosen);
        assert_eq!(decided(&chosen, 5), (false, 1));
        let mut odd = Wholeness::default();
        odd.last();
        odd.doubt(&place, Doubt::Nameless);
        assert_eq!(decided(&odd, 5), (false, 0), "the role itself was told");
    }
}
