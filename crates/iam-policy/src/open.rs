//! What keeps a statement open: keys of which too little is known.

use crate::condition::clause_holds;
use crate::document::{ResourceMatcher, Statement};
use crate::language::{canonical, intersect};
use crate::pattern::tokens;
use crate::request::{ContextValue, Request};
use crate::truth::Truth;

impl Statement {
    /// The condition keys that would settle whether the statement applies to a request, as written: those of its clauses that are
    /// not known to hold or to fail, and those of policy variables, in a clause or in a resource, whose value is not known.
    #[must_use]
    pub fn open_keys(&self, request: &Request) -> Vec<String> {
        let context = &request.context;
        let mut keys: Vec<String> = Vec::new();
        let mut add = |key: &str| {
            if !keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                keys.push(key.to_owned());
            }
        };
        let open = self.conditions.iter();
        for clause in open.filter(|clause| clause_holds(clause, context) == Truth::Unknown) {
            let is_known = matches!(
                *context.get(&clause.key),
                ContextValue::Known(_) | ContextValue::Absent
            );
            let templates = clause.values.iter().filter_map(|value| value.template.as_ref());
            let variables: Vec<&str> = templates
                .flat_map(|template| template.open_keys(context))
                .collect();
            if !is_known || variables.is_empty() {
                add(&clause.key);
            }
            variables.into_iter().for_each(&mut add);
        }
        let resources = self.resource.iter().flat_map(|element| &element.resources);
        for resource in resources {
            if let ResourceMatcher::Template(template) = &resource.matcher {
                template.open_keys(context).for_each(&mut add);
            }
        }
        keys
    }

    /// Whether the statement's resources can have what is asked for, whatever the values of policy variables are that are not
    /// known. Where that is not plain, they can.
    #[must_use]
    pub fn may_concern(&self, request: &Request) -> bool {
        let (Some(element), Some(wanted)) = (&self.resource, request.resource.as_deref()) else {
            return true;
        };
        if element.negated || element.resources.is_empty() || !wanted.starts_with("arn:") {
            return true;
        }
        let wanted = canonical(tokens(wanted));
        element.resources.iter().any(|resource| match &resource.matcher {
            ResourceMatcher::Everything | ResourceMatcher::Undocumented => true,
            // Whatever a wildcard of an ARN stands for, it is characters.
            ResourceMatcher::Arn => intersect(&canonical(tokens(&resource.text)), &wanted),
            ResourceMatcher::Template(template) if !template.is_readable() => true,
            ResourceMatcher::Template(template) => template
                .widest(&request.context)
                .is_some_and(|widest| intersect(&canonical(widest), &wanted)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::parse;
    use crate::request::{Context, Unlisted};

    fn document(statement: &str) -> Document {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*",{statement}}}]}}"#
        );
        parse(&text).document.unwrap()
    }

    fn request(resource: &str) -> Request {
        let mut context = Context::new(Unlisted::Unknown).with("aws:PrincipalTag/team", "carts");
        context.set("aws:userid", ContextValue::Beginning("AROAX:".to_owned()));
        context.set("aws:username", ContextValue::Absent);
        Request {
            principal: None,
            action: "s3:GetObject".to_owned(),
            resource: Some(resource.to_owned()),
            context,
        }
    }

    #[test]
    fn keys_of_clauses_and_of_variables_are_named() {
        for (statement, expected) in [
            (
                r#""Resource":"arn:aws:s3:::home/${aws:userid}/*""#,
                vec!["aws:userid"],
            ),
            (r#""Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/*""#, vec![]),
            (
                r#""Resource":"arn:aws:s3:::${aws:PrincipalTag/Stage}/*""#,
                vec!["aws:PrincipalTag/Stage"],
            ),
            (
                r#""Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/team}"}}"#,
                vec!["aws:ResourceTag/team"],
            ),
            (
                r#""Resource":"*","Condition":{"StringLike":{"s3:prefix":"${aws:userid}/*"}}"#,
                vec!["s3:prefix", "aws:userid"],
            ),
        ] {
            let document = document(statement);
            let keys = document.statements()[0].open_keys(&request("arn:aws:s3:::home/x"));
            assert_eq!(keys, expected, "{statement}");
        }
    }

    #[test]
    fn what_no_value_reaches_is_not_concerned() {
        for (pattern, resource, expected) in [
            (
                "arn:aws:s3:::home/${aws:userid}/*",
                "arn:aws:s3:::home/AROAX:s/x",
                true,
            ),
            (
                "arn:aws:s3:::home/${aws:userid}/*",
                "arn:aws:s3:::home/other/x",
                false,
            ),
            ("arn:aws:s3:::home/${aws:userid}/*", "arn:aws:s3:::home/*", true),
            (
                "arn:aws:s3:::home/${aws:PrincipalTag/stage}/*",
                "arn:aws:s3:::home/dev/x",
                true,
            ),
            (
                "arn:aws:s3:::home/${aws:PrincipalTag/stage}/*",
                "arn:aws:s3:::orders/x",
                false,
            ),
            (
                "arn:aws:s3:::home/${aws:username}/*",
                "arn:aws:s3:::home/dev/x",
                false,
            ),
        ] {
            let document = document(&format!(r#""Resource":"{pattern}""#));
            let concerned = document.statements()[0].may_concern(&request(resource));
            assert_eq!(concerned, expected, "{pattern} {resource}");
        }
    }
}
