//! A ServiceAccount, reduced to what rules read.

use jiff::Timestamp;
use litemap::LiteMap;

use super::BindingKey;

/// The audience of a token when neither the ServiceAccount nor the webhook's flag `--token-audience` asks for another: what
/// EKS always has, in the China partition as well.
pub const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

/// The ServiceAccount that every namespace has, and that a pod runs as which names none.
pub const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// A few annotations of an object. A map of a tree takes ten times the memory of the one annotation that most have.
pub type Annotations = LiteMap<String, String>;

/// A ServiceAccount, without everything that no rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Namespace and name.
    pub key: BindingKey,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// The annotations that could matter to IRSA, see [`ServiceAccount::keeps_annotation`].
    pub annotations: Annotations,
    /// `automountServiceAccountToken: false`: pods that say nothing themselves get no token for the Kubernetes API.
    pub automount_off: bool,
}

impl ServiceAccount {
    /// Whether an annotation can matter to any rule: the real keys, and keys near enough to be misspellings of them.
    #[must_use]
    pub fn keeps_annotation(key: &str, prefix: &str) -> bool {
        let lower = key.to_ascii_lowercase();
        key.starts_with(prefix)
            || lower.contains("amazon")
            || lower.contains("role-arn")
            || lower.contains("role_arn")
            || lower.contains("rolearn")
    }

    /// The annotation `<prefix>/<name>`.
    #[must_use]
    pub fn annotation(&self, prefix: &str, name: &str) -> Option<&str> {
        annotation(&self.annotations, prefix, name)
    }

    /// The annotation that names the role, as it stands there, when it is present and not empty.
    ///
    /// An empty annotation counts as absent: the webhook injects nothing for it.
    #[must_use]
    pub fn role_arn(&self, prefix: &str) -> Option<&str> {
        self.annotation(prefix, "role-arn")
            .filter(|value| !value.is_empty())
    }

    /// The audience for which this ServiceAccount's injected tokens are asked; without one, the webhook's default.
    ///
    /// Empty where the annotation is there and empty: the webhook takes it as it is, and the API server then puts in its
    /// own audience.
    #[must_use]
    pub fn audience(&self, prefix: &str) -> Option<&str> {
        self.annotation(prefix, "audience")
    }
}

/// The annotation `<prefix>/<name>` of those that an object kept.
pub(super) fn annotation<'a>(annotations: &'a Annotations, prefix: &str, name: &str) -> Option<&'a str> {
    // Looked up by iteration: there are at most a handful, and no key needs to be built.
    let is_it = |key: &str| key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) == Some(name);
    annotations
        .iter()
        .find(|(key, _)| is_it(key))
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(annotations: &[(&str, &str)]) -> ServiceAccount {
        let annotations = annotations
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        ServiceAccount {
            key: BindingKey::new("shop", "cart"),
            uid: String::new(),
            created: None,
            annotations,
            automount_off: false,
        }
    }

    #[test]
    fn annotations_are_read_by_prefix() {
        let account = with(&[
            ("eks.amazonaws.com/role-arn", "a"),
            ("irsa.example.com/role-arn", "b"),
        ]);
        assert_eq!(account.role_arn("eks.amazonaws.com"), Some("a"));
        assert_eq!(account.role_arn("irsa.example.com"), Some("b"));
        assert_eq!(account.role_arn("eks.amazonaws"), None);
        assert_eq!(
            with(&[("eks.amazonaws.com/role-arn", "")]).role_arn("eks.amazonaws.com"),
            None
        );
    }

    #[test]
    fn the_audience_is_the_annotations_if_there_is_one() {
        assert_eq!(with(&[]).audience("p"), None);
        assert_eq!(with(&[("p/audience", "mesh")]).audience("p"), Some("mesh"));
        assert_eq!(with(&[("p/audience", "")]).audience("p"), Some(""));
    }

    #[test]
    fn near_misses_of_the_real_keys_are_kept_and_nothing_else() {
        for (key, kept) in [
            ("eks.amazonaws.com/role-arn", true),
            ("eks.amazon.com/role-arn", true),
            ("iam.amazonaws.com/role", true),
            ("role_arn", true),
            ("p/token-expiration", true),
            ("kubectl.kubernetes.io/last-applied-configuration", false),
        ] {
            assert_eq!(ServiceAccount::keeps_annotation(key, "p"), kept, "{key}");
        }
    }
}
