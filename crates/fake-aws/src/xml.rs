//! Writing the XML of AWS Query answers.

/// An XML fragment that grows element by element.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    /// Adds `<name>value</name>` with the value escaped.
    pub(crate) fn leaf(&mut self, name: &str, value: &str) -> &mut Self {
        self.nest(name, |xml| escape(value, &mut xml.text))
    }

    /// Adds `<name>…</name>` with whatever `content` writes.
    pub(crate) fn nest(&mut self, name: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name, "");
        content(self);
        self.close(name);
        self
    }

    /// Adds the root `<name xmlns="namespace">…</name>`.
    pub(crate) fn root(&mut self, name: &str, namespace: &str, content: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name, namespace);
        content(self);
        self.close(name);
        self
    }

    /// Adds XML that was written before.
    pub(crate) fn raw(&mut self, xml: &str) -> &mut Self {
        self.text.push_str(xml);
        self
    }

    /// The text written so far.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn open(&mut self, name: &str, namespace: &str) {
        self.text.push('<');
        self.text.push_str(name);
        if !namespace.is_empty() {
            self.text.push_str(" xmlns=\"");
            escape(namespace, &mut self.text);
            self.text.push('"');
        }
        self.text.push('>');
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}

/// Appends `text` so that an XML 1.0 parser reads it back unchanged; characters that XML 1.0 cannot carry at
/// all, not even as references, become U+FFFD.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // As references, because parsers turn a bare CR into LF and may trim or fold the others.
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let mut xml = Xml::default();
        xml.leaf("V", value);
        xml.into_text()
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            written("<a b=\"c\">&'"),
            "<V>&lt;a b=&quot;c&quot;&gt;&amp;&apos;</V>"
        );
    }

    #[test]
    fn white_space_survives_a_parser() {
        assert_eq!(written("a\r\n\tb"), "<V>a&#xD;&#xA;&#x9;b</V>");
    }

    #[test]
    fn what_xml_cannot_carry_is_replaced() {
        assert_eq!(
            written("a\u{0}\u{1b}\u{ffff}b\u{7f}é"),
            "<V>a\u{fffd}\u{fffd}\u{fffd}b\u{7f}é</V>"
        );
    }

    #[test]
    fn nesting_and_namespace() {
        let mut xml = Xml::default();
        xml.root("R", "https://x/", |r| {
            r.nest("A", |a| {
                a.leaf("B", "1");
            });
        });
        assert_eq!(xml.into_text(), "<R xmlns=\"https://x/\"><A><B>1</B></A></R>");
    }
}
