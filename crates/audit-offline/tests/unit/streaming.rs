//! Of what is read, only a window and what is kept of it are in memory.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::rc::Rc;

use serde_json::{Value, json};

use crate::document::WINDOW;
use crate::document::intake::{Fields, Intake, ListOf, Lists};
use crate::testing::*;
use crate::{Source, document, load};

/// A text that is made while it is read: a beginning, one part again and again, and an end.
struct Endless {
    begin: String,
    part: Box<dyn Fn(usize) -> String>,
    parts: usize,
    end: String,
    next: usize,
    ready: Vec<u8>,
    given: Rc<Cell<usize>>,
}

impl Endless {
    fn new(begin: &str, part: impl Fn(usize) -> String + 'static, parts: usize, end: &str) -> Self {
        Self {
            begin: begin.to_owned(),
            part: Box::new(part),
            parts,
            end: end.to_owned(),
            next: 0,
            ready: Vec::new(),
            given: Rc::default(),
        }
    }
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            self.ready = match self.next {
                0 => std::mem::take(&mut self.begin).into_bytes(),
                next if next <= self.parts => (self.part)(next - 1).into_bytes(),
                next if next == self.parts + 1 => std::mem::take(&mut self.end).into_bytes(),
                _ => return Ok(0),
            };
            self.next += 1;
        }
        let count = into.len().min(self.ready.len());
        let rest = self.ready.split_off(count);
        into[..count].copy_from_slice(&self.ready);
        self.ready = rest;
        self.given.set(self.given.get() + count);
        Ok(count)
    }
}

fn source(text: Endless) -> Source {
    Source {
        contents: Box::new(text),
        ..Source::new("k", "")
    }
}

/// Counts what it is given, and how far the text was read before that.
struct Counting {
    given: Rc<Cell<usize>>,
    /// How many bytes of the text belong to what was taken.
    taken: usize,
    most_ahead: usize,
}

impl Counting {
    fn take(&mut self, bytes: usize) -> usize {
        self.taken += bytes;
        let ahead = self.given.get().saturating_sub(self.taken);
        self.most_ahead = self.most_ahead.max(ahead);
        bytes
    }
}

impl Intake for Counting {
    type Item = usize;

    fn is_list(&self, field: &str) -> bool {
        field == "items"
    }

    fn document(&mut self, value: Value) -> usize {
        self.take(value.to_string().len())
    }

    fn large(&mut self, _: Fields, lists: Lists<usize>) -> usize {
        lists.values().flatten().sum()
    }

    fn read(&mut self, text: &str, of: Option<&ListOf<'_>>) -> serde_json::Result<(usize, usize)> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let value = values.next().unwrap_or_else(|| serde_json::from_str(""))?;
        let end = values.byte_offset();
        // Of a large document, the first look is in vain.
        if of.is_some() || value.get("items").is_none() {
            self.take(end);
        }
        Ok((end, end))
    }
}

fn pod(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("cart-{number}"), "namespace": "shop", "uid": format!("u{number}"), "labels": {"app": "cart"},
            "managedFields": [{"fieldsV1": {"f:spec": "x".repeat(4000)}}],
        },
        "spec": {"serviceAccountName": "cart", "containers": [{"name": "app", "env": [{"name": "AWS_ROLE_ARN",
            "value": format!("arn:aws:iam::{ACCOUNT}:role/cart")}]}]},
        "status": {"phase": "Running"},
    })
}

#[test]
fn a_text_is_read_no_further_than_a_window_ahead_of_what_is_taken() {
    let comma = |number: usize| if number == 0 { "" } else { "," };
    let element = move |number| format!("{}{}", comma(number), pod(number));
    let parts = 16 * WINDOW / 4500;
    for text in [
        Endless::new(
            "{\"apiVersion\":\"v1\",\"items\":[",
            element,
            parts,
            "],\"kind\":\"List\"}",
        ),
        Endless::new("[", element, parts, "]"),
        Endless::new("", |number| format!("{}\n", pod(number)), parts, ""),
        Endless::new(
            "",
            |number| format!("---\na: {number}\nb: {}\n", "x".repeat(4000)),
            parts,
            "",
        ),
        Endless::new(
            "{\"kind\":\"List\",\"items\":[{\"kind\":\"List\",\"items\":[",
            element,
            parts,
            "]}]}",
        ),
    ] {
        let given = text.given.clone();
        let mut intake = Counting {
            given: given.clone(),
            taken: 0,
            most_ahead: 0,
        };
        let mut problems = Vec::new();
        let documents = document::read_all([source(text)], &mut intake, &mut problems);
        assert!(
            problems.is_empty() && !documents.documents.is_empty(),
            "{problems:?}"
        );
        assert!(given.get() > 12 * WINDOW, "{}", given.get());
        assert!(
            intake.most_ahead < 4 * WINDOW,
            "{} of {} {}",
            intake.most_ahead,
            intake.taken,
            given.get()
        );
    }
}

