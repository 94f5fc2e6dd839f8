//! The pod identity webhook's own manifest: the audience that it gives tokens for which nobody asks for one.

use audit_core::model::service_account::DEFAULT_AUDIENCE;
use serde_json::Value;

/// What the workload or its image is called: <https://github.com/aws/amazon-eks-pod-identity-webhook>.
const NAME: &str = "pod-identity-webhook";

/// The flag, <https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/main.go>.
const FLAG: &str = "--token-audience";

/// The audience in the arguments of a workload's containers, if it is the webhook; the webhook's own default where no
/// argument says another. Absent where only the kubelet can tell.
pub(super) fn audience(name: &str, template: &Value) -> Option<String> {
    let containers = template.pointer("/spec/containers")?.as_array()?;
    let is_its_image = |container: &&Value| {
        let image = container.get("image").and_then(Value::as_str);
        image.is_some_and(|image| image.contains(NAME))
    };
    let container = containers.iter().find(is_its_image).or_else(|| {
        let is_called_so = |container: &&Value| {
            let own = container.get("name").and_then(Value::as_str);
            name.contains(NAME) && own.is_some_and(|own| own.contains(NAME))
        };
        containers.iter().find(is_called_so)
    })?;
    let words = |field: &str| {
        container
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let words: Vec<&str> = words("command")
        .chain(words("args"))
        .filter_map(Value::as_str)
        .collect();
    let mut values = words
        .iter()
        .enumerate()
        .filter_map(|(at, word)| match word.strip_prefix(FLAG)? {
            "" => words.get(at + 1).copied(),
            rest => rest.strip_prefix('='),
        });
    match values.next_back() {
        Some(value) if value.contains("$(") || value.is_empty() => None,
        Some(value) => Some(value.to_owned()),
        // Without arguments, the image may have them.
        None => (!words.is_empty()).then(|| DEFAULT_AUDIENCE.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(image: &str, words: &[&str]) -> Option<String> {
        let container = json!({ "name": "pod-identity-webhook", "image": image, "command": words });
        audience("x", &json!({ "spec": { "containers": [container] } }))
    }

    #[test]
    fn the_flag_is_read_in_both_spellings() {
        let image = "registry.example.com/amazon-eks-pod-identity-webhook:v0.6.2";
        let audience = |words: &[&str]| of(image, words);
        assert_eq!(
            audience(&["/webhook", "--token-audience=amazonaws.com"]).as_deref(),
            Some("amazonaws.com")
        );
        assert_eq!(
            audience(&["/webhook", "--token-audience", "mesh"]).as_deref(),
            Some("mesh")
        );
        assert_eq!(
            audience(&["/webhook", "--in-cluster=false"]).as_deref(),
            Some(DEFAULT_AUDIENCE)
        );
        assert_eq!(audience(&["/webhook", "--token-audience=$(AUD)"]), None);
        assert_eq!(audience(&[]), None, "the image may have arguments");
        assert_eq!(of("nginx", &["--token-audience=x"]), None);
    }
}
