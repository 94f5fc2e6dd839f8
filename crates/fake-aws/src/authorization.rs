//! Who calls which service: the `Authorization` header of AWS Signature Version 4.

/// The parts of a signature's `Credential` that route a request. The signature itself is not checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Credential {
    /// Reads `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`; `None` if the header
    /// has another shape.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let scope = fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix("Credential="))?;
        let mut parts = scope.split('/');
        let (Some(key), Some(_date), Some(region), Some(service), Some("aws4_request"), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return None;
        };
        Some(Self {
            access_key_id: key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_key_region_and_service() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIA1/20261123/eu-west-1/iam/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00ff";
        let credential = Credential::parse(header).unwrap();
        assert_eq!(credential.access_key_id, "AKIA1");
        assert_eq!(credential.region, "eu-west-1");
        assert_eq!(credential.service, "iam");
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let header = "AWS4-HMAC-SHA256 Signature=0,Credential=K/d/r/sts/aws4_request";
        assert_eq!(Credential::parse(header).unwrap().service, "sts");
    }

    #[test]
    fn other_shapes_are_refused() {
        for header in [
            "",
            "Basic QQ==",
            "AWS4-HMAC-SHA256 Signature=0",
            "AWS4-HMAC-SHA256 Credential=K/d/r/iam",
            "AWS4-HMAC-SHA256 Credential=K/d/r/iam/aws4_request/x",
        ] {
            assert_eq!(Credential::parse(header), None, "{header}");
        }
    }
}
