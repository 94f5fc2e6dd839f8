//! Parameters of a request, as AWS Query sends them.

use crate::error::ServiceError;
use std::collections::BTreeMap;

/// Parameters by name. Lists are flattened as on the wire: `Filter.member.1`, `Tags.member.1.Key`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
}

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded`.
    pub(crate) fn from_form(body: &[u8]) -> Self {
        form_urlencoded::parse(body).into_owned().collect()
    }

    /// Takes one parameter out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// All of them.
    pub(crate) fn as_map(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// One parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// One parameter, or the validation error for its absence.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.get(name).ok_or_else(|| {
            ServiceError::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be \
                 null"
            ))
        })
    }

    /// A whole number within `range`, if given.
    pub(crate) fn integer(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<usize>, ServiceError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(ServiceError::validation(format!(
                "1 validation error detected: Value '{text}' at '{name}' failed to satisfy constraint: Member must \
                 have value between {} and {}",
                range.start(),
                range.end()
            ))),
        }
    }

    /// The members of a list, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        (1..)
            .map_while(|index| self.get(&format!("{name}.member.{index}")))
            .collect()
    }

    /// The members of a list of tags, in order: key and value.
    pub(crate) fn tags(&self) -> Result<Vec<(String, String)>, ServiceError> {
        let mut tags = Vec::new();
        for index in 1.. {
            let Some(key) = self.get(&format!("Tags.member.{index}.Key")) else {
                break;
            };
            let value = self.required(&format!("Tags.member.{index}.Value"))?;
            tags.push((key.to_owned(), value.to_owned()));
        }
        Ok(tags)
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(parameters: I) -> Self {
        Self {
            values: parameters.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_forms() {
        let parameters = Parameters::from_form(b"A=x+y%2Bz&Filter.member.1=Role&Filter.member.2=User&E=");
        assert_eq!(parameters.get("A"), Some("x y+z"));
        assert_eq!(parameters.get("E"), Some(""));
        assert_eq!(parameters.list("Filter"), ["Role", "User"]);
        assert!(parameters.required("B").is_err());
    }

    #[test]
    fn lists_of_more_than_nine_keep_their_order() {
        let form = (1..=12)
            .map(|i| format!("L.member.{i}={i}"))
            .collect::<Vec<_>>()
            .join("&");
        let parameters = Parameters::from_form(form.as_bytes());
        assert_eq!(parameters.list("L").last(), Some(&"12"));
        assert_eq!(parameters.list("L").len(), 12);
    }

    #[test]
    fn integers_are_checked() {
        let parameters = Parameters::from_form(b"a=5&b=0&c=x");
        assert_eq!(parameters.integer("a", 1..=9), Ok(Some(5)));
        assert_eq!(parameters.integer("none", 1..=9), Ok(None));
        assert!(parameters.integer("b", 1..=9).is_err());
        assert!(parameters.integer("c", 1..=9).is_err());
    }
}
