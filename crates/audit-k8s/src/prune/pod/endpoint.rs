//! Where SDKs send their calls to STS, where a variable says so.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints",
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>: the variable of one service counts before that of all
//! services, and `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` turns both off.

use audit_core::model::OtherEndpoint;

use super::setting::Setting;

/// The endpoint of STS alone.
pub(super) const OF_STS: &str = "AWS_ENDPOINT_URL_STS";
/// The endpoint of all services.
pub(super) const OF_ALL: &str = "AWS_ENDPOINT_URL";
/// Whether neither counts.
pub(super) const IGNORED: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// What the names of AWS's own endpoints end with, partition by partition.
const OF_AWS: [&str; 9] = [
    ".amazonaws.com",
    ".api.aws",
    ".amazonaws.com.cn",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".csp.hci.ic.gov",
    ".cloud.adc-e.uk",
];

/// The endpoint to which calls to STS go by the variables of a container, where that is not one of STS.
pub(super) fn of<'a>(setting: impl Fn(&str) -> Setting<'a>) -> Option<OtherEndpoint> {
    let is_on = |value: &String| value.eq_ignore_ascii_case("true");
    if setting(IGNORED).literal().as_ref().is_some_and(is_on) {
        return None;
    }
    let own = setting(OF_STS);
    let (variable, value) = if own.is_elsewhere() {
        return None;
    } else if let Some(value) = own.literal() {
        (OF_STS, value)
    } else {
        (OF_ALL, setting(OF_ALL).literal()?)
    };
    let url = origin(&value)?;
    (!is_sts(&url)).then_some(OtherEndpoint { variable, url })
}

/// Scheme, host and port of an address: nothing of it that may be a secret. Absent where it is none.
pub(super) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let is_url =
        matches!(scheme.as_str(), "http" | "https") && !host.is_empty() && host.bytes().all(is_of_host);
    is_url.then(|| format!("{scheme}://{host}"))
}

/// Whether an address is one of STS at AWS, also through an interface endpoint of a VPC.
fn is_sts(origin: &str) -> bool {
    let (_, authority) = origin.split_once("://").unwrap_or(("", origin));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    OF_AWS.iter().any(|end| host.ends_with(end))
        && host.split('.').any(|label| matches!(label, "sts" | "sts-fips"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(variables: &[(&str, &'static str)]) -> Option<(&'static str, String)> {
        let setting = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map_or(Setting::Absent, |(_, value)| Setting::Literal((*value).into()))
        };
        of(setting).map(|endpoint| (endpoint.variable, endpoint.url))
    }

    #[test]
    fn what_is_not_sts_at_aws_is_told() {
        let minio = Some((OF_ALL, "http://minio.minio:9000".to_owned()));
        for value in [
            "http://minio.minio:9000",
            "HTTP://user:secret@minio.minio:9000/path?x=y",
        ] {
            assert_eq!(endpoint(&[(OF_ALL, value)]), minio, "{value}");
        }
        let local = Some((OF_STS, "http://[::1]:4566".to_owned()));
        assert_eq!(endpoint(&[(OF_STS, "http://[::1]:4566/")]), local);
        assert!(endpoint(&[(OF_ALL, "https://s3.eu-west-1.amazonaws.com")]).is_some());
        assert!(endpoint(&[(OF_ALL, "https://sts.amazonaws.com.example.org")]).is_some());
    }

    #[test]
    fn aws_and_what_is_no_address_are_not() {
        for value in [
            "https://sts.amazonaws.com",
            "https://sts.eu-west-1.amazonaws.com:443",
            "https://sts.eu-west-1.api.aws/",
            "https://sts.cn-north-1.amazonaws.com.cn",
            "https://sts-fips.us-east-1.amazonaws.com",
            "https://vpce-1a2b-3c4d.sts.eu-west-1.vpce.amazonaws.com",
            "not-kept",
            "ftp://minio",
            "http://",
        ] {
            assert_eq!(endpoint(&[(OF_STS, value)]), None, "{value}");
        }
        let minio = "http://minio:9000";
        let sts = (OF_STS, "https://sts.eu-west-1.amazonaws.com");
        assert_eq!(endpoint(&[(OF_ALL, minio), sts]), None, "STS has its own");
        assert_eq!(endpoint(&[(OF_ALL, minio), (IGNORED, "True")]), None);
        assert_eq!(endpoint(&[]), None);
    }
}
