//! EKS names its operations by method and path.

use crate::parameters::Parameters;
use axum::http::{Method, Uri};
use percent_encoding::percent_decode_str;

/// The operation behind a method and path, and its parameters. What is none keeps method and path for a name.
pub(crate) fn route(method: &Method, uri: &Uri) -> (String, Parameters) {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned();
    let path: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let decoded = |name: &str, part: &str| {
        (
            name.to_owned(),
            percent_decode_str(part).decode_utf8_lossy().into_owned(),
        )
    };
    match (method, path.as_slice()) {
        (&Method::GET, ["clusters"]) => ("ListClusters".to_owned(), query.collect()),
        (&Method::GET, ["clusters", name]) => (
            "DescribeCluster".to_owned(),
            query.chain([decoded("name", name)]).collect(),
        ),
        (&Method::GET, ["clusters", name, "pod-identity-associations"]) => (
            "ListPodIdentityAssociations".to_owned(),
            query.chain([decoded("name", name)]).collect(),
        ),
        (&Method::GET, ["clusters", name, "pod-identity-associations", id]) => (
            "DescribePodIdentityAssociation".to_owned(),
            query
                .chain([decoded("name", name), decoded("associationId", id)])
                .collect(),
        ),
        _ => (format!("{method} {}", uri.path()), query.collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &Method, uri: &'static str) -> (String, Parameters) {
        route(method, &Uri::from_static(uri))
    }

    #[test]
    fn paths_name_operations() {
        let (operation, parameters) = routed(&Method::GET, "/clusters?maxResults=5");
        assert_eq!(
            (&*operation, parameters.get("maxResults")),
            ("ListClusters", Some("5"))
        );
        let (operation, parameters) = routed(&Method::GET, "/clusters/my%20one");
        assert_eq!(
            (&*operation, parameters.get("name")),
            ("DescribeCluster", Some("my one"))
        );
    }

    #[test]
    fn what_is_no_operation_keeps_its_path() {
        assert_eq!(routed(&Method::DELETE, "/clusters/a").0, "DELETE /clusters/a");
        assert_eq!(
            routed(&Method::GET, "/clusters/a/node-groups").0,
            "GET /clusters/a/node-groups"
        );
    }
}
