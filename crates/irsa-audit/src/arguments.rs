//! Values of flags that several commands take.

/// Reads the prefix of an annotation: a DNS name.
pub fn annotation_prefix(text: &str) -> Result<String, String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("must be a DNS name, such as `eks.amazonaws.com`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_dns_name() {
        assert!(
            annotation_prefix("eks.amazonaws.com").is_ok() && annotation_prefix("irsa.k-1.example").is_ok()
        );
        for bad in ["", "eks.amazonaws.com/", "Eks.amazonaws.com", "a..b", "-a.b"] {
            assert!(annotation_prefix(bad).is_err(), "{bad}");
        }
    }
}
