//! The webhook's annotations, read as it reads them.

/// A truth value, in the spellings that Go's `strconv.ParseBool` knows; anything else is ignored.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The first record of CSV, as Go's `encoding/csv` reads it: blanks belong to the fields, and a misplaced quote spoils the
/// whole.
#[must_use]
pub fn record(text: &str) -> Vec<String> {
    let text = text.trim_start_matches(['\r', '\n']);
    fields(text).unwrap_or_default()
}

/// Fields as a line of CSV, which reads as the same fields again.
#[must_use]
pub fn line<T: AsRef<str>>(fields: &[T]) -> String {
    let quoted = |field: &T| {
        let field = field.as_ref();
        if field.contains([',', '"', '\n', '\r']) || field.is_empty() {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.to_owned()
        }
    };
    fields.iter().map(quoted).collect::<Vec<_>>().join(",")
}

/// The fields up to the end of the record; none where it is no CSV.
fn fields(text: &str) -> Option<Vec<String>> {
    let (mut fields, mut rest) = (Vec::new(), text);
    if rest.is_empty() {
        return None;
    }
    loop {
        let (field, after) = field(rest)?;
        let Some(next) = after.strip_prefix(',') else {
            fields.push(field.strip_suffix('\r').unwrap_or(&field).to_owned());
            return Some(fields);
        };
        fields.push(field);
        rest = next;
    }
}

/// The first field, and what follows it.
fn field(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted_field(quoted);
    }
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let (field, after) = text.split_at_checked(end)?;
    (!field.contains('"')).then(|| (field.to_owned(), after))
}

/// A field after its opening quote, and what follows its closing one.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None if after.is_empty() || after.starts_with([',', '\n', '\r']) => return Some((field, after)),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_go_reads_csv() {
        let cases: [(&str, &[&str]); 10] = [
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a, b", &["a", " b"]),
            ("\n\"a\",\"b,\"\"c\"\nd", &["a", "b,\"c"]),
            ("a,\r\nb", &["a", ""]),
            ("a\r\nb", &["a"]),
            ("", &[]),
            ("a\"b,c", &[]),
            ("\"a,b", &[]),
            ("\"a\"b", &[]),
        ];
        for (text, names) in cases {
            assert_eq!(record(text), names, "{text:?}");
        }
    }

    #[test]
    fn a_line_reads_as_what_was_written() {
        for fields in [
            &["a"][..],
            &["a", "b"],
            &["a", " b", "c,\"d"],
            &["", "a"],
            &["a", ""],
        ] {
            assert_eq!(record(&line(fields)), fields, "{fields:?}");
        }
        assert_eq!(line::<&str>(&[]), "");
    }

    #[test]
    fn truth_is_spelled_as_go_spells_it() {
        assert_eq!(
            ["True", "0", "no", " true"].map(boolean),
            [Some(true), Some(false), None, None]
        );
    }
}
