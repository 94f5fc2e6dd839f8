//! The text of a list, taken apart while it comes: object by object, so that no more of it is in memory than one object.

use memchr::memchr2;

/// What stands before the objects of a list.
const ITEMS: &[u8] = b"\"items\":";

/// How many brackets and braces are open between two objects of a list.
const BETWEEN: usize = 2;

/// The text of a list so far. Of what is no JSON it makes something that is none either.
#[derive(Debug, Default)]
pub(crate) struct ListText {
    /// What is not of an object: the text of a list without any.
    around: Vec<u8>,
    /// The object that has begun.
    object: Vec<u8>,
    /// Brackets and braces that are open.
    open: usize,
    is_in_items: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl ListText {
    /// Takes in what comes next, and tells the text of each object that ends with it.
    ///
    /// # Errors
    /// The first of `tell`.
    pub(crate) fn take_in<E>(
        &mut self,
        mut text: &[u8],
        mut tell: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some((piece, ending)) = self.piece(text) {
            text = text.get(piece.len()..).unwrap_or_default();
            match ending {
                Ending::Items => {
                    self.around.extend_from_slice(piece);
                    self.is_in_items = is_before_items(&self.around);
                }
                Ending::Object(after) => {
                    let (_, object) = piece.split_last().unwrap_or((&0, piece));
                    self.object.extend_from_slice(object);
                    if after == b']' {
                        self.is_in_items = false;
                        self.around.push(after);
                    }
                    let object = self.object.trim_ascii();
                    // A list may have none.
                    let told = if object.is_empty() { Ok(()) } else { tell(object) };
                    self.object.clear();
                    told?;
                }
                Ending::Text if self.is_in_items => self.object.extend_from_slice(piece),
                Ending::Text => self.around.extend_from_slice(piece),
            }
        }
        Ok(())
    }

    /// The text of the list without its objects.
    pub(crate) fn around(&self) -> &[u8] {
        &self.around
    }

    /// The beginning of a text up to where something ends; nothing of an empty one.
    fn piece<'t>(&mut self, text: &'t [u8]) -> Option<(&'t [u8], Ending)> {
        let mut rest = text;
        while let [byte, after @ ..] = rest {
            if self.is_in_string {
                rest = self.string(rest);
                continue;
            }
            let end = text.len() - after.len();
            match byte {
                b'"' => self.is_in_string = true,
                b'[' if self.open == 1 => {
                    self.open += 1;
                    return Some((text.get(..end)?, Ending::Items));
                }
                b'{' | b'[' => self.open += 1,
                b',' if self.is_in_items && self.open == BETWEEN => {
                    return Some((text.get(..end)?, Ending::Object(*byte)));
                }
                b'}' | b']' => {
                    self.open = self.open.saturating_sub(1);
                    if self.is_in_items && self.open < BETWEEN {
                        return Some((text.get(..end)?, Ending::Object(b']')));
                    }
                }
                _ => {}
            }
            rest = after;
        }
        (!text.is_empty()).then_some((text, Ending::Text))
    }

    /// What is left after the next quote or escape of a string.
    fn string<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        if std::mem::take(&mut self.is_escaped) {
            return text.get(1..).unwrap_or_default();
        }
        let Some(place) = memchr2(b'"', b'\\', text) else {
            return &[];
        };
        if text.get(place) == Some(&b'"') {
            self.is_in_string = false;
        } else {
            self.is_escaped = true;
        }
        text.get(place + 1..).unwrap_or_default()
    }
}

/// What ends with a piece.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// What stands before the values of a list of the outermost object.
    Items,
    /// An object of the list, with what stands after it.
    Object(u8),
    /// The text that has come.
    Text,
}

/// Whether what follows are the objects of the list.
fn is_before_items(text: &[u8]) -> bool {
    let text = text.strip_suffix(b"[").unwrap_or_default();
    text.trim_ascii_end().ends_with(ITEMS)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What a list is taken apart to that comes in pieces of these lengths, again and again.
    fn apart(text: &str, lengths: &[usize]) -> (Vec<String>, String) {
        let (mut list, mut objects) = (ListText::default(), Vec::new());
        let mut rest = text.as_bytes();
        let mut lengths = lengths.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
            let tell = |object: &[u8]| {
                objects.push(String::from_utf8(object.to_vec()).unwrap());
                Ok::<_, Infallible>(())
            };
            list.take_in(piece, tell).unwrap();
            rest = after;
        }
        (objects, String::from_utf8(list.around().to_vec()).unwrap())
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["\\PC{0,6}", Just("\"items\":[{}]\\".to_owned())];
        let single = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Into::into),
            text.prop_map(Value::String)
        ];
        single.prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                objects(inner),
            ]
        })
    }

    fn objects(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        let key = prop_oneof![
            Just("items".to_owned()),
            Just("metadata".to_owned()),
            "[\"\\\\a]{0,3}"
        ];
        prop::collection::btree_map(key, values, 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn objects_and_what_is_around_them_are_those_of_the_list(
            items in prop::collection::vec(prop_oneof![4 => objects(values()), 1 => values()], 0..5),
            metadata in objects(values()),
            before in any::<bool>(),
            is_pretty in any::<bool>(),
            lengths in prop::collection::vec(1_usize..40, 1..4),
        ) {
            let text = |list: &Value| if is_pretty { serde_json::to_string_pretty(list) } else { serde_json::to_string(list) };
            let around = text(&json!({"apiVersion": "v1", "kind": "List", "metadata": metadata})).unwrap();
            let items_text = format!("\"items\":{}{}", if is_pretty { " " } else { "" }, text(&json!(items)).unwrap());
            let list = if before {
                format!("{{{items_text},{}", &around[1..])
            } else {
                format!("{},{items_text}}}", around.trim_end().strip_suffix('}').unwrap())
            };
            let (objects, around) = apart(&list, &lengths);
            let objects: Vec<Value> = objects.iter().map(|object| serde_json::from_str(object).unwrap()).collect();
            prop_assert_eq!(objects, items);
            let around: Value = serde_json::from_str(&around).unwrap();
            prop_assert_eq!(around, json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": []}));
        }

        #[test]
        fn no_text_is_too_strange(text in "[\\[\\]{}\",:\\\\itemsa1 ]{0,40}", length in 1_usize..9) {
            apart(&text, &[length]);
            apart(&format!("{{\"items\":[{text}"), &[length]);
        }
    }
}