/// The objects of a cluster, as texts of several forms that say the same.
fn forms(pods: usize, account: &str) -> Vec<(&'static str, Vec<Endless>)> {
    let account = account.to_owned();
    let element = move |number| {
        if number == 0 {
            account.clone()
        } else {
            format!(",{}", pod(number))
        }
    };
    let begin = "{\"apiVersion\":\"v1\",\"items\":[";
    let end = "],\"kind\":\"List\",\"metadata\":{}}";
    let lists = "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[";
    let nameless = |number: usize| {
        let mut pod = pod(number + 1);
        let fields = pod.as_object_mut().unwrap();
        fields.remove("apiVersion");
        fields.remove("kind");
        format!("{}{pod}", if number == 0 { "" } else { "," })
    };
    let nameless_list = |begin: &str, end: &str| Endless::new(begin, nameless, pods - 1, end);
    let alone = || Endless::new("", element.clone(), 1, "");
    vec![
        ("a list", vec![Endless::new(begin, element.clone(), pods, end)]),
        (
            "a list in a list",
            vec![Endless::new(lists, element.clone(), pods, "]}]}")],
        ),
        (
            "a list of documents",
            vec![Endless::new("[", element.clone(), pods, "]")],
        ),
        (
            "what the API server answers",
            vec![
                alone(),
                nameless_list("{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[", "]}"),
            ],
        ),
        (
            "the same with its kind at its end",
            vec![
                alone(),
                nameless_list("{\"items\":[", "],\"kind\":\"PodList\",\"apiVersion\":\"v1\"}"),
            ],
        ),
    ]
}

#[test]
fn large_texts_say_the_same_as_small_ones() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": "shop",
        "annotations": {"eks.amazonaws.com/role-arn": format!("arn:aws:iam::{ACCOUNT}:role/cart")}}});
    // More than a window of pods.
    let pods = 2 * WINDOW / 4500;
    for (form, texts) in forms(pods, &account.to_string()) {
        let loaded = load(texts.into_iter().map(source), [], &options());
        assert_eq!(problems(&loaded), [""; 0], "{form}");
        let cluster = &loaded.snapshot.cluster;
        let found: Vec<_> = cluster.pods_in("shop").collect();
        assert_eq!(found.len(), pods - 1, "{form}");
        let shared = found
            .windows(2)
            .filter(|pair| pair[0].containers.is_shared_with(&pair[1].containers))
            .count();
        assert_eq!(shared, pods - 2, "{form}: what pods have in common is kept once");
    }
}

#[test]
fn an_error_in_a_large_text_is_told_with_its_place() {
    let lines = |number: usize| format!("{}{}", if number == 0 { "\n" } else { ",\n" }, pod(number));
    // So many that nobody goes back to the beginning, to read it as YAML.
    let pods = 4 * WINDOW / 4500;
    for (end, expected) in [
        (
            ",\n{\"a\": tru}]}",
            "is not JSON: expected ident at line LINE column 10",
        ),
        (",\n]}", "is not JSON: trailing comma at line LINE column 1"),
        ("\n}", "is not JSON: expected ',' or ']' at line LINE column 1"),
        (",\n{\"a\": \"", "LINE: ends in the middle of a JSON document"),
        (",\n\u{1}", "is not JSON: expected value at line LINE column 1"),
    ] {
        let text = Endless::new("{\"kind\": \"List\", \"items\": [", lines, pods, end);
        let loaded = load([source(text)], [], &options());
        let line = (pods + 2).to_string();
        let said = problems(&loaded).join("\n");
        assert!(said.contains(&expected.replace("LINE", &line)), "{said}");
        assert!(loaded.has_errors() && loaded.problems.len() == 1, "{said}");
    }
    let text = Endless::new("{\"items\": [", lines, pods, ",\n\"\u{e9}").chain(&b"\xff\"]}"[..]);
    let source = Source {
        contents: Box::new(text),
        ..Source::new("k", "")
    };
    let said = problems(&load([source], [], &options())).join("\n");
    assert!(
        said.contains(&format!("is not UTF-8 text at line {}", pods + 2)),
        "{said}"
    );
}

#[test]
fn a_large_account_is_read_role_by_role() {
    let trust = json!({"Version": "2012-10-17", "Statement": []});
    let role = move |number: usize| {
        let role = json!({"Arn": format!("arn:aws:iam::{ACCOUNT}:role/r{number}"), "AssumeRolePolicyDocument": trust,
            "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": [{"Sid": "x".repeat(4000)}]}}],
            "AttachedManagedPolicies": []});
        format!("{}{role}", if number == 0 { "" } else { "," })
    };
    let roles = 2 * WINDOW / 4500;
    let begin = "{\"UserDetailList\": [], \"GroupDetailList\": [], \"RoleDetailList\": [";
    let policy = json!({"Arn": format!("arn:aws:iam::{ACCOUNT}:policy/a"), "PolicyVersionList": [
        {"IsDefaultVersion": true, "Document": {"Statement": []}}]});
    let whole = format!("], \"Policies\": [{policy}]}}");
    for (begin, end) in [(begin, whole.as_str()), ("{\"Roles\": [", "]}")] {
        let text = Endless::new(begin, role.clone(), roles, end);
        let loaded = load([], [source(text)], &options());
        assert_eq!(problems(&loaded), [""; 0]);
        let account = loaded.snapshot.accounts.get(ACCOUNT).unwrap();
        assert_eq!(account.roles.len(), roles);
        assert_eq!(account.managed.len(), usize::from(end.contains("Policies")));
    }
    let mut bad = String::new();
    let _ = write!(
        bad,
        ", {{\"Arn\": \"arn:aws:iam::{ACCOUNT}:role/b\", \"AssumeRolePolicyDocument\": 7}}]}}"
    );
    for (begin, at) in [(begin, "RoleDetailList"), ("{\"Roles\": [", "Roles")] {
        let text = Endless::new(begin, role.clone(), roles, &bad);
        let said = problems(&load([], [source(text)], &options())).join("\n");
        assert!(
            said.contains(&format!("{at}[{roles}].AssumeRolePolicyDocument: ")),
            "{said}"
        );
    }
}
